"""The page of `GET /usage/live`: the stream of events, what its messages are, and how it goes on after a break."""

from collections.abc import Mapping
from typing import Final

from footfall.web.openapi.texts import Documentation

# What selects events by what they are; times, duplicates and a watermark are about events that are stored.
_PARAMETERS: Final = ("customer", "product", "types", "versions", "where")

_TEXT: Final = (
    "Streams events while they are accepted, as `text/event-stream` (server-sent events, which `EventSource` reads): "
    "those of the node that answers, each within a second of its answer. The data of a message is the event as it was "
    "answered, with the times of its receipt and admission. Other messages have a name. `refused` is an event that "
    "quarantine holds, as `GET /quarantine` shows it, for admins. `dropped` says that events are missing here: `slow` "
    "(the client takes too little; `events` is their number), `busy` (the node takes more than can be looked at) or "
    "`gone` (what the client missed is no longer there). `end` says why the stream ends: `age`, `stopping`, "
    "`user-changed`, `users-away` or `failed`; connect again then."
)

_EXAMPLE: Final = (
    "retry: 2000\n"
    ": events as node 9c1185a5c5e9fc54 takes them\n"
    "id: 9c1185a5c5e9fc54.16dc3d7a3a0.5f2b9c01-7-2c4-0\n"
    "\n"
    "id: 9c1185a5c5e9fc54.16dc3d7a3a0.5f2b9c01-7-2c4-1\n"
    'data: {"customer":"BARCHART","product":"PORTFOLIO","type":"PORTFOLIO-APPLICATION-LOADED",'
    '"timestamp":1568381886060,"context":["string"],"sequence":1,"batch":"e2d04b89-972d-4a0a-b0ee-427bef63a8d0",'
    '"received":1568381886312,"admitted":1568381886312}\n'
    "\n"
)


def live_page(selection: Mapping[str, str]) -> Documentation:
    """The page, with the texts of the parameters of a selection."""
    return Documentation(
        _TEXT,
        query={name: selection[name] for name in _PARAMETERS},
        required=("customer", "product"),
        headers={
            "Last-Event-ID": "The `id` of the last message that the client has; the stream goes on behind it, without "
            "gap or repeat, as far as the node still has the files. Browsers send it when they connect again.",
        },
        answer=str,
        answer_example=_EXAMPLE,
        answer_type="text/event-stream",
    )
