"""What `plan check --against-history` and `plan infer` share: the stored events of a time, and plain errors."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from footfall.cli.context import require_data_folder, require_told
from footfall.cli.failures import tell_store_error
from footfall.cli.output import show_progress
from footfall.service.composition import open_codes, open_store, wait_for_engine
from footfall.settings import Settings
from footfall.system.clock import SystemClock

if TYPE_CHECKING:
    from footfall.quarantine import HistoryRange
    from footfall.store import Store

History = tuple["Store", Callable[[int, int], None]]


def history_range(
    settings: Settings, since: int, until: int | None, customers: Sequence[str], products: Sequence[str] = ()
) -> "HistoryRange":
    """The stored events of a time; without an end, up to the latest that an event may have now."""
    from footfall.quarantine import HistoryRange  # noqa: PLC0415

    newest = SystemClock().now_ms() + settings.timestamp_ahead_max_ms
    return HistoryRange(start=since, end=newest if until is None else until, customers=customers, products=products)


@contextmanager
def open_history(settings: Settings) -> Iterator[History]:
    """The store, and what shows the progress of reading it. Ends the command when the store is away."""
    # Small commands need no store, and are quick without it.
    from footfall.store import StoreFailed, StoreTimeout, StoreUnavailable  # noqa: PLC0415

    require_told("events_url")
    if settings.events_url == "embedded":
        require_data_folder(settings)
    try:
        with open_store(settings) as store:
            wait_for_engine(settings, store)
            with show_progress("events") as seen:
                yield store, seen
    except (StoreUnavailable, StoreTimeout, StoreFailed) as error:
        raise click.ClickException(tell_store_error(error)) from error


def require_customers(settings: Settings, file: Path, store: "Store", customers: Sequence[str]) -> None:
    """End the command when neither the plan's file nor the store knows a customer: no event would be looked at."""
    from footfall.plan import LivePlan  # noqa: PLC0415
    from footfall.validation import AskedCodes  # noqa: PLC0415

    with open_codes(LivePlan(file, settings), store, settings) as codes:
        asked = (AskedCodes({"customer": customer}) for customer in customers)
        strange = [mistake.why for each in asked for mistake in codes.find_unknown_blocking(each)]
    if strange:
        raise click.ClickException("; ".join(strange))
