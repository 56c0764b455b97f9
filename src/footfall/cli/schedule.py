"""`footfall schedule`: reports that come by themselves; make schedules, look at them, pause and remove them."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, tzinfo
from typing import Any

import click
import msgspec
from msgspec import UNSET

from footfall import windows
from footfall.accounts import may_see
from footfall.cli.auditing import audited
from footfall.cli.context import Needs, OverviewGroup, data_command
from footfall.cli.opening import new_option, open_codes, open_state
from footfall.cli.output import WholeNumber, echo_json, keep_zone, read_time
from footfall.cli.schedule_body import open_views, report_options, schedule_body
from footfall.cli.tables import echo_table, echo_text
from footfall.errors import Code, Problem, RequestRefused
from footfall.schedules import Schedules, ScheduleShown, ShownRun
from footfall.settings import Settings
from footfall.state import State, User
from footfall.system.clock import SystemClock
from footfall.usage import EVERY
from footfall.validation import CodeLookup
from footfall.wording import moment

# Whoever can read the state database may do all of it.
_OPERATOR = User(id="", password_hash="", admin=True, created_ms=0)
_RUNS_SHOWN = 20
_NONE_YET = "there are none yet"
# What the body of `POST /schedules` calls otherwise than the command line.
_OPTIONS = {
    "graceSeconds": "grace",
    "correctionDays": "corrections",
    "filter.types": "type",
    "filter.customers": "customer",
    "filter.products": "product",
    "filter.versions": "version",
    "view": "view",
}


@click.group(cls=OverviewGroup)
def schedule() -> None:
    """Make reports come by themselves: for every hour, day, week or month.

    A report is started when its window has closed and a time of grace is over, so that late events are in it. When
    others come later still, a correction is made. After an outage, every window is made up for. The reports belong to
    the schedule's owner, and are made with the rights that the owner has then.

    What you change here counts within seconds, without a restart.

    \b
    Examples:
      footfall schedule add --user anna --customer BARCHART \\
          --product PORTFOLIO --every day --timezone Europe/Berlin
      footfall schedule list
      footfall schedule runs 7b0e6d0e-3c43-4f0c-9b25-2f5b8d3f0a11
      footfall schedule pause 7b0e6d0e-3c43-4f0c-9b25-2f5b8d3f0a11
    """


@schedule.command()
@click.option("--user", "user_id", required=True, metavar="ID", help="The owner of the schedule and its reports.")
@report_options
@click.option(
    "--every", required=True, type=click.Choice(["hour", "day", "week", "month"]), help="Of what a report is."
)
@click.option(
    "--timezone",
    metavar="ZONE",
    is_eager=True,
    callback=keep_zone,
    help="Whose days are meant, such as Europe/Berlin; UTC when not said.",
)
@click.option("--name", metavar="TEXT", help="For people.")
@click.option("--grace", type=int, metavar="SECONDS", help="From a window's end to its report.")
@click.option("--corrections", type=int, metavar="DAYS", help="How long late events are looked for; 0 for never.")
@click.option("--correction", type=click.Choice(["full", "since"]), help="A whole file, or what came since.")
@click.option(
    "--from", "start", callback=read_time, metavar="TIME", help="A time in the first window: 30d, 2026-11-01."
)
@new_option
@data_command(Needs.STATE)
@audited("schedule.add", "")
def add(settings: Settings, /, user_id: str, are_new: bool, **given: Any) -> None:
    """Add a schedule, and print its id.

    The first report is of the window that is open now; with --from, of one that is over, and all since. Where the
    output has a bucketKey, it is a template with {start}, {end}, {day}, {correction} and {schedule}.

    Customer and product must be in the tracking plan, or have events in the store; --new says that they will.

    \b
    Examples:
      footfall schedule add --user anna --customer BARCHART \\
          --product PORTFOLIO --every day --timezone Europe/Berlin
      footfall schedule add --user anna --customer TGAM --product ALERT \\
          --every hour --grace 600 --from 2d
      footfall schedule add --user anna --customer '*' --product '*' \\
          --type 'WATCHLIST-*' --every month --output header=true
      footfall schedule add --user anna --view 'Portfolios by week' --every week
    """
    with _state(settings) as state:
        owner = state.users.get(user_id)
        if owner is None:
            raise click.ClickException(f"no such user: {user_id!r}; `footfall user list` shows them all")
        body = schedule_body(given)
        if given["view"]:
            with open_views(settings, state) as views:
                body = msgspec.json.decode(views.fill_report(owner, msgspec.json.encode(body), timeless=True))
        for customer in _customers(body["filter"]):
            if customer != EVERY and not may_see(owner, customer):
                command = f"footfall user grant {shlex.quote(user_id)} --customer {shlex.quote(customer)}"
                raise click.ClickException(f"user {user_id} may not see the customer {customer}: `{command}` allows it")
        with nullcontext() if are_new else open_codes(settings) as codes:
            found = _schedules(state, settings, codes).add(owner, msgspec.json.encode(body), assume_unknown=True)
    click.echo(found.id)
    click.echo(f"the first report is due at {_due(found)}", err=True)


@schedule.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for scripts; times are ms since the epoch.")
@data_command(Needs.STATE)
def list_schedules(settings: Settings, as_json: bool) -> None:
    """List all schedules; a paused one has its reason in the last column. NEXT is by the clock of its time zone.

    \b
    Examples:
      footfall schedule list
      footfall schedule list --json | jq -r '.[] | select(.paused) | .id'
    """
    with _state(settings) as state:
        found = sorted(_all(_schedules(state, settings)), key=lambda each: (each.user, each.name, each.id))
    if as_json:
        echo_json(found)
        return
    head = ("ID", "USER", "NAME", "CUSTOMER", "PRODUCT", "EVERY", "TIMEZONE", "NEXT", "STATE")
    echo_table(head, map(_row, found), _NONE_YET)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@data_command(Needs.STATE)
def show(settings: Settings, schedule_id: str) -> None:
    """Show the schedule ID with its newest runs, as JSON.

    \b
    Example:
      footfall schedule show 7b0e6d0e-3c43-4f0c-9b25-2f5b8d3f0a11
    """
    with _state(settings) as state:
        found = _schedules(state, settings).find(_OPERATOR, schedule_id)
    echo_json(found)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@data_command(Needs.STATE)
@audited("schedule.pause", "schedule_id")
def pause(settings: Settings, schedule_id: str) -> None:
    """Start no more reports of the schedule ID until it is resumed; those that run go on.

    \b
    Example:
      footfall schedule pause 7b0e6d0e-3c43-4f0c-9b25-2f5b8d3f0a11
    """
    with _state(settings) as state:
        _schedules(state, settings).pause(_OPERATOR, schedule_id)
    click.echo(f"paused schedule {schedule_id}")


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@data_command(Needs.STATE)
@audited("schedule.resume", "schedule_id")
def resume(settings: Settings, schedule_id: str) -> None:
    """Let the schedule ID go on, and try again what had failed for good.

    What was missed meanwhile is made up for, window by window.

    \b
    Example:
      footfall schedule resume 7b0e6d0e-3c43-4f0c-9b25-2f5b8d3f0a11
    """
    with _state(settings) as state:
        found = _schedules(state, settings).resume(_OPERATOR, schedule_id)
    echo_text(f"resumed schedule {schedule_id}; its next report is due at {_due(found)}")


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@data_command(Needs.STATE)
@audited("schedule.remove", "schedule_id")
def remove(settings: Settings, schedule_id: str) -> None:
    """Remove the schedule ID; its reports stay until their time is over.

    \b
    Example:
      footfall schedule remove 7b0e6d0e-3c43-4f0c-9b25-2f5b8d3f0a11
    """
    with _state(settings) as state:
        _schedules(state, settings).remove(_OPERATOR, schedule_id)
    click.echo(f"removed schedule {schedule_id}")


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@click.option("--limit", metavar="N", type=WholeNumber(1000), default=_RUNS_SHOWN, help="So many; 20 when not said.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for scripts; times are ms since the epoch.")
@data_command(Needs.STATE)
def runs(settings: Settings, schedule_id: str, limit: int, as_json: bool) -> None:
    """List what became of the newest windows of the schedule ID, the newest first.

    A window has a run for its report, and one for each correction. A run that is WAITING is tried again. Times are by
    the clock of the schedule's time zone.

    \b
    Examples:
      footfall schedule runs 7b0e6d0e-3c43-4f0c-9b25-2f5b8d3f0a11
      footfall schedule runs 7b0e6d0e-3c43-4f0c-9b25-2f5b8d3f0a11 --json \\
          | jq -r '.[].source'
    """
    with _state(settings) as state:
        schedules = _schedules(state, settings)
        timezone = _zone(schedules.find(_OPERATOR, schedule_id))
        found = schedules.runs(_OPERATOR, schedule_id, limit)
    if as_json:
        echo_json(found)
        return
    head = ("START", "END", "CORRECTION", "STATUS", "TRIES", "SOURCE", "REASON")
    echo_table(head, (_run_row(each, timezone) for each in found), _NONE_YET)


@contextmanager
def _state(settings: Settings) -> Iterator[State]:
    """The state database; a refusal becomes one line on standard error and exit code 1."""
    try:
        with open_state(settings) as state:
            yield state
    except RequestRefused as error:
        raise click.ClickException(_in_words(error)) from error


def _in_words(refused: RequestRefused) -> str:
    """A refusal of the service of schedules, with the names of the command line."""
    if refused.code is Code.REQUEST_NOT_FOUND:
        return f"{refused.message}; `footfall schedule list` shows them all"
    if not refused.problems:
        return refused.message
    message = re.sub(r": (one thing is|\d+ things are) wrong$", "", refused.message)
    return f"{message}: {'; '.join(map(_option_problem, refused.problems))}"


def _option_problem(problem: Problem) -> str:
    where = re.sub(r"\[\d+\]", "", problem.where)
    option = _OPTIONS.get(where, where.removeprefix("filter.").replace(".", " "))
    return f"--{option}: {problem.why}"


def _schedules(state: State, settings: Settings, codes: CodeLookup | None = None) -> Schedules:
    return Schedules(state, settings, SystemClock(), codes)


def _all(schedules: Schedules) -> Iterator[ScheduleShown]:
    after: str | None = ""
    while after is not None:
        page = schedules.page(_OPERATOR, after)
        yield from page.schedules
        after = None if page.next is UNSET else page.next


def _customers(wanted: dict[str, Any]) -> list[str]:
    """The customers of a body's filter."""
    return [wanted["customer"]] if "customer" in wanted else list(wanted.get("customers", ()))


def _row(each: ScheduleShown) -> tuple[object, ...]:
    state = "active"
    if each.paused:
        state = "paused" if each.reason is UNSET else f"paused: {each.reason}"
    codes = _codes(each, "customer"), _codes(each, "product")
    return each.id, each.user, each.name, *codes, each.every, each.timezone, moment(each.next.due, _zone(each)), state


def _codes(each: ScheduleShown, kind: str) -> str:
    one = each.filter.get(kind)
    return ", ".join(each.filter[f"{kind}s"]) if one is None else str(one)


def _zone(each: ScheduleShown) -> tzinfo:
    """The zone of a schedule; UTC where this machine's rules do not know it."""
    return windows.zone(each.timezone) or UTC


def _due(each: ScheduleShown) -> str:
    return moment(each.next.due, _zone(each))


def _run_row(each: ShownRun, timezone: tzinfo) -> tuple[object, ...]:
    reason = "" if each.reason is UNSET else each.reason
    # The end is the last millisecond; for people, a window goes up to the next one.
    times = (moment(each.start, timezone), moment(each.end + 1, timezone))
    return *times, each.correction, each.status, each.tries, each.source, reason
