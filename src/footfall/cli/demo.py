"""`footfall demo`: made-up traffic for a first look, posted to the running service as its clients would."""

import time
from collections.abc import Iterator
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Final

import click

from footfall.cli.context import require_data_folder, require_told, settings_command
from footfall.cli.failures import Problems, program_name, tell_not_served, tell_store_error
from footfall.cli.output import WholeNumber, read_time, show_progress, zone_option
from footfall.service import composition
from footfall.settings import Settings
from footfall.system.clock import SystemClock
from footfall.system.data_folder import is_served
from footfall.system.waiting import retry
from footfall.wording import count_of, moment

if TYPE_CHECKING:
    from footfall.demo import Demo, Poster, Tally
    from footfall.plan import LivePlan

# Events of others beside which the demo still starts by itself: whoever has so few is trying footfall out.
OTHERS_MAX: Final = 100
# Customers of this name are nobody's: their events stand beside those of others without being taken for theirs.
_DEMO_NAME: Final = "DEMO"
_CUSTOMERS: Final = ("DEMO-NORTH", "DEMO-SOUTH")
_CUSTOMERS_MAX: Final = 5
# Seconds between two looks for events whose time has come, and between two lines about them.
_TICK_S: Final = 0.25
_LINE_S: Final = 60


@click.command()
@click.option("--days", type=WholeNumber(730), default=90, metavar="N", help="So many days back; 90 when not said.")
@click.option(
    "--events", type=WholeNumber(10_000_000), default=200_000, metavar="N", help="About so many; 200,000 when not said."
)
@click.option(
    "--until", callback=read_time, metavar="TIME", help="The last day, such as 2026-11-01; now when not said."
)
@zone_option
@click.option("--seed", type=int, default=1, metavar="N", help="Another number makes other traffic; 1 when not said.")
@click.option(
    "--customer", "customers", metavar="CODE", multiple=True, help="Events of this customer; repeat for more."
)
@click.option("--live", is_flag=True, help="Go on with events as they happen, until Ctrl-C.")
@click.option(
    "--rate", type=WholeNumber(200), default=2, metavar="N", help="Of those, about N a second; 2 when not said."
)
@click.option("--url", metavar="URL", help="Post to the service there, of which nothing is known: takes --yes too.")
@click.option("--yes", is_flag=True, help="Also into a service that has other events.")
@settings_command
def demo(
    settings: Settings,
    days: int,
    events: int,
    until: int | None,
    seed: int,
    customers: tuple[str, ...],
    live: bool,
    rate: int,
    url: str | None,
    yes: bool,
) -> None:
    """Post made-up traffic to the service, for a first look.

    It has the rhythm of days and weeks, people who return and people who do not, releases of versions, a funnel, and
    what goes wrong: requests sent twice, events sent anew, events that break the tracking plan. It is posted through
    the API, and fits the packaged plan. The same seed and time give the same events; posting them again changes no
    number.

    A service that has events of others is refused: made-up events cannot be taken out again. To be rid of them, stop
    the service and remove its data folder.

    \b
    Examples:
      footfall demo
      footfall demo --live
      footfall demo --days 365 --events 1000000
      footfall demo --until 2026-11-01 --seed 7
    """
    from footfall.demo import CannotPost, Demo, Poster  # noqa: PLC0415

    plan = _plan(settings)
    now_ms = SystemClock().now_ms()
    made = Demo(
        seed=seed,
        customers=customers or _customers(plan),
        end_ms=now_ms if until is None else min(until + 1, now_ms),
        days=days,
        events=events,
    )
    is_apart = all(code.upper().startswith(_DEMO_NAME) for code in made.customers)
    if url is None:
        _require_service(settings)
        _require_plan(settings, plan, made)
        if not (yes or is_apart):
            _require_alone(settings)
    elif not (yes or is_apart):
        raise click.ClickException(f"nobody knows what {url} has, and made-up events stay there: say --yes if you do")
    try:
        with Poster(url or _address(settings)) as poster:
            _post(poster, made)
            _tell_what_next(settings, url)
            if live:
                _go_on(poster, made, rate)
    except CannotPost as error:
        raise click.ClickException(str(error)) from error


def _plan(settings: Settings) -> "LivePlan":
    from footfall.plan import PlanInvalid  # noqa: PLC0415

    try:
        return composition.live_plan(settings)
    except PlanInvalid as error:
        raise Problems(str(error)) from error


def _customers(plan: "LivePlan") -> tuple[str, ...]:
    """Whose events they are where nobody says: the plan's customers, those made for a demo before all others."""
    known = plan.checker.plan.customers
    apart = tuple(code for code in known if code.upper().startswith(_DEMO_NAME))
    return (apart or known or _CUSTOMERS)[:_CUSTOMERS_MAX]


def _require_service(settings: Settings) -> None:
    require_data_folder(settings)
    if not is_served(settings):
        raise click.ClickException(tell_not_served(settings))


def _require_plan(settings: Settings, plan: "LivePlan", made: "Demo") -> None:
    """End the command when the plan does not take the demo's events."""
    refused = plan.checker.check(made.samples())
    if refused:
        raise click.ClickException(
            f"the demo's events are of the packaged tracking plan, and {settings.plan or 'the plan'} refuses them: "
            f"{refused[0].problems[0].why}; {_of_its_own()}"
        )


def _require_alone(settings: Settings) -> None:
    """End the command when the store has more than a few events of others."""
    from footfall.demo import ACTOR_PREFIX  # noqa: PLC0415
    from footfall.store import StoreFailed, StoreTimeout, StoreUnavailable, query  # noqa: PLC0415

    require_told("events_url")
    try:
        with composition.open_store(settings) as store:
            composition.wait_for_engine(settings, store)
            count = partial(store.rows, query("demo_others"), {"prefix": ACTOR_PREFIX, "most": OTHERS_MAX + 1})
            # The worker of a service that starts for the first time makes the tables a second after its first line.
            ((others,),) = retry(count, StoreFailed, repeat(0.2), composition.ENGINE_STARTS_S)
    except (StoreUnavailable, StoreTimeout, StoreFailed) as error:
        raise click.ClickException(tell_store_error(error)) from error
    if others > OTHERS_MAX:
        raise click.ClickException(
            f"the service on {settings.data.absolute()} has more than {OTHERS_MAX} events that are not made up, and "
            f"made-up ones cannot be taken out again; {_of_its_own()}, or say --yes"
        )


def _of_its_own() -> str:
    serve = f"{program_name()} --data-dir footfall-demo --set plan= serve --port 8001"
    return (
        f"start a service for the demo alone, with `{serve}`, and then `{program_name()} demo --data-dir footfall-demo`"
    )


def _address(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - what it listens on
    scheme = "https" if settings.tls_certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _post(poster: "Poster", made: "Demo") -> None:
    begun = time.monotonic()
    with show_progress("events") as show:
        tally = poster.post_all(made.requests(), lambda now: show(min(now.events, made.events), made.events))
    took_s = time.monotonic() - begun
    span = f"from {moment(made.start)} to {moment(made.end)}"
    click.echo(f"posted {count_of(tally.events, 'event')} of {' and '.join(made.customers)} {span}, in {took_s:.1f} s")
    for line in _told(tally):
        click.echo(f"  {line}")


def _told(tally: "Tally") -> Iterator[str]:
    """What clients did wrong among the events, and what became of it."""
    if tally.duplicates:
        yield f"{tally.duplicates:,} of them once more, under another key: duplicates, which statistics name"
    if tally.retries:
        yield f"{count_of(tally.retries, 'request')} sent twice under one key, which count once"
    for number, what in ((tally.quarantined, "held in quarantine"), (tally.refused, "refused"), (tally.taken, "taken")):
        if number:
            yield f"{number:,} more that break the tracking plan: {what}"


def _tell_what_next(settings: Settings, url: str | None) -> None:
    click.echo("Those of more than a day ago count as late, because they were received now.")
    click.echo(f"They show within seconds at {url or settings.public_url or _address(settings)}/")
    if url is None:
        click.echo(f"To be rid of them: stop the service and remove {settings.data.absolute()}, with all that it has.")


def _go_on(poster: "Poster", made: "Demo", rate: int) -> None:
    """Post events as they happen, until Ctrl-C."""
    from footfall.demo import LiveTraffic, Tally  # noqa: PLC0415

    clock = SystemClock()
    live = LiveTraffic(made, clock.now_ms(), rate)
    total, line_s = Tally(), time.monotonic() + _LINE_S
    click.echo(f"live: about {count_of(rate, 'event')} a second; Ctrl-C ends it")
    try:
        while True:
            for request in live.due(clock.now_ms()):
                total += poster.post(request)
            if time.monotonic() >= line_s:
                click.echo(_live_line(total))
                line_s += _LINE_S
            time.sleep(_TICK_S)
    except KeyboardInterrupt:
        click.echo(_live_line(total))


def _live_line(total: "Tally") -> str:
    broken = total.quarantined + total.refused + total.taken
    return f"live: {count_of(total.events, 'event')}, {count_of(total.duplicates, 'duplicate')}, {broken:,} broken"
