"""`footfall login` and `footfall logout`: services and credentials for the commands that speak to them."""

import os
import sys
from urllib.parse import urlsplit

import click
import msgspec
from footfall_client.calls import Request, exchange
from footfall_client.service import BlockingClient

from footfall.cli.context import settings_command
from footfall.cli.remote import profiles
from footfall.cli.remote.connecting import RemoteService, checked_url, told_failures
from footfall.cli.remote.profiles import DEFAULT, Profile, ProfilesUnusable
from footfall.cli.tables import echo_table
from footfall.settings import Settings
from footfall.wording import plain

_NAME_MAX = 60


def _read_name(_context: click.Context, _option: click.Parameter, name: str) -> str:
    if not name.isprintable() or not 0 < len(name) <= _NAME_MAX:
        raise click.BadParameter("a profile's name has 1 to 60 printable characters")
    return name


@click.command()
@click.argument("url", required=False)
@click.option("--user", metavar="NAME", help="Sign in as this user, with a password.")
@click.option("--key", "with_key", is_flag=True, help="Sign in with a key instead of a user and a password.")
@click.option("--profile", default=DEFAULT, callback=_read_name, metavar="NAME", help="Keep it under this name.")
@click.option("--list", "show", is_flag=True, help="List the profiles instead, without their secrets.")
@settings_command
def login(_: Settings, url: str | None, user: str | None, with_key: bool, profile: str, show: bool) -> None:
    """Keep the address of a service, and a user or a key, for the commands that speak to it.

    The password or key is asked for, or read as one line from standard input, or taken from FOOTFALL_PASSWORD or
    FOOTFALL_KEY; never from the command line, which other users of the machine can read. The service has to take it
    before it is kept, in a file that nobody else may read.

    \b
    Examples:
      footfall login https://events.example.com --user anna
      footfall login https://events.example.com --key --profile board < key.txt
      footfall login --list
    """
    kept = _kept()
    if show:
        rows = [(name, one.url, one.signs_in_as) for name, one in sorted(kept.items())]
        echo_table(("PROFILE", "SERVICE", "USER"), rows, "there are no profiles")
        return
    if not url:
        raise click.UsageError("say the address of the service, such as https://events.example.com")
    url = checked_url(url)
    if with_key and user:
        raise click.UsageError("a key has a user already: say --user or --key")
    if urlsplit(url).scheme == "http" and not RemoteService(url, None).is_local:
        click.echo("this address is not encrypted: others on the way can read the credentials", err=True)
    found = _with_key(url) if with_key else _with_password(url, user)
    who = _who(found)
    found = Profile(url=url, user=who, password=found.password, key=found.key)
    profiles.write({**kept, profile: found})
    click.echo(f"signed in to {url} as {plain(who)}; kept as profile {plain(profile)} in {profiles.path()}")


@click.command()
@click.option("--profile", default=DEFAULT, metavar="NAME", help="The profile; `default` when not said.")
@click.option("--all", "every", is_flag=True, help="Forget all profiles.")
@settings_command
def logout(_: Settings, profile: str, every: bool) -> None:
    """Forget a profile with its password or key.

    The key itself stays valid until `footfall key revoke` ends it, or its last day.

    \b
    Examples:
      footfall logout
      footfall logout --profile board
    """
    kept = _kept()
    if not every and profile not in kept:
        known = ", ".join(sorted(kept)) or "none"
        raise click.ClickException(f"there is no profile {profile!r}; there are: {known}")
    profiles.write({} if every else {name: one for name, one in kept.items() if name != profile})
    click.echo("all profiles are forgotten" if every else f"profile {plain(profile)} is forgotten")


def _kept() -> dict[str, Profile]:
    try:
        return profiles.read()
    except ProfilesUnusable as error:
        raise click.ClickException(str(error)) from error


def _with_password(url: str, user: str | None) -> Profile:
    name = user or os.environ.get("FOOTFALL_USER") or ""
    if not name and sys.stdin.isatty():
        name = click.prompt("User", err=True)
    if not name:
        raise click.UsageError("say --user NAME, or --key")
    return Profile(url=url, user=name, password=_secret("FOOTFALL_PASSWORD", f"Password of {name}"))


def _with_key(url: str) -> Profile:
    return Profile(url=url, key=_secret("FOOTFALL_KEY", "Key"))


def _secret(variable: str, label: str) -> str:
    """A secret from the variable, a prompt that shows nothing, or a line of standard input."""
    if found := os.environ.get(variable):
        return found
    if sys.stdin.isatty():
        return str(click.prompt(label, hide_input=True, err=True))
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise click.ClickException(f"no {label.lower()}: type it, pass it on standard input, or set {variable}")
    return line


def _who(profile: Profile) -> str:
    """The name of the user whom the service takes the credentials for; ends the command when it takes none."""
    with told_failures(), BlockingClient(profile.url, profile.auth, timeout_s=15.0) as client:
        # Not again and again: somebody waits at a terminal.
        answer = client.run(exchange(Request("GET", "/service/authenticate", is_repeatable=False)))
    try:
        return str(msgspec.json.decode(answer.body)["user"]["id"])
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise click.ClickException(f"{profile.url} is no service of footfall: is the address right?") from error
