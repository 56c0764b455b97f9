"""A web process: its parts in the order in which they open, and its background work."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from importlib.metadata import version
from typing import Any, NamedTuple, Protocol

from footfall.accounts import Sessions, WriteKeys
from footfall.dashboard import page_routes
from footfall.erasure import ErasureRequests, Erasures
from footfall.errors import Code
from footfall.files import Files
from footfall.ingest import Collector
from footfall.journal import Journal
from footfall.live import Live
from footfall.metrics import METRICS_PERIOD_S, SharedMetrics, Values, open_metrics
from footfall.plan import LivePlan
from footfall.quarantine import Quarantine
from footfall.receipts import Receipts
from footfall.reports import Estimates, Reports
from footfall.schedules import Schedules
from footfall.service import composition
from footfall.service.plan_reloader import PlanReloader
from footfall.settings import Settings
from footfall.state import State
from footfall.store import Store
from footfall.system import background
from footfall.system.background import BackgroundTask
from footfall.system.clock import SystemClock
from footfall.system.data_folder import node_name
from footfall.usage import Drawings, Usage
from footfall.views import Shares, Views
from footfall.web import (
    CERTIFICATE_PERIOD_S,
    Certificate,
    Forwarded,
    NodeMetrics,
    PageRoute,
    Parts,
    build,
    events_protocol,
)
from footfall.wire import Service

# Seconds between two times at which what was refused is added to the state: who watches it live waits for that.
REFUSED_PERIOD_S = 1.0


@contextlib.asynccontextmanager
async def web(settings: Settings) -> AsyncIterator[tuple[Any, Callable[..., Any]]]:
    """The ASGI application of one web process, and the protocol of its connections.

    On the way out, what waits for the disk is synced and the journal is sealed: it runs until it is closed.
    """
    async with contextlib.AsyncExitStack() as stack:
        clock = stack.enter_context(composition.open_clock(settings))
        state, plan, write_keys = await _read_what_may_be_refused(stack, settings)
        tls = _listen_for_changes(stack, plan, settings)
        journal = composition.new_journal(settings, clock)
        collector = stack.enter_context(_open_collector(journal, plan, settings, write_keys))
        live = stack.enter_context(contextlib.closing(Live(state, settings, clock, plan, node_name(settings))))
        accounts = stack.enter_context(composition.open_accounts(state, settings, clock))
        audit = await stack.enter_async_context(composition.open_audit(state, settings, clock))
        store = stack.enter_context(composition.open_store(settings))
        codes = stack.enter_context(composition.open_codes(plan, store, settings))
        reports = stack.enter_context(contextlib.closing(Reports(state, settings, clock, Files(settings), codes)))
        estimates = stack.enter_context(contextlib.closing(Estimates(reports, state, store, plan, settings)))
        receipts = stack.enter_context(_open_receipts(store, settings))
        usage = stack.enter_context(contextlib.closing(Usage(state, store, settings, clock, plan)))
        queues = _Queues(collector, accounts, codes, receipts, estimates, usage)
        metrics = _share_metrics(stack, settings, partial(_values, collector, journal, live, queues, tls))
        views = Views(state, settings, clock, usage)
        tracer = await stack.enter_async_context(composition.open_tracer(settings, "web", metrics))
        stop = asyncio.Event()
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        tasks.create_task(journal.run(), name="journal")
        stack.callback(collector.refused_kinds.save, state)
        background.start(_tasks(metrics, collector, state, write_keys, tls, settings), tasks, stop)
        stack.callback(_stop, journal, stop)
        parts = Parts(
            settings=settings,
            accounts=accounts,
            provider=composition.new_provider(settings, state, accounts, SystemClock()),
            audit=audit,
            sessions=Sessions(state, settings, clock),
            reports=reports,
            schedules=Schedules(state, settings, clock, codes),
            estimates=estimates,
            receipts=receipts,
            usage=usage,
            drawings=Drawings(settings),
            views=views,
            shares=Shares(state, settings, clock, usage, views),
            live=live,
            codes=codes,
            plan=plan,
            quarantine=Quarantine(store, journal, lambda: plan.plan, settings),
            erasures=ErasureRequests(Erasures(state, store, lambda: plan.plan, clock), settings),
            forwarded=Forwarded(settings),
            collect=collector,
            service=_describe(settings),
            clock=clock,
            refusals=state.refusals,
            node_metrics=NodeMetrics(metrics, state, settings, clock),
            refused=collector.refusals,
            requests=collector.requests,
            refusal=lambda: journal.refusal,
        )
        yield build(parts, _pages(parts)), events_protocol(collector, settings, tls, tracer)


def _stop(journal: Journal, stop: asyncio.Event) -> None:
    journal.close()
    stop.set()


def _pages(parts: Parts) -> list[PageRoute]:
    """What is served beside the calls of the API."""
    return [*page_routes(parts), *composition.new_tools(parts)]


async def _read_what_may_be_refused(
    stack: contextlib.AsyncExitStack, settings: Settings
) -> tuple[State, LivePlan, WriteKeys | None]:
    """The state, the plan and the write keys, which end the process with a reason where they cannot be read."""
    with composition.told_as_refusals():
        state = await asyncio.to_thread(stack.enter_context, composition.open_state(settings))
        plan = composition.live_plan(settings)
        return state, plan, await asyncio.to_thread(_read_write_keys, state, settings)


def _read_write_keys(state: State, settings: Settings) -> WriteKeys | None:
    """The write keys, read; None when no customer asks for any. Raises StateUnavailable."""
    if not any(rule.write_key for rule in settings.senders.values()):
        return None
    keys = WriteKeys(state, SystemClock())
    keys.refresh()
    return keys


def _tasks(
    metrics: SharedMetrics,
    collector: Collector,
    state: State,
    keys: WriteKeys | None,
    certificate: Certificate | None,
    settings: Settings,
) -> list[BackgroundTask]:
    """What a web process does beside its requests."""
    save_refused = partial(asyncio.to_thread, collector.refused_kinds.save, state)
    table = [
        BackgroundTask("show the metrics", METRICS_PERIOD_S, partial(asyncio.to_thread, metrics.write)),
        BackgroundTask("note what was refused", REFUSED_PERIOD_S, save_refused),
    ]
    if keys is not None:
        refresh = partial(asyncio.to_thread, keys.refresh)
        table.append(BackgroundTask("read the write keys", settings.write_keys_period_s, refresh))
    if certificate is not None:
        look = partial(asyncio.to_thread, certificate.refresh)
        table.append(BackgroundTask("take up a changed certificate", CERTIFICATE_PERIOD_S, look))
    return table


def _listen_for_changes(stack: contextlib.AsyncExitStack, plan: LivePlan, settings: Settings) -> Certificate | None:
    """Have SIGHUP take up plan and certificate. Returns what connections shake hands with; None without TLS."""
    certificate = Certificate(settings) if settings.tls_certificate else None
    also = partial(certificate.refresh, is_asked=True) if certificate is not None else None
    stack.enter_context(contextlib.closing(PlanReloader(plan, also))).listen()
    return certificate


def _share_metrics(stack: contextlib.AsyncExitStack, settings: Settings, values: Callable[[], Values]) -> SharedMetrics:
    """Show the values of this process beside those of the node's others."""
    return stack.enter_context(open_metrics(settings, "web", values))


def _open_collector(
    journal: Journal, plan: LivePlan, settings: Settings, keys: WriteKeys | None
) -> contextlib.closing[Collector]:
    return contextlib.closing(Collector(journal, plan, settings, SystemClock(), keys))


def _open_receipts(store: Store, settings: Settings) -> contextlib.closing[Receipts]:
    return contextlib.closing(Receipts(composition.journal_folder(settings), store, settings))


def _describe(settings: Settings) -> Service:
    """What the service says of itself."""
    description = "System for collecting and reporting usage statistics"
    return Service(version("footfall"), "footfall", description, settings.environment)


class _HasQueue(Protocol):
    """What has a bounded queue."""

    @property
    def waiting(self) -> int: ...


class _Queues(NamedTuple):
    """All of a web process; the metrics name them so."""

    bodies: _HasQueue
    sign_ins: _HasQueue
    codes: _HasQueue
    receipts: _HasQueue
    estimates: _HasQueue
    usage: _HasQueue


def _values(
    collector: Collector, journal: Journal, live: Live, queues: _Queues, certificate: Certificate | None
) -> Values:
    """The counts of this process. Every code is there from the start, so that its first occurrence shows as a rise."""
    return {
        **collector.requests.values(),
        **collector.steps.values(),
        **journal.commits.values(),
        **collector.limit_hits.values(),
        **collector.customer_limits.watch(),
        ("footfall_events_accepted_total",): collector.events_accepted,
        ("footfall_events_quarantined_total",): collector.events_quarantined,
        ("footfall_journal_waiting_bytes",): journal.waiting_bytes,
        **{("footfall_queue_requests", name): queue.waiting for name, queue in queues._asdict().items()},
        ("footfall_live_listeners",): live.listeners,
        ("footfall_live_events_dropped_total",): live.dropped,
        **(certificate.values() if certificate is not None else {}),
        **{("footfall_requests_refused_total", code.value): collector.refusals[code] for code in Code},
    }
