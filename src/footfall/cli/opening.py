"""What the commands for users and schedules open: the state database, and the codes that are known.

An error that may well happen becomes a line on standard error and exit code 1.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from footfall.cli.context import require_told
from footfall.cli.failures import Problems
from footfall.plan import PlanInvalid
from footfall.service import composition
from footfall.settings import Settings
from footfall.state import State, StateTooNew, StateUnavailable, StateUrlInvalid
from footfall.validation import CodeLookup

new_option = click.option(
    "--new", "are_new", is_flag=True, help="Take codes that neither the tracking plan nor the store knows yet."
)


@contextmanager
def open_state(settings: Settings) -> Iterator[State]:
    """The state database, brought to this version."""
    require_told("state_url")
    try:
        with composition.open_state(settings) as state:
            yield state
    except (StateTooNew, StateUnavailable, StateUrlInvalid) as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def open_codes(settings: Settings) -> Iterator[CodeLookup]:
    """The codes of the tracking plan, and those of the store if it runs."""
    require_told("events_url")
    try:
        plan = composition.live_plan(settings)
    except PlanInvalid as error:
        raise Problems(str(error)) from error
    with composition.open_store(settings) as store, composition.open_codes(plan, store, settings) as codes:
        yield codes
