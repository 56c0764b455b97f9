"""The client of footfall: usage events that are kept on disk until the service has them.

    from footfall_client import Outbox

    outbox = Outbox("/var/lib/shop/events.outbox", "https://events.example.com")
    outbox.track(customer="ACME", product="SHOP", type="SHOP-OPENED", context=["ada"])

The clients that ask the service for something, `EventClient`, `ReportClient` and `UsageClient`, are imported when they
are first named, for a program that only tracks has no need of them.
"""

import importlib
from typing import TYPE_CHECKING, Final

from footfall_client.errors import (
    DownloadDamaged,
    OutboxBroken,
    OutboxClosed,
    OutboxError,
    OutboxFull,
    ReportFailed,
    ServiceError,
)
from footfall_client.options import OutboxOptions
from footfall_client.outbox import Outbox, OutboxStats
from footfall_client.rejects import Reject
from footfall_client.sender import BatchResult
from footfall_client.transport import Unreachable

if TYPE_CHECKING:
    from footfall_client.clients import (
        AsyncEventClient,
        AsyncReportClient,
        AsyncUsageClient,
        EventClient,
        ReportClient,
        UsageClient,
    )
    from footfall_client.event_calls import EventsRefused, Sent
    from footfall_client.factory import EventFactory, EventInvalid
    from footfall_client.logs import OutboxHandler
    from footfall_client.middleware import AsgiMiddleware, WsgiMiddleware
    from footfall_client.report_calls import Report

__all__ = [
    "AsgiMiddleware",
    "AsyncEventClient",
    "AsyncReportClient",
    "AsyncUsageClient",
    "BatchResult",
    "DownloadDamaged",
    "EventClient",
    "EventFactory",
    "EventInvalid",
    "EventsRefused",
    "Outbox",
    "OutboxBroken",
    "OutboxClosed",
    "OutboxError",
    "OutboxFull",
    "OutboxHandler",
    "OutboxOptions",
    "OutboxStats",
    "Reject",
    "Report",
    "ReportClient",
    "ReportFailed",
    "Sent",
    "ServiceError",
    "Unreachable",
    "UsageClient",
    "WsgiMiddleware",
]

_LATER: Final = {
    "AsgiMiddleware": "footfall_client.middleware",
    "AsyncEventClient": "footfall_client.clients",
    "AsyncReportClient": "footfall_client.clients",
    "AsyncUsageClient": "footfall_client.clients",
    "EventClient": "footfall_client.clients",
    "EventFactory": "footfall_client.factory",
    "EventInvalid": "footfall_client.factory",
    "EventsRefused": "footfall_client.event_calls",
    "OutboxHandler": "footfall_client.logs",
    "Report": "footfall_client.report_calls",
    "ReportClient": "footfall_client.clients",
    "Sent": "footfall_client.event_calls",
    "UsageClient": "footfall_client.clients",
    "WsgiMiddleware": "footfall_client.middleware",
}


def __getattr__(name: str) -> object:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
