"""A handler of the standard library's logging that tracks records as events."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from footfall_client.outbox import Outbox

MakeEvent = Callable[[logging.LogRecord], "Mapping[str, Any] | None"]


class OutboxHandler(logging.Handler):
    """Tracks an event for each record for which `make_event` gives one.

        handler = OutboxHandler(outbox, lambda record: getattr(record, "event", None))
        logging.getLogger("shop").addHandler(handler)
        logging.getLogger("shop").info("opened", extra={"event": {"customer": "ACME", ...}})

    Records of the client itself are left out, for an outbox that is full would log that it is full.

    A record should not wait for the disk: take an outbox with durable="background". One whose `when_full` is "block"
    stops the program while there is no room; "raise" has logging say so, and "drop_oldest" goes on.
    """

    def __init__(self, outbox: Outbox, make_event: MakeEvent, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self._outbox = outbox
        self._make_event = make_event

    def emit(self, record: logging.LogRecord) -> None:
        """Track the record's event; what goes wrong is logging's to tell, as for every handler."""
        if record.name.split(".")[0] == "footfall_client":
            return
        try:
            event = self._make_event(record)
            if event is not None:
                self._outbox.track(**event)
        except Exception:  # noqa: BLE001 - a handler raises nothing
            self.handleError(record)
