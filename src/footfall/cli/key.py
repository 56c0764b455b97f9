"""`footfall key`: the keys with which programs sign in as users."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from msgspec import Struct

from footfall.accounts import Accounts, BadKey, IssuedKey, KeyScope, WantedKey
from footfall.cli.auditing import audited
from footfall.cli.context import Needs, OverviewGroup, data_command
from footfall.cli.opening import open_state
from footfall.cli.output import WholeNumber, echo_json
from footfall.cli.tables import echo_table
from footfall.service.composition import open_accounts
from footfall.settings import Settings
from footfall.state import ApiKey, TooManyKeys, User
from footfall.system.clock import SystemClock
from footfall.wording import moment

_COLUMNS = ("ID", "USER", "NAME", "SCOPES", "CUSTOMERS", "PRODUCTS", "CREATED", "EXPIRES", "LAST USED")
_PAGE_KEYS = 500
_OVERLAP_S_MAX = 30 * 86_400


class ListedKey(Struct, frozen=True):
    """A key as `list --json` prints it, without its digest."""

    id: str
    user: str
    name: str
    scopes: tuple[str, ...]
    customers: tuple[str, ...]
    products: tuple[str, ...]
    created_ms: int
    expires_ms: int | None
    used_ms: int | None
    replaces: str | None


@click.group(cls=OverviewGroup)
def key() -> None:
    """Add, list, rotate and revoke the keys with which programs sign in.

    A key belongs to a user, and has at most the user's rights. A program sends it as `Authorization: Bearer KEY`, or
    as the password of Basic authentication. It is shown once, when it is made, and kept nowhere.

    \b
    Examples:
      footfall key add anna --name export --scope report
      footfall key add anna --name board --scope read --customer TGAM --days 90
      footfall key list
      footfall key rotate k3v9x2m7qd --overlap 3600
      footfall key revoke k3v9x2m7qd
    """


@key.command()
@click.argument("user_id", metavar="USER")
@click.option("--name", required=True, metavar="TEXT", help="For people: what the key is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in KeyScope]),
    help="The calls that it may make; repeat it for more.",
)
@click.option("--customer", "customers", metavar="CODE", multiple=True, help="Only this customer; repeat it for more.")
@click.option("--product", "products", metavar="CODE", multiple=True, help="Only this product; repeat it for more.")
@click.option("--days", metavar="N", type=WholeNumber(3650), help="Its life in days; without it the key has no end.")
@data_command(Needs.STATE)
@audited("key.add", "user_id")
def add(
    settings: Settings,
    user_id: str,
    name: str,
    scopes: tuple[str, ...],
    customers: tuple[str, ...],
    products: tuple[str, ...],
    days: int | None,
) -> None:
    """Make a key of the user USER, and print it.

    The scope `send` is for programs that send events, `read` for statistics and for reading reports, `report` for
    making reports and schedules, `admin` for keys, and for what only admins may do. Without --customer the key sees
    the customers of its user, without --product all products.

    \b
    Examples:
      footfall key add anna --name export --scope report --scope read
      footfall key add anna --name board --scope read --product ALERT --days 90
    """
    wanted = WantedKey(name=name, scopes=scopes, customers=customers, products=products, days=days)
    with _accounts(settings) as accounts:
        user = accounts.get(user_id)
        if user is None:
            raise click.ClickException(f"no such user: {user_id!r}; `footfall user list` shows them all")
        _tell(accounts.keys.issue(user, wanted), "added")


@key.command("list")
@click.option("--user", "user_id", metavar="USER", help="Only the keys of this user.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for scripts; times are ms since the epoch.")
@data_command(Needs.STATE)
def list_keys(settings: Settings, user_id: str | None, as_json: bool) -> None:
    """List all keys, without their text.

    Expired keys are listed for a month. The last use is exact to a minute.

    \b
    Examples:
      footfall key list
      footfall key list --user anna --json | jq -r '.[].id'
    """
    with _accounts(settings) as accounts:
        found = [each for each in _all(accounts) if user_id in (None, each[0].id)]
    if as_json:
        echo_json([_listed(*each) for each in found])
        return
    echo_table(_COLUMNS, (_row(*each) for each in found), "there are no keys")


@key.command()
@click.argument("key_id", metavar="ID")
@data_command(Needs.STATE)
@audited("key.revoke", "key_id")
def revoke(settings: Settings, key_id: str) -> None:
    """Revoke the key ID, from the next request on.

    \b
    Example:
      footfall key revoke k3v9x2m7qd
    """
    with _accounts(settings) as accounts:
        if not accounts.keys.revoke(key_id):
            raise _no_such_key(key_id)
    click.echo(f"revoked key {key_id}")


@key.command()
@click.argument("key_id", metavar="ID")
@click.option(
    "--overlap",
    "overlap_s",
    metavar="SECONDS",
    type=click.IntRange(0, _OVERLAP_S_MAX),
    help="For how long the old key still works; a day when not said (setting key_overlap_s).",
)
@data_command(Needs.STATE)
@audited("key.rotate", "key_id")
def rotate(settings: Settings, key_id: str, overlap_s: int | None) -> None:
    """Make a key in place of the key ID, with the same rights and as long a life, and print it.

    \b
    Examples:
      footfall key rotate k3v9x2m7qd
      footfall key rotate k3v9x2m7qd --overlap 0
    """
    with _accounts(settings) as accounts:
        found = accounts.keys.get(key_id)
        overlap_s = settings.key_overlap_s if overlap_s is None else overlap_s
        issued = None if found is None else accounts.keys.rotate(found[1], overlap_s)
        if issued is None:
            raise _no_such_key(key_id)
        _tell(issued, f"rotated key {key_id}, which works for {overlap_s} s more: added")


@contextmanager
def _accounts(settings: Settings) -> Iterator[Accounts]:
    """The users of the state database; a refusal becomes one line on standard error and exit code 1."""
    try:
        with open_state(settings) as state, open_accounts(state, settings, SystemClock()) as accounts:
            yield accounts
    except (BadKey, TooManyKeys) as refusal:
        raise click.ClickException(str(refusal)) from refusal


def _all(accounts: Accounts) -> Iterator[tuple[User, ApiKey]]:
    after = ""
    while found := accounts.keys.page(None, after, _PAGE_KEYS):
        yield from found
        after = found[-1][1].id


def _tell(issued: IssuedKey, done: str) -> None:
    """Print the key alone on standard output, so that a shell can take it up, and the rest beside it."""
    click.echo(f"{done} key {issued.key.id}; it is shown this once:", err=True)
    click.echo(issued.text)


def _listed(user: User, each: ApiKey) -> ListedKey:
    return ListedKey(
        id=each.id,
        user=user.id,
        name=each.name,
        scopes=each.scopes,
        customers=each.customers,
        products=each.products,
        created_ms=each.created_ms,
        expires_ms=each.expires_ms,
        used_ms=each.used_ms,
        replaces=each.replaces,
    )


def _row(user: User, each: ApiKey) -> tuple[str, ...]:
    codes = (",".join(each.scopes), ",".join(each.customers) or "*", ",".join(each.products) or "*")
    expires, used = ("never" if ms is None else moment(ms) for ms in (each.expires_ms, each.used_ms))
    return each.id, user.id, each.name, *codes, moment(each.created_ms), expires, used


def _no_such_key(key_id: str) -> click.ClickException:
    return click.ClickException(f"no such key: {key_id!r}; `footfall key list` shows them all")
