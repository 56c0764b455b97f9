"""What the framework gives the calls: the services, as the parameter `services`, and the user who is signed in."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp

from footfall.accounts import Accounts, Sessions, Unauthenticated
from footfall.audit import Audit
from footfall.erasure import ErasureRequests
from footfall.errors import Code
from footfall.live import Live
from footfall.metrics import RequestMetrics
from footfall.oidc import ProviderSignIn
from footfall.plan import LivePlan
from footfall.quarantine import Quarantine
from footfall.receipts import Receipts
from footfall.reports import Estimates, Reports
from footfall.schedules import Schedules
from footfall.settings import Settings
from footfall.state import RefusalRepository
from footfall.system.clock import Clock
from footfall.usage import Drawings, Usage
from footfall.validation import CodeLookup
from footfall.views import Shares, Views
from footfall.web.auditing import note_sign_in
from footfall.web.forwarded import Forwarded
from footfall.web.node_metrics import NodeMetrics
from footfall.web.openapi.guides import Guides
from footfall.web.plan_body import PlanBody
from footfall.wire import Service


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts of the service that the API and the pages for people show.

    `provider` signs people in with an identity provider, where the settings name one.

    `collect` answers `POST /events` alone. `refusal` says why no event can be
    accepted now, without waiting; None when they can. `refused`
    counts the refusals of all other calls, `requests` all requests but preflights. `refusals` has which events were
    refused, by kind; its calls block.
    """

    settings: Settings
    accounts: Accounts
    provider: ProviderSignIn | None = None
    audit: Audit
    sessions: Sessions
    reports: Reports
    schedules: Schedules
    estimates: Estimates
    receipts: Receipts
    usage: Usage
    drawings: Drawings
    views: Views
    shares: Shares
    live: Live
    codes: CodeLookup
    plan: LivePlan
    quarantine: Quarantine
    erasures: ErasureRequests
    forwarded: Forwarded
    refusals: RefusalRepository
    clock: Clock
    service: Service
    collect: ASGIApp
    node_metrics: NodeMetrics
    refused: Counter[Code]
    requests: RequestMetrics
    refusal: Callable[[], str | None]

    def healthy(self) -> bool:
        """Whether events can be accepted now."""
        return self.refusal() is None


@dataclass(frozen=True, kw_only=True)
class Services(Parts):
    """What the calls work with: the parts, and what is made of them for the API alone.

    `document` makes the OpenAPI document for readers of the service at a URL. `home` is the page of `/`, where there
    are pages.
    """

    document: Callable[[str], Mapping[str, Any]]
    plan_body: PlanBody
    guides: Guides = field(default_factory=Guides)
    home: Callable[[Request[Any, Any, Any]], Awaitable[Any]] | None = None


class SignIn:
    """A guard of the framework, which signs the user in before anything of the body is read.

    The audit log has each sign-in that failed, and one an hour of those that did not. Raises Unauthenticated, and
    RequestRefused when an address has failed to sign in too often.
    """

    def __init__(self, accounts: Accounts, audit: Audit, forwarded: Forwarded) -> None:
        self._accounts = accounts
        self._audit = audit
        self._forwarded = forwarded

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        address = self._forwarded.client_address(connection.scope)
        header = connection.headers.get("authorization")
        try:
            code = connection.headers.get("footfall-code", "")
            connection.scope["user"] = await self._accounts.authenticate(header, address, code)
        except Unauthenticated as error:
            if header:
                self._audit.sign_in_failed(error.user_id, address)
            raise
        note_sign_in(self._audit, connection, self._forwarded)
