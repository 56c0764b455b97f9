"""`footfall alerts`: whether the receiver of alerts takes what footfall sends."""

import asyncio
from typing import Final
from urllib.parse import urlsplit

import click

from footfall.cli.context import OverviewGroup, require_told, settings_command
from footfall.settings import Settings
from footfall.system.clock import SystemClock
from footfall.system.data_folder import node_name
from footfall.wording import plain

# Characters of an answer that are shown: receivers say what is wrong in their first line.
_ANSWER_CHARS: Final = 200


@click.group(cls=OverviewGroup)
def alerts() -> None:
    """Try the receiver of alerts.

    \b
    Example:
      footfall alerts test
    """


@alerts.command()
@settings_command
def test(settings: Settings) -> None:
    """Send a signed test message to the receiver of alerts, and show what came back.

    It goes to alert_url as an alert would: signed with alert_secret, without redirects and proxies, in alert_timeout_s
    seconds; but once. Its type is alert.test. The exit code is 1 where the receiver did not take it.

    \b
    Examples:
      footfall alerts test
      footfall --config /etc/footfall.toml alerts test
    """
    from footfall.alerts import try_receiver  # noqa: PLC0415
    from footfall.system.http_client import ExchangeFailed  # noqa: PLC0415

    require_told("alert_url", "alert_secret")
    if not settings.alert_url:
        raise click.ClickException("alert_url is not set, so that alerts are sent nowhere: name the receiver's address")
    node = node_name(settings) if (settings.data / "node").exists() else ""
    # The rest of the address may be what the receiver knows us by.
    host = urlsplit(settings.alert_url).hostname
    try:
        trial = asyncio.run(try_receiver(settings, SystemClock(), node))
    except ExchangeFailed as error:
        raise click.ClickException(f"no answer to the test message: {plain(str(error))}") from error
    told = f"status {trial.status} after {trial.took_s:.2f} s"
    if text := plain(" ".join(trial.text.split())):
        told += f', and "{text[:_ANSWER_CHARS]}"'
    if not trial.is_received:
        raise click.ClickException(f"{host} did not take the test message: {told}; {trial.advice}")
    click.echo(f"{host} took {trial.message_id}: {told}")
