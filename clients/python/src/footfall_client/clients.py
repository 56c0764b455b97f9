"""Clients: the calls as methods, blocking or to be awaited."""

from __future__ import annotations

from footfall_client import event_calls, report_calls, usage_calls
from footfall_client.service import AsyncClient, BlockingClient, awaited, blocking


class EventClient(BlockingClient):
    """Sends events now. Whoever has to keep them until they are sent takes an Outbox."""

    send = blocking(event_calls.send)
    receipt = blocking(event_calls.receipt)


class AsyncEventClient(AsyncClient):
    """EventClient for an event loop."""

    send = awaited(event_calls.send)
    receipt = awaited(event_calls.receipt)


class ReportClient(BlockingClient):
    """Starts reports, waits for them, downloads them, reads them as tables. Needs a user."""

    start = blocking(report_calls.start)
    start_as = blocking(report_calls.start_as)
    status = blocking(report_calls.status)
    wait = blocking(report_calls.wait)
    link = blocking(report_calls.link)
    download = blocking(report_calls.download)
    manifest = blocking(report_calls.manifest)
    end = blocking(report_calls.end)
    arrow = blocking(report_calls.arrow)
    pandas = blocking(report_calls.pandas_frame)
    polars = blocking(report_calls.polars_frame)


class AsyncReportClient(AsyncClient):
    """ReportClient for an event loop."""

    start = awaited(report_calls.start)
    start_as = awaited(report_calls.start_as)
    status = awaited(report_calls.status)
    wait = awaited(report_calls.wait)
    link = awaited(report_calls.link)
    download = awaited(report_calls.download)
    manifest = awaited(report_calls.manifest)
    end = awaited(report_calls.end)
    arrow = awaited(report_calls.arrow)
    pandas = awaited(report_calls.pandas_frame)
    polars = awaited(report_calls.polars_frame)


class UsageClient(BlockingClient):
    """Asks for statistics, as JSON or as tables. Needs a user."""

    get = blocking(usage_calls.get)
    answer = blocking(usage_calls.answer)
    arrow = blocking(usage_calls.arrow)
    pandas = blocking(usage_calls.pandas_frame)
    polars = blocking(usage_calls.polars_frame)
    definitions = blocking(usage_calls.definitions)
    plan = blocking(usage_calls.plan)


class AsyncUsageClient(AsyncClient):
    """UsageClient for an event loop."""

    get = awaited(usage_calls.get)
    answer = awaited(usage_calls.answer)
    arrow = awaited(usage_calls.arrow)
    pandas = awaited(usage_calls.pandas_frame)
    polars = awaited(usage_calls.polars_frame)
    definitions = awaited(usage_calls.definitions)
    plan = awaited(usage_calls.plan)
