"""`footfall audit`: who did what, when, from where and with which key."""

import sys
import time
from collections.abc import Iterable
from typing import Final

import click
import msgspec

from footfall.audit import ChainBroken, ChainFollower, entries, verify
from footfall.cli.context import Needs, OverviewGroup, data_command
from footfall.cli.failures import Interrupted
from footfall.cli.opening import open_state
from footfall.cli.output import WholeNumber, read_time, zone_option
from footfall.cli.tables import echo_table
from footfall.service import composition
from footfall.settings import Settings
from footfall.state import AuditEntry, StateTooNew, StateUnavailable, state_file
from footfall.wording import moment, plain

_COLUMNS = ("NUMBER", "TIME", "WHO", "KEY", "FROM", "ACTION", "TARGET", "OUTCOME", "DETAILS")
_SHOWN = 50
# Between two looks for new entries, and while the state is away.
_LOOK_S: Final = 1.0
_AWAY_LOOK_S: Final = 5.0


@click.group(cls=OverviewGroup)
def audit() -> None:
    """List, verify and export the audit log: who did what, when, from where and with which key.

    It has sign-ins, reads of reports and of single events, and changes of users, keys, schedules, links and
    quarantine, over HTTP and by commands. Each entry has the hash of the one before, so that `verify` finds what was
    changed or taken out.

    \b
    Examples:
      footfall audit list --who anna
      footfall audit verify
      footfall audit export --after 1200 >> audit.jsonl
    """


@audit.command("list")
@click.option("--limit", metavar="N", type=WholeNumber(10_000), default=_SHOWN, help="So many; 50 when not said.")
@click.option("--who", metavar="USER", default="", help="Only of this user.")
@click.option("--action", metavar="ACTION", default="", help="Only this action, such as report.download.")
@click.option("--outcome", type=click.Choice(["ok", "denied", "failed"]), help="Only with this outcome.")
@click.option("--since", "since_ms", metavar="TIME", callback=read_time, help="Then or later: 1h, 7d or a date.")
@zone_option
@data_command(Needs.STATE)
def list_entries(
    settings: Settings, limit: int, who: str, action: str, outcome: str | None, since_ms: int | None
) -> None:
    """List the newest entries, the newest first.

    \b
    Examples:
      footfall audit list
      footfall audit list --action sign-in --outcome failed --since 1d
    """
    fields = {"who": who, "action": action, "outcome": outcome or ""}
    wanted = {name: value for name, value in fields.items() if value}
    with open_state(settings) as state:
        found = state.audit.newest(None, limit, since_ms or 0, **wanted)
    echo_table(_COLUMNS, map(_row, found), "there are no such entries")


@audit.command("verify")
@click.option("--head", "heads", metavar="NUMBER:HASH", multiple=True, help="An entry's hash that was kept elsewhere.")
@data_command(Needs.STATE)
def verify_chain(settings: Settings, heads: tuple[str, ...]) -> None:
    """Check that no entry was changed or taken out, and print the number and the hash of the last one.

    Keep that line where who can write to the state cannot write: given as --head later, it proves that all up to
    there is as it was, and that the end was not cut off. Exit code 1 tells that something is wrong.

    \b
    Examples:
      footfall audit verify
      footfall audit verify --head "$(cat head.txt)"
    """
    with open_state(settings) as state:
        found = verify(state, dict(map(_head, heads)))
    for problem in found.problems:
        click.echo(problem, err=True)
    if found.problems:
        raise click.ClickException("the audit log is not as it was written")
    click.echo(f"{found.entries} entries hold, from {found.first}; the last is {found.number}:{found.hash}")


@audit.command()
@click.option("--after", metavar="NUMBER", type=click.IntRange(0), default=0, help="Only entries behind this one.")
@click.option("--follow", is_flag=True, help="Go on with each entry that is added, until Ctrl-C.")
@data_command(Needs.STATE)
def export(settings: Settings, after: int, follow: bool) -> None:
    """Print the entries as JSON lines, in their order, with all that their hashes are over.

    With --follow it waits for more, and for a state that is away. It ends with an error when the log does not go on
    from the last entry that it printed, because it was put back, cut off or made anew.

    \b
    Examples:
      footfall audit export > audit.jsonl
      footfall audit export --after 1200 --follow | logger --tag footfall-audit
    """
    with open_state(settings) as state:
        if not follow:
            _print(entries(state, after))
            return
    _Following(settings, after).go_on()


class _Following:
    """Prints what is added, with a look each second, and less often while the state is away."""

    def __init__(self, settings: Settings, after: int) -> None:
        self._settings = settings
        self._follower = ChainFollower(after)
        self._is_away = False

    def go_on(self) -> None:
        """Until Ctrl-C, or until the log does not go on."""
        try:
            while True:
                self._look()
                time.sleep(_AWAY_LOOK_S if self._is_away else _LOOK_S)
        except (ChainBroken, StateTooNew) as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt:
            if sys.stderr.isatty():
                click.echo(err=True)  # below the ^C
            sys.exit(Interrupted.exit_code)

    def _look(self) -> None:
        """Print what is new; tell once when the state is away, and once when it is back."""
        try:
            self._take()
        except StateUnavailable as error:
            if not self._is_away:
                click.echo(f"{error}; waiting for it", err=True)
            self._is_away = True
            return
        if self._is_away:
            click.echo("the state database is back", err=True)
        self._is_away = False

    def _take(self) -> None:
        file = state_file(self._settings)
        if file is not None and not file.exists():  # opening it would make it, where a restore wants to
            raise StateUnavailable(f"there is no state database {file}")
        # Opened anew for each look, which takes some milliseconds: the file may be another one by now.
        with composition.open_state(self._settings, migrate=False) as state:
            _print(self._follower.take(state))


def _print(found: Iterable[AuditEntry]) -> None:
    """Print entries, of which a reader at the other end has whole lines as soon as there are no more for now."""
    encoder = msgspec.json.Encoder()
    for entry in found:
        sys.stdout.write(encoder.encode(entry).decode() + "\n")
    sys.stdout.flush()


def _head(text: str) -> tuple[int, str]:
    number, colon, kept = text.partition(":")
    if not (number.isdigit() and colon and kept):
        raise click.BadParameter(f"{plain(text)} is not NUMBER:HASH", param_hint="--head")
    return int(number), kept


def _row(entry: AuditEntry) -> tuple[object, ...]:
    details = plain(entry.details) if entry.details != "{}" else ""
    who, target = plain(entry.who), plain(entry.target)
    return (
        entry.number,
        moment(entry.at_ms),
        who,
        entry.key,
        entry.address,
        entry.action,
        target,
        entry.outcome,
        details,
    )
