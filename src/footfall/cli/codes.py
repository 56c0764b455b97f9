"""What commands ask of the tracking plan and of the store: whether there are the codes that somebody has typed."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from footfall.cli.context import Problems
from footfall.plan import LivePlan, PlanInvalid
from footfall.settings import Settings
from footfall.store import Store
from footfall.validation import Codes

new_option = click.option(
    "--new", "are_new", is_flag=True, help="Take codes that neither the tracking plan nor the store knows yet."
)


@contextmanager
def open_codes(settings: Settings) -> Iterator[Codes]:
    """The codes of the plan, and of the store where it runs; a broken plan ends the command."""
    try:
        plan = LivePlan(Path(settings.plan) if settings.plan else None, settings)
    except PlanInvalid as error:
        raise Problems(str(error)) from error
    with closing(Store(settings)) as store, closing(Codes(plan, store, settings)) as codes:
        yield codes
