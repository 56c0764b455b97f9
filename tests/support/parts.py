"""The parts of a service in a folder, over a real state, real accounts and real files; and a clock to turn."""

import contextlib
from collections import Counter
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from states import state_url

from footfall import web
from footfall.accounts import Accounts, Sessions
from footfall.audit import Audit
from footfall.erasure import ErasureRequests, Erasures
from footfall.errors import Code
from footfall.files import Files
from footfall.journal import Folder, Journal
from footfall.live import Live
from footfall.metrics import RequestMetrics, SharedMetrics, Values
from footfall.oidc import ProviderSignIn
from footfall.plan import LivePlan
from footfall.privacy import ValueConcealer
from footfall.quarantine import Quarantine
from footfall.receipts import Receipts
from footfall.reports import Estimates, Reports
from footfall.schedules import Schedules
from footfall.settings import Settings
from footfall.state import State
from footfall.store import Store
from footfall.tombstones import salt_of
from footfall.usage import Drawings, Usage
from footfall.validation import CodeLookup
from footfall.views import Shares, Views
from footfall.wire import Service

NOW_MS = 1_700_000_000_000
PASSWORD = "correct horse battery"
SERVICE = Service("1.2.3", "footfall", "System for collecting and reporting usage statistics", "test")


class TurnedClock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms


def open_metrics(folder: Path, refused: Counter[Code], requests: RequestMetrics) -> SharedMetrics:
    """The metrics of a process that has accepted twelve events."""

    def read() -> Values:
        counts: Values = {("footfall_requests_refused_total", code.value): number for code, number in refused.items()}
        return counts | requests.values() | {("footfall_events_accepted_total",): 12}

    return SharedMetrics(folder / "run" / "metrics", "web", read)


def open_accounts(state: State, settings: Settings, clock: TurnedClock) -> Accounts:
    """Anna, who sees one customer, and an admin; their passwords are hashed quickly."""
    accounts = Accounts(state, settings, clock, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    accounts.add("anna", PASSWORD, context="barchart.com", customers=("BARCHART",))
    accounts.add("root", PASSWORD, permissions="all", admin=True)
    return accounts


class Collector:
    """Stands where the collector stands, and answers what it was called with."""

    def __init__(self) -> None:
        self.collected: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        self.collected.append({"method": scope["method"], "path": scope["path"], "body": body})
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"x/collected")]})
        await send({"type": "http.response.body", "body": b"collected"})


def open_parts(
    stack: contextlib.AsyncExitStack, settings: Settings, clock: TurnedClock, collect: Collector
) -> tuple[web.Parts, State, Files, Journal]:
    """The parts of the service in the settings' folder, each closed with the stack."""
    folder = Path(settings.data_dir)

    def opened(part: Any) -> Any:
        return stack.enter_context(contextlib.closing(part))

    state = opened(State(state_url(folder)))
    state.migrate()
    accounts = opened(open_accounts(state, settings, clock))
    files, plan = Files(settings), LivePlan(Path(settings.plan) if settings.plan else None, settings)
    journal = Journal(Folder(folder / "journal"), settings, clock)
    reports, store = opened(Reports(state, settings, clock, files)), opened(Store(settings))
    refused, requests = Counter[Code](), RequestMetrics()
    metrics = opened(open_metrics(folder, refused, requests))
    usage = opened(Usage(state, store, settings, clock, plan))
    views = Views(state, settings, clock, usage)
    audit = Audit(state, settings, clock, "0123456789abcdef", ValueConcealer(salt_of(state)).conceal)
    stack.push_async_callback(audit.close)
    parts = web.Parts(
        settings=settings,
        accounts=accounts,
        provider=ProviderSignIn(settings, state, accounts, clock) if settings.oidc_issuer else None,
        audit=audit,
        sessions=Sessions(state, settings, clock),
        reports=reports,
        schedules=Schedules(state, settings, clock),
        estimates=opened(Estimates(reports, state, store, plan, settings)),
        receipts=opened(Receipts(Folder(folder / "journal"), store, settings)),
        codes=opened(CodeLookup(plan, store, settings)),
        usage=usage,
        drawings=Drawings(settings),
        views=views,
        shares=Shares(state, settings, clock, usage, views),
        live=opened(Live(state, settings, clock, plan, "0123456789abcdef")),
        plan=plan,
        quarantine=Quarantine(store, journal, lambda: plan.plan, settings),
        erasures=ErasureRequests(Erasures(state, store, lambda: plan.plan, clock), settings),
        forwarded=web.Forwarded(settings),
        collect=collect,
        service=SERVICE,
        clock=clock,
        refusals=state.refusals,
        node_metrics=web.NodeMetrics(metrics, state, settings, clock),
        refused=refused,
        requests=requests,
        refusal=lambda: None,
    )
    return parts, state, files, journal
