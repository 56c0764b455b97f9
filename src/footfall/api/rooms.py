"""What the calls work with; the framework hands it to each of them by the name `rooms`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from litestar.types import ASGIApp

from footfall.api.gauges import Gauges
from footfall.api.origins import Origins
from footfall.clock import Clock
from footfall.codes import Codes
from footfall.quarantine import Quarantine
from footfall.receipts import Receipts
from footfall.reports import Estimates, Reports
from footfall.schedules import Schedules
from footfall.settings import Settings
from footfall.usage import Usage
from footfall.wire import Service


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """`collect` takes `POST /events`; `healthy` says whether events can be accepted now; `document` is OpenAPI's."""

    settings: Settings
    reports: Reports
    schedules: Schedules
    estimates: Estimates
    receipts: Receipts
    usage: Usage
    codes: Codes
    quarantine: Quarantine
    origins: Origins
    clock: Clock
    service: Service
    collect: ASGIApp
    gauges: Gauges
    healthy: Callable[[], bool]
    document: Mapping[str, Any]
