"""Opens the rooms in order, hands them to each other, and closes them in reverse: one function for each process."""

import asyncio
import contextlib
import logging
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from footfall.accounts import Accounts
from footfall.errors import Code
from footfall.files import Files
from footfall.ingest import Collector
from footfall.journal import Folder, Journal
from footfall.loading import Archive, Loader, Retention
from footfall.metrics import Board, Values
from footfall.plan import LivePlan
from footfall.quarantine import Quarantine
from footfall.receipts import Receipts
from footfall.reports import Estimates, Reports, Runner
from footfall.schedules import Scheduler, Schedules
from footfall.settings import Settings
from footfall.state import State, open_state
from footfall.store import Store
from footfall.system import background
from footfall.system.background import BackgroundTask
from footfall.system.clock import NodeClock, SystemClock
from footfall.system.data_folder import data_folder, node_name
from footfall.system.memory import MemoryReclaimer
from footfall.usage import Usage
from footfall.validation import Codes
from footfall.wire import Service

log = logging.getLogger(__name__)

# Where the processes of a node show each other their metrics, in the data folder, and how often.
METRICS_FOLDER = "run/metrics"
METRICS_PERIOD_S = 1.0
# How often a worker looks which scheduled reports are due: three indexed statements of the state when none is.
SCHEDULES_PERIOD_S = 2.0
# How often a worker looks whether reports have left much memory that nothing uses, and how much is worth giving back.
MEMORY_PERIOD_S = 20.0
MEMORY_WORTH_BYTES = 32 * 1024 * 1024


@contextlib.asynccontextmanager
async def web(settings: Settings) -> AsyncIterator[tuple[Any, Callable[..., Any]]]:
    """The ASGI application of one web process, and what it makes of a connection.

    On the way out what waits is synced and the journal sealed.
    """
    from footfall.web import Gauges, build, events_protocol  # noqa: PLC0415 - with the framework, which a worker has no use for

    async with contextlib.AsyncExitStack() as stack:
        clock = NodeClock(data_folder(settings) / "clock")
        stack.callback(clock.close)
        state = await asyncio.to_thread(_open_state, settings)
        stack.callback(state.close)
        plan = LivePlan(Path(settings.plan) if settings.plan else None, settings)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, Reloading(plan).ask)
        journal = Journal(Folder(settings.data / "journal"), settings, clock)
        collector = Collector(journal, plan, settings, SystemClock())
        stack.callback(collector.close)
        board = Board(settings.data / METRICS_FOLDER, "web", lambda: _web_values(collector, journal))
        stack.callback(board.close)
        accounts = Accounts(state, settings, clock)
        stack.callback(accounts.close)
        store = Store(settings)
        stack.callback(store.close)
        codes = Codes(plan, store, settings)
        stack.callback(codes.close)
        reports = Reports(state, settings, clock, Files(settings), codes)
        estimates = Estimates(reports, state, store, plan, settings)
        stack.callback(estimates.close)
        receipts = Receipts(Folder(settings.data / "journal"), store, settings)
        stack.callback(receipts.close)
        usage = Usage(state, store, settings, clock)
        stack.callback(usage.close)
        stop = asyncio.Event()
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        tasks.create_task(journal.run(), name="journal")
        table = (BackgroundTask("show the metrics", METRICS_PERIOD_S, partial(asyncio.to_thread, board.write)),)
        background.start(table, tasks, stop)
        stack.callback(stop.set)
        stack.callback(journal.close)
        application = build(
            settings=settings,
            accounts=accounts,
            reports=reports,
            schedules=Schedules(state, settings, clock, codes),
            estimates=estimates,
            receipts=receipts,
            usage=usage,
            codes=codes,
            quarantine=Quarantine(store, journal, plan, settings),
            collect=collector,
            service=service(settings),
            clock=clock,
            gauges=Gauges(board, state, settings, clock),
            refused=collector.refusals,
            healthy=lambda: journal.refusal is None,
        )
        yield application, events_protocol(collector, settings)


async def worker(settings: Settings, stop: asyncio.Event) -> None:
    """Load, report and keep house until `stop` is set; then load what is left and come back."""
    async with contextlib.AsyncExitStack() as stack:
        clock = NodeClock(data_folder(settings) / "clock")
        stack.callback(clock.close)
        state = await asyncio.to_thread(_open_state, settings)
        stack.callback(state.close)
        plan = LivePlan(Path(settings.plan) if settings.plan else None, settings)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, Reloading(plan).ask)
        store = Store(settings)
        stack.callback(store.close)
        archive = Archive(settings.data / "archive", settings.archive_days)
        retention = Retention(store)
        folder = Folder(settings.data / "journal")
        loader = Loader(folder, store, archive, settings.data / "aside", settings, clock)
        board = Board(settings.data / METRICS_FOLDER, "worker", lambda: _worker_values(loader))
        stack.callback(board.close)
        node = node_name(settings)
        runner = Runner(state, store, plan, loader, settings, clock, Files(settings), node)
        scheduler = Scheduler(state, store, settings, clock)

        async def load() -> None:
            while await asyncio.to_thread(loader.tick):
                pass

        async def tell() -> None:
            await asyncio.to_thread(state.nodes.put, node, loader.loaded_through_ms, clock.now_ms())

        async def prune() -> None:
            await asyncio.to_thread(archive.prune, clock.now_ms(), retention.needed)

        async def pack() -> None:
            await asyncio.to_thread(archive.pack, clock.now_ms())

        async def schedule() -> None:
            await asyncio.to_thread(scheduler.tick, stop.is_set)

        reclaimer = MemoryReclaimer(MEMORY_WORTH_BYTES)

        async def reclaim() -> None:
            if reclaimer.is_worthwhile:
                await asyncio.to_thread(reclaimer.reclaim)

        work = (
            BackgroundTask("load sealed segments", settings.loader_period_ms / 1000, load),
            BackgroundTask("tell other nodes how far this one has loaded", 1, tell),
            BackgroundTask("show the metrics", METRICS_PERIOD_S, partial(asyncio.to_thread, board.write)),
            BackgroundTask("remove archived segments that are past their days", 3600, prune),
            BackgroundTask("start the reports of schedules", SCHEDULES_PERIOD_S, schedule),
            BackgroundTask("pack archived segments of past days", 60, pack),
            BackgroundTask("remove the files of reports that are past their days", 600, runner.remove_expired),
            BackgroundTask("give back memory that reports have left", MEMORY_PERIOD_S, reclaim),
        )
        async with asyncio.TaskGroup() as tasks:
            background.start(work, tasks, stop)
            tasks.create_task(runner.run(stop), name="run reports")
        await _finish(loader, settings)
        await asyncio.to_thread(state.nodes.remove, node)


async def _finish(loader: Loader, settings: Settings) -> None:
    """Load what is left; our own engine may still be starting, a server that is away is not waited for."""
    end = time.monotonic() + settings.stop_timeout_s / 2
    while True:
        while await asyncio.to_thread(loader.tick):
            pass
        if not loader.store_away or settings.events_url != "embedded" or time.monotonic() >= end:
            return
        await asyncio.sleep(0.05)


class Reloading:
    """Takes up the tracking plan again whenever it is asked to, and answers requests meanwhile.

    A large plan takes seconds to read. One reading goes on at a time; however often it is asked for during that, one
    more follows, which sees the file as it was at the last time of asking, or later. The process may end during one.
    """

    def __init__(self, plan: LivePlan) -> None:
        self._plan = plan
        self._lock = threading.Lock()
        self._is_asked = self._is_reading = False

    def ask(self) -> None:
        """Have the plan taken up, soon."""
        with self._lock:
            self._is_asked = True
            if self._is_reading:
                return
            self._is_reading = True
        # The event loop's own threads are waited for at the end.
        threading.Thread(target=self._read, name="take up the tracking plan", daemon=True).start()

    def _read(self) -> None:
        while self._goes_on():
            try:
                reload(self._plan)
            except Exception:
                log.exception("the tracking plan could not be read, the old one stays in force")

    def _goes_on(self) -> bool:
        with self._lock:
            self._is_reading, self._is_asked = self._is_asked, False
            return self._is_reading


def reload(plan: LivePlan) -> None:
    """Take up the tracking plan's file as it is now; a broken one leaves the old plan in force."""
    if error := plan.reload():
        log.error("the new tracking plan is broken, the old one stays in force:\n%s", error)
    else:
        log.info("tracking plan %s is in force", plan.plan.fingerprint)


def service(settings: Settings) -> Service:
    """What the service says of itself."""
    description = "System for collecting and reporting usage statistics"
    return Service(version("footfall"), "footfall", description, settings.environment)


def _web_values(collector: Collector, journal: Journal) -> Values:
    """What a web process counts; codes that did not occur are there, so that their first occurrence is a rise."""
    return {
        ("footfall_events_accepted_total", ""): collector.events_accepted,
        ("footfall_events_quarantined_total", ""): collector.events_quarantined,
        ("footfall_journal_waiting_bytes", ""): journal.waiting_bytes,
        **{("footfall_requests_refused_total", code.value): collector.refusals[code] for code in Code},
    }


def _worker_values(loader: Loader) -> Values:
    """What a worker counts; how far it has loaded is not known in its first moments."""
    values: Values = {
        ("footfall_events_loaded_total", ""): loader.events_loaded,
        ("footfall_store_away", ""): int(loader.store_away),
    }
    if loader.loaded_through_ms:
        values["footfall_loaded_through_timestamp_seconds", ""] = loader.loaded_through_ms / 1000
    return values


def _open_state(settings: Settings) -> State:
    state = open_state(settings)
    state.migrate()
    return state
