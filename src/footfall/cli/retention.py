"""`footfall retention` shows the rules of retention, what they have removed, and what they would remove."""

import click
import msgspec
from msgspec import UNSET

from footfall.cli.context import data_command, require_told
from footfall.cli.failures import tell_store_error
from footfall.cli.opening import open_state
from footfall.cli.tables import echo_table
from footfall.service import composition
from footfall.settings import Settings
from footfall.settings.retention import FOR_EVER
from footfall.system.data_folder import is_served
from footfall.wording import moment

_COLUMNS = ("PRODUCT", "TYPE", "DAYS", "IN FORCE", "PAST UP TO", "PAST NOW", "REMOVED", "CAME LATE")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON, for scripts; times are ms since the epoch.")
@data_command()
def retention(settings: Settings, as_json: bool) -> None:
    """Show for how long events are kept, by product and type, and what goes.

    For each rule of the setting retention_rules: up to when its events are past, how many of these the store has now,
    and how many were removed or came too late. Nothing is changed. With other rules in --config or --set it shows what
    a service with them would remove, before it does.

    \b
    Examples:
      footfall retention
      footfall --set 'retention_rules=[{"type": "DEBUG*", "days": 7}]' retention
    """
    from footfall.expiry import look_at_rules  # noqa: PLC0415
    from footfall.service.temporary_engine import temporary_engine  # noqa: PLC0415
    from footfall.store import StoreFailed, StoreTimeout, StoreUnavailable  # noqa: PLC0415

    require_told("state_url", "events_url")
    try:
        with (
            open_state(settings) as state,
            composition.open_store(settings) as store,
            temporary_engine(settings, store, composition.ENGINE_STARTS_S if is_served(settings) else 0),
            composition.open_clock(settings) as clock,
        ):
            store.migrate()
            found = list(look_at_rules(settings.retention_rules, state, store, clock.now_ms()))
    except (StoreUnavailable, StoreTimeout, StoreFailed) as error:
        raise click.ClickException(tell_store_error(error)) from error
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
        return
    rows = [
        (
            one.product,
            one.type,
            "for ever" if one.days == FOR_EVER else one.days,
            "yes" if one.in_force else "no",
            "" if one.until is UNSET else moment(one.until),
            one.past,
            one.removed,
            one.kept_out,
        )
        for one in found
    ]
    echo_table(_COLUMNS, rows, "there are no rules: every event is kept")
