"""`footfall user`: who may sign in, with which password, and whose events they may see."""

import datetime as dt
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
import msgspec
from msgspec import UNSET

from footfall.accounts import Accounts, BadUser
from footfall.cli.auditing import audited
from footfall.cli.context import Needs, OverviewGroup, data_command
from footfall.cli.opening import new_option, open_codes, open_state
from footfall.cli.tables import echo_table
from footfall.cli.user_link import link, unlink
from footfall.cli.user_sign_in import drop_code, sign_out
from footfall.service.composition import open_accounts
from footfall.settings import Settings
from footfall.state import LastAdmin, User, UserChange, UserExists
from footfall.system.clock import SystemClock
from footfall.validation import AskedCodes

_REFUSALS = (BadUser, LastAdmin, UserExists)
_COLUMNS = ("ID", "ADMIN", "MONITOR", "CUSTOMERS", "CONTEXT", "PERMISSIONS", "CREATED")


class ListedUser(msgspec.Struct, frozen=True):
    """A user as `list --json` prints it, without the password's hash."""

    id: str
    admin: bool
    monitor: bool
    customers: tuple[str, ...]
    context: str
    permissions: str | None
    created_ms: int


@click.group(cls=OverviewGroup)
def user() -> None:
    """Add, list, change and remove users.

    Users sign in with Basic authentication to ask for reports; sending events needs no user. What you change here
    counts from the next request on, without a restart.

    Passwords are asked for, or read as one line from standard input, and never taken from the command line, where
    other users of the machine could read them.

    \b
    Examples:
      footfall user add alice --customer BARCHART
      footfall user add root --admin
      footfall user list
      footfall user password alice
      footfall user change alice --admin
      footfall user grant alice --customer TGAM
      footfall user revoke alice --customer BARCHART
      footfall user link alice 248289761001
      footfall user remove alice
    """


user.add_command(link)
user.add_command(unlink)
user.add_command(drop_code)
user.add_command(sign_out)


@user.command()
@click.argument("user_id", metavar="ID")
@click.option("--customer", "customers", metavar="CODE", multiple=True, help="May see this customer; repeat for more.")
@click.option("--admin", is_flag=True, help="May see every customer.")
@click.option("--monitor", is_flag=True, help="May read the metrics, as admins may.")
@click.option("--context", default="", metavar="TEXT", help="Passed on to clients that sign in, such as a domain.")
@click.option("--permissions", metavar="TEXT", help="Passed on to clients that sign in; footfall does not read it.")
@new_option
@data_command(Needs.STATE)
@audited("user.add", "user_id")
def add(
    settings: Settings,
    user_id: str,
    customers: tuple[str, ...],
    admin: bool,
    monitor: bool,
    context: str,
    permissions: str | None,
    are_new: bool,
) -> None:
    """Add the user ID, who sees the customers that you name and no others.

    The password has at least 10 characters; a few words are better than a few signs.

    A customer must be in the tracking plan, or have events in the store; --new says that it will.

    \b
    Examples:
      footfall user add alice --customer BARCHART --customer TGAM
      footfall user add root --admin
      footfall user add ci --customer TGAM < password.txt
      footfall user add prometheus --monitor < password.txt
    """
    with _accounts(settings) as accounts:
        if _has(accounts, user_id):
            raise UserExists(f"user {user_id!r} exists already: change the password with `footfall user password`")
        if not are_new:
            _require_known(settings, customers)
        password, rights = _read_password(), {"admin": admin, "monitor": monitor}
        accounts.add(user_id, password, context=context, permissions=permissions, customers=customers, **rights)
    click.echo(f"added user {user_id}")
    if not (admin or monitor or customers):
        click.echo("this user sees no customer yet: --customer CODE or --admin would have said which", err=True)


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for scripts; times are ms since the epoch.")
@data_command(Needs.STATE)
def list_users(settings: Settings, as_json: bool) -> None:
    """List all users.

    \b
    Examples:
      footfall user list
      footfall user list --json | jq -r '.[] | select(.admin) | .id'
    """
    with _accounts(settings) as accounts:
        users = accounts.list()
    if as_json:
        listed = [msgspec.convert(each, ListedUser, from_attributes=True) for each in users]
        click.echo(msgspec.json.format(msgspec.json.encode(listed)))
        return
    echo_table(_COLUMNS, map(_row, users), "there are no users yet")


@user.command()
@click.argument("user_id", metavar="ID")
@data_command(Needs.STATE)
@audited("user.password", "user_id")
def password(settings: Settings, user_id: str) -> None:
    """Give the user ID a new password; the old one stops working at once, and so do links that were made with it.

    \b
    Examples:
      footfall user password alice
      footfall user password ci < password.txt
    """
    with _accounts(settings) as accounts:
        if not (_has(accounts, user_id) and accounts.password(user_id, _read_password())):
            raise _no_such_user(user_id)
    click.echo(f"changed the password of user {user_id}")


@user.command()
@click.argument("user_id", metavar="ID")
@click.option("--admin/--no-admin", default=None, help="May see every customer, or only those that were granted.")
@click.option("--monitor/--no-monitor", default=None, help="May read the metrics, or not.")
@click.option("--context", metavar="TEXT", help="Passed on to clients that sign in; '' for none.")
@click.option("--permissions", metavar="TEXT", help="Passed on to clients that sign in; '' for none.")
@data_command(Needs.STATE)
@audited("user.change", "user_id")
def change(
    settings: Settings,
    user_id: str,
    admin: bool | None,
    monitor: bool | None,
    context: str | None,
    permissions: str | None,
) -> None:
    """Change the rights of the user ID, or what is passed on; what you do not name stays.

    Reports, schedules and links of theirs stay, unless they are of customers whom they may not see any more. The last
    admin stays one. `footfall user grant` and `revoke` change the customers, `password` the password.

    \b
    Examples:
      footfall user change alice --admin
      footfall user change alice --no-admin --context example.com
    """
    wanted = UserChange(
        admin=UNSET if admin is None else admin,
        monitor=UNSET if monitor is None else monitor,
        context=UNSET if context is None else context,
        permissions=UNSET if permissions is None else permissions or None,
    )
    if wanted == UserChange():
        raise click.UsageError("nothing to change: name an option, such as --admin or --context")
    with _accounts(settings) as accounts:
        if not accounts.change(user_id, wanted):
            raise _no_such_user(user_id)
    click.echo(f"changed user {user_id}")


@user.command()
@click.argument("user_id", metavar="ID")
@click.option("--customer", "customers", metavar="CODE", multiple=True, required=True, help="Repeat it for more.")
@new_option
@data_command(Needs.STATE)
@audited("user.grant", "user_id")
def grant(settings: Settings, user_id: str, customers: tuple[str, ...], are_new: bool) -> None:
    """Let the user ID see customers, beside those that the user sees already.

    A customer must be in the tracking plan, or have events in the store; --new says that it will.

    \b
    Example:
      footfall user grant alice --customer TGAM
    """
    with _accounts(settings) as accounts:
        if not are_new:
            _require_known(settings, customers)
        if not accounts.grant(user_id, customers):
            raise _no_such_user(user_id)
    click.echo(f"user {user_id} may see {', '.join(customers)}")


@user.command()
@click.argument("user_id", metavar="ID")
@click.option("--customer", "customers", metavar="CODE", multiple=True, required=True, help="Repeat it for more.")
@data_command(Needs.STATE)
@audited("user.revoke", "user_id")
def revoke(settings: Settings, user_id: str, customers: tuple[str, ...]) -> None:
    """Let the user ID see these customers no longer, neither their reports nor by a link; an admin sees all.

    Schedules of theirs are paused.

    \b
    Example:
      footfall user revoke alice --customer TGAM
    """
    with _accounts(settings) as accounts:
        found = next((each for each in accounts.list() if each.id == user_id), None)
        if found is None:
            raise _no_such_user(user_id)
        if found.admin:
            raise click.ClickException(f"user {user_id} is an admin, who sees all customers")
        if unseen := [code for code in customers if code not in found.customers]:
            seen = ", ".join(found.customers) or "none"
            raise click.ClickException(
                f"user {user_id} does not see {', '.join(unseen)}, but {seen}; nothing was changed"
            )
        accounts.revoke(user_id, customers)
    click.echo(f"user {user_id} may not see {', '.join(customers)}")


@user.command()
@click.argument("user_id", metavar="ID")
@data_command(Needs.STATE)
@audited("user.remove", "user_id")
def remove(settings: Settings, user_id: str) -> None:
    """Remove the user ID, who can sign in no more.

    Links to the user's reports end, and schedules are paused. Reports stay until their time is over, but nobody can
    have them any more, nor can who is added under the same name later. The last admin cannot be removed.

    \b
    Example:
      footfall user remove alice
    """
    with _accounts(settings) as accounts:
        if not accounts.remove(user_id):
            raise _no_such_user(user_id)
    click.echo(f"removed user {user_id}")


@contextmanager
def _accounts(settings: Settings) -> Iterator[Accounts]:
    """The users of the state database; a refusal becomes one line on standard error and exit code 1."""
    try:
        with open_state(settings) as state, open_accounts(state, settings, SystemClock()) as accounts:
            yield accounts
    except _REFUSALS as refusal:
        raise click.ClickException(str(refusal)) from refusal


def _require_known(settings: Settings, customers: tuple[str, ...]) -> None:
    """Refuse customers that neither the tracking plan nor the store knows: the user would see nothing of them."""
    # What is no code at all is refused by the accounts.
    codes_given = [customer for customer in customers if 0 < len(customer) <= settings.code_chars_max]
    if not codes_given:
        return
    with open_codes(settings) as codes:
        unknown = [
            mistake.why
            for customer in codes_given
            for mistake in codes.find_unknown_blocking(AskedCodes({"customer": customer}), assume_unknown=True)
        ]
    if unknown:
        plan = settings.plan or "the packaged one"
        raise BadUser("; ".join([*unknown, f"--new takes it all the same (the tracking plan is {plan}: setting plan)"]))


def _has(accounts: Accounts, user_id: str) -> bool:
    """Whether there is the user, to be known before somebody types a password for nothing."""
    return any(each.id == user_id for each in accounts.list())


def _no_such_user(user_id: str) -> click.ClickException:
    return click.ClickException(f"no such user: {user_id!r}; `footfall user list` shows them all")


def _read_password() -> str:
    if sys.stdin.isatty():
        return click.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True)
    line = sys.stdin.buffer.readline()
    try:
        return line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise BadUser("the password on standard input is not UTF-8 text") from error


def _row(each: User) -> tuple[str, ...]:
    created = dt.datetime.fromtimestamp(each.created_ms / 1000, dt.UTC)
    customers = "*" if each.admin else ",".join(each.customers)
    admin, monitor = ("yes" if right else "no" for right in (each.admin, each.monitor))
    return each.id, admin, monitor, customers, each.context, each.permissions or "", f"{created:%Y-%m-%d %H:%M}Z"
