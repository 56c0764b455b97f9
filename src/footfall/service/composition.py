"""The composition root: opens each part of a node, for the processes of the service and for the commands alike.

Each function is a context manager that closes what it opened. It imports the libraries of its part when it is called,
so that a command pays for the parts that it opens and for no others.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from footfall.settings import Settings
from footfall.system.clock import Clock, NodeClock
from footfall.system.data_folder import data_folder, is_served, node_name
from footfall.system.process import CannotServe, SettingsUnusable
from footfall.system.waiting import wait_until

if TYPE_CHECKING:
    from footfall.accounts import Accounts
    from footfall.alerts import AlertWatch
    from footfall.audit import Audit
    from footfall.backup import BackupDependencies, BackupProgress
    from footfall.journal import Folder, Journal
    from footfall.loading import Loader
    from footfall.metrics import SharedMetrics
    from footfall.oidc import ProviderSignIn
    from footfall.plan import LivePlan, Plan
    from footfall.state import State
    from footfall.store import Store
    from footfall.tracing import Tracer
    from footfall.usage import RollupKeeper
    from footfall.validation import CodeLookup
    from footfall.views import Views
    from footfall.web import PageRoute, Parts

# Seconds in which a service that says that it listens has started its engine, as a rule; and between two questions.
ENGINE_STARTS_S = 10.0
ENGINE_PERIOD_S = 0.1


@contextlib.contextmanager
def open_clock(settings: Settings) -> Iterator[NodeClock]:
    """The clock that all processes of the node share; the data folder is made if need be."""
    with contextlib.closing(NodeClock(data_folder(settings) / "clock")) as clock:
        yield clock


@contextlib.contextmanager
def open_state(settings: Settings, *, migrate: bool = True) -> Iterator["State"]:
    """The state database, brought to this version. Raises StateUrlInvalid, StateUnavailable and StateTooNew."""
    from footfall.state import open_state

    with contextlib.closing(open_state(settings)) as state:
        if migrate:
            state.migrate()
        yield state


@contextlib.contextmanager
def open_store(settings: Settings) -> Iterator["Store"]:
    """The events store; nothing is asked of it yet, so that it may be away."""
    from footfall.store import Store

    with contextlib.closing(Store(settings)) as store:
        yield store


def wait_for_engine(settings: Settings, store: "Store") -> None:
    """Wait for the embedded engine of a service that has just started; not where none runs, or it answers."""
    if settings.events_url == "embedded" and is_served(settings):
        wait_until(store.ping, ENGINE_STARTS_S, ENGINE_PERIOD_S)


@contextlib.contextmanager
def open_accounts(state: "State", settings: Settings, clock: Clock) -> Iterator["Accounts"]:
    """The users that are in the state."""
    from footfall.accounts import Accounts

    with contextlib.closing(Accounts(state, settings, clock)) as accounts:
        yield accounts


def new_provider(settings: Settings, state: "State", accounts: "Accounts", clock: Clock) -> "ProviderSignIn | None":
    """What signs people in with the identity provider of the settings; None where they name none."""
    if not settings.oidc_issuer:
        return None
    from footfall.oidc import ProviderSignIn

    return ProviderSignIn(settings, state, accounts, clock)


def new_tools(parts: "Parts") -> "list[PageRoute]":
    """The route of tools for language models, where the settings ask for it; its library is imported now."""
    if not parts.settings.mcp:
        return []
    from footfall.mcp import open_tools
    from footfall.web import ToolsRoute

    return [ToolsRoute(parts, open_tools).route]


def new_alerts(
    settings: Settings,
    state: "State",
    store: "Store",
    clock: Clock,
    metrics: "SharedMetrics",
    loader: "Loader",
    keeper: "RollupKeeper",
) -> "AlertWatch | None":
    """What looks for alerts and sends them, in the worker; None where the settings name no receiver."""
    if not settings.alert_url:
        return None
    from footfall.alerts import AlertWatch, Sources
    from footfall.reports import CANCELLED

    sources = Sources(
        state=state,
        store=store,
        metrics=metrics.gather,
        loaded_through_ms=lambda: loader.loaded_through_ms,
        is_leader=keeper.is_mine,
        cancelled=CANCELLED,
    )
    alerts = AlertWatch(settings, clock, node_name(settings), sources)
    metrics.add(alerts.values)
    return alerts


@contextlib.asynccontextmanager
async def open_tracer(settings: Settings, role: str, metrics: "SharedMetrics") -> AsyncIterator["Tracer | None"]:
    """The tracer of a process, which sends what waits, at the end too; None where the settings name no collector."""
    if not settings.traces_url:
        yield None
        return
    from footfall.tracing import Tracer

    tracer, stop = Tracer(settings, role), asyncio.Event()
    metrics.add(tracer.values)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(tracer.run(stop), name="send the traces")
        try:
            yield tracer
        finally:
            stop.set()


@contextlib.asynccontextmanager
async def open_audit(state: "State", settings: Settings, clock: Clock) -> AsyncIterator["Audit"]:
    """The audit log; at the end, what waits is written."""
    from footfall.audit import Audit
    from footfall.privacy import ValueConcealer
    from footfall.tombstones import salt_of

    concealer = ValueConcealer(await asyncio.to_thread(salt_of, state))
    audit = Audit(state, settings, clock, node_name(settings), concealer.conceal)
    try:
        yield audit
    finally:
        await audit.close()


@contextlib.contextmanager
def open_codes(plan: "LivePlan", store: "Store", settings: Settings) -> Iterator["CodeLookup"]:
    """The codes that the tracking plan and the store know."""
    from footfall.validation import CodeLookup

    with contextlib.closing(CodeLookup(plan, store, settings)) as codes:
        yield codes


@contextlib.contextmanager
def open_views(plan: "LivePlan", state: "State", settings: Settings) -> Iterator["Views"]:
    """The saved views, whose parameters are read as those of the statistics are."""
    from footfall.system.clock import SystemClock
    from footfall.usage import Usage
    from footfall.views import Views

    clock = SystemClock()
    with open_store(settings) as store, contextlib.closing(Usage(state, store, settings, clock, plan)) as usage:
        yield Views(state, settings, clock, usage)


@contextlib.contextmanager
def open_backup(settings: Settings, progress: "BackupProgress") -> Iterator["BackupDependencies"]:
    """What a backup or a restore works with; the state may be of an earlier version, or empty."""
    from footfall.backup import BackupDependencies
    from footfall.files import Files
    from footfall.service.temporary_engine import temporary_engine

    with (
        open_state(settings, migrate=False) as state,
        open_store(settings) as store,
        temporary_engine(settings, store),
    ):
        yield BackupDependencies(
            settings=settings,
            state=state,
            store=store,
            files=Files(settings),
            plan=_fingerprint(settings),
            progress=progress,
        )


@contextlib.contextmanager
def told_as_refusals() -> Iterator[None]:
    """Raise CannotServe for what a start may meet in the block.

    It is SettingsUnusable where whoever wrote the plan or a setting must mend it, so that a service manager does not
    start the service again and again. A database that is away may be there at the next start.
    """
    from footfall.accounts import BadUser
    from footfall.mcp import McpMissing
    from footfall.oidc import LibraryMissing
    from footfall.plan import PlanInvalid
    from footfall.state import StateTooNew, StateUnavailable, StateUrlInvalid

    try:
        yield
    except PlanInvalid as error:
        lines = (f"the tracking plan is broken: {line}" for line in str(error).splitlines())
        raise SettingsUnusable("\n".join(lines)) from error
    except BadUser as error:
        raise SettingsUnusable(f"FOOTFALL_ADMIN_PASSWORD: {error}") from error
    except (LibraryMissing, McpMissing) as error:
        raise SettingsUnusable(str(error)) from error
    except StateUrlInvalid as error:
        raise SettingsUnusable(f"the state database cannot be used: {error}") from error
    except (StateUnavailable, StateTooNew) as error:
        raise CannotServe(f"the state database cannot be used: {error}") from error


def plan_path(settings: Settings) -> Path | None:
    """The file of the tracking plan; None for the packaged one."""
    return Path(settings.plan) if settings.plan else None


def read_plan(settings: Settings) -> "Plan":
    """The tracking plan as its file is now. Raises PlanInvalid."""
    from footfall.plan import load_plan

    return load_plan(plan_path(settings))


def live_plan(settings: Settings) -> "LivePlan":
    """The tracking plan in force, which can be read again. Raises PlanInvalid."""
    from footfall.plan import LivePlan

    return LivePlan(plan_path(settings), settings)


def journal_folder(settings: Settings) -> "Folder":
    """The folder of the node's segments."""
    from footfall.journal import Folder

    return Folder(settings.data / "journal")


def new_journal(settings: Settings, clock: Clock) -> "Journal":
    """A journal that writes segments of its own into the node's folder once it runs."""
    from footfall.journal import Journal

    return Journal(journal_folder(settings), settings, clock)


def _fingerprint(settings: Settings) -> str:
    """The fingerprint of the tracking plan in force; empty when the plan is broken, which must not prevent a backup."""
    from footfall import plan

    try:
        return plan.load_plan(plan_path(settings)).fingerprint
    except (plan.PlanInvalid, OSError):
        return ""
