"""A worker process: its parts in the order in which they open, and the table of its background work."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

from footfall import audit
from footfall.erasure import Eraser, EraserDependencies
from footfall.expiry import Expirer, ExpirerDependencies
from footfall.files import Files
from footfall.loading import Archive, Loader, Retention
from footfall.metrics import METRICS_PERIOD_S, SharedMetrics, Values, open_metrics
from footfall.quarantine import HeldCounter
from footfall.reports import Runner
from footfall.schedules import Scheduler
from footfall.service import composition
from footfall.service.plan_reloader import PlanReloader
from footfall.settings import Settings
from footfall.system import background
from footfall.system.background import BackgroundTask
from footfall.system.data_folder import node_name
from footfall.system.memory import MemoryReclaimer
from footfall.tombstones import Tombstones
from footfall.tracing import Tracer
from footfall.usage import RollupKeeper

# Each search for scheduled reports that are due costs three indexed statements of the state when none is.
SCHEDULES_PERIOD_S = 2.0
# Each search for erasures that are not done costs two statements of the state when there is none.
ERASE_PERIOD_S = 1.0
# Each look for what is past its time costs a statement of the state when no rule has ever been in force.
EXPIRE_PERIOD_S = 1.0
# How often the worker asks itself whether more or fewer events may be held in quarantine.
HELD_PERIOD_S = 10.0
# How often the worker looks whether reports have left unused memory, and how much is worth giving back.
MEMORY_PERIOD_S = 20.0
MEMORY_WORTH_BYTES = 32 * 1024 * 1024


async def worker(settings: Settings, stop: asyncio.Event) -> None:
    """Load segments, make reports and do the rest of the table until `stop` is set; then load what is left."""
    async with contextlib.AsyncExitStack() as stack:
        clock = stack.enter_context(composition.open_clock(settings))
        with composition.told_as_refusals():
            state = await asyncio.to_thread(stack.enter_context, composition.open_state(settings))
            plan = composition.live_plan(settings)
        stack.enter_context(contextlib.closing(PlanReloader(plan))).listen()
        store = stack.enter_context(composition.open_store(settings))
        archive = Archive(settings.data / "archive", settings.archive_days)
        segments, tombstones = composition.journal_folder(settings), Tombstones(state)
        loader = Loader(segments, store, archive, settings.data / "aside", settings, clock, tombstones)
        held = HeldCounter(store)
        node = node_name(settings)
        keeper = RollupKeeper(state, store, settings, clock, node)
        runner = Runner(state, store, plan, loader, settings, clock, Files(settings), node)
        expirer = Expirer(ExpirerDependencies(settings, state, store, tombstones, clock, node))
        values = partial(_values, loader, held, keeper, runner, expirer)
        metrics = stack.enter_context(open_metrics(settings, "worker", values))
        await stack.enter_async_context(_tracing(loader, settings, metrics))
        alerts = composition.new_alerts(settings, state, store, clock, metrics, loader, keeper)
        eraser = Eraser(EraserDependencies(settings, state, store, plan, loader, tombstones, clock, node))

        async def tell() -> None:
            await asyncio.to_thread(state.nodes.put, node, loader.loaded_through_ms, clock.now_ms())

        async def count_held() -> None:
            if loader.loaded_through_ms:
                await asyncio.to_thread(held.count, loader.quarantine_loads)

        async def prune() -> None:
            await asyncio.to_thread(archive.prune, clock.now_ms(), Retention(store).needed)
            await asyncio.to_thread(audit.prune, state, settings, clock, node)

        schedule = partial(asyncio.to_thread, Scheduler(state, store, settings, clock, plan).tick, stop.is_set)
        roll_up = partial(_roll_up, keeper, stop)
        reclaim = partial(_reclaim, MemoryReclaimer(MEMORY_WORTH_BYTES))
        table = (
            BackgroundTask("load sealed segments", settings.loader_period_ms / 1000, partial(_load_waiting, loader)),
            BackgroundTask("tell other nodes how far this one has loaded", 1, tell),
            BackgroundTask("show the metrics", METRICS_PERIOD_S, partial(asyncio.to_thread, metrics.write)),
            BackgroundTask("count the events in quarantine", HELD_PERIOD_S, count_held),
            BackgroundTask("start the reports of schedules", SCHEDULES_PERIOD_S, schedule),
            BackgroundTask("give back memory that reports have left", MEMORY_PERIOD_S, reclaim),
            BackgroundTask("count past days for the rollups", settings.rollup_period_s, roll_up),
            BackgroundTask(
                "pack archived segments of past days", 60, lambda: asyncio.to_thread(archive.pack, clock.now_ms())
            ),
            BackgroundTask("erase persons", ERASE_PERIOD_S, partial(asyncio.to_thread, eraser.tick)),
            BackgroundTask("remove what is past its time", EXPIRE_PERIOD_S, partial(asyncio.to_thread, expirer.tick)),
            BackgroundTask("remove the files of reports that are past their days", 600, runner.remove_expired),
            BackgroundTask("remove archived segments and audit entries that are past their days", 3600, prune),
        )
        async with asyncio.TaskGroup() as tasks:
            background.start(table, tasks, stop)
            tasks.create_task(runner.run(stop), name="run reports")
            if alerts is not None:
                alerts.start(tasks, stop)
        await _load_rest(loader, settings)
        await asyncio.to_thread(state.nodes.remove, node)


async def _load_waiting(loader: Loader) -> None:
    while await asyncio.to_thread(loader.tick):
        pass


@contextlib.asynccontextmanager
async def _tracing(loader: Loader, settings: Settings, metrics: SharedMetrics) -> AsyncIterator[None]:
    """The loads are traced, where the settings want that."""
    async with composition.open_tracer(settings, "worker", metrics) as tracer:
        if tracer is not None:
            loader.observe = partial(_trace_load, tracer)
        yield


def _trace_load(tracer: Tracer, segments: Sequence[Path], lines: int, began_s: float) -> None:
    """A span for each segment of a load, which took them together."""
    start_ns = time.time_ns() - int((time.monotonic() - began_s) * 1e9)
    for segment in segments:
        together: dict[str, str | int] = {"footfall.segments": len(segments), "footfall.lines": lines}
        tracer.add_load(segment.name.partition(".")[0], start_ns, together)


async def _reclaim(reclaimer: MemoryReclaimer) -> None:
    if reclaimer.is_worthwhile:
        await asyncio.to_thread(reclaimer.reclaim)


async def _roll_up(keeper: RollupKeeper, stop: asyncio.Event) -> None:
    """Count past days, step by step, until none is left that has changed."""
    while (rest_s := await asyncio.to_thread(keeper.step, stop.is_set)) is not None:
        if await background.wait_for_stop(stop, rest_s):
            return


async def _load_rest(loader: Loader, settings: Settings) -> None:
    """Load what is left. Our own engine may still be starting; another server that is away is not waited for."""
    end_s = time.monotonic() + settings.stop_timeout_s / 2
    while True:
        await _load_waiting(loader)
        if not loader.store_away or settings.events_url != "embedded" or time.monotonic() >= end_s:
            return
        await asyncio.sleep(0.05)


def _values(loader: Loader, held: HeldCounter, keeper: RollupKeeper, runner: Runner, expirer: Expirer) -> Values:
    """The counts of this process; how far it has loaded, and what is held, is not known in its first moments.

    Only the process that keeps the rollups knows how far these are.
    """
    values: Values = {
        ("footfall_events_loaded_total",): loader.events_loaded,
        ("footfall_store_away",): int(loader.store_away),
        ("footfall_events_past_total", "late"): expirer.events_kept_out,
        ("footfall_events_past_total", "store"): expirer.events_removed,
        **loader.loads.values(),
        **runner.durations.values(),
    }
    if loader.loaded_through_ms:
        values["footfall_loaded_through_timestamp_seconds",] = loader.loaded_through_ms / 1000
    if held.number is not None:
        values["footfall_quarantine_events",] = held.number
    if keeper.age_s is not None:
        values["footfall_rollup_age_seconds",] = keeper.age_s
    if keeper.days_waiting is not None:
        values["footfall_rollup_days_waiting",] = keeper.days_waiting
    return values
