"""The manual's pages about erasures of persons."""

from collections.abc import Mapping
from typing import Final

from footfall.web.calls.erasures import ErasureRequest
from footfall.web.openapi.texts import Documentation

ERASURE_ID: Final = "87809cac-28c4-4190-910d-12ff31a1dd5d"
_REQUEST: Final = {"key": "userId", "value": "8c1f", "customers": ["BARCHART"]}
_EVENTS: Final = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "events": 2,
    "first": 1571073977278,
    "last": 1571073982278,
}
_ORDERED: Final = {
    "id": ERASURE_ID,
    "status": "files",
    "key": "userId",
    "mode": "erase",
    "customers": ["BARCHART"],
    "orderedBy": "root",
    "ordered": 1571077577278,
    "until": 1571077577278,
    "receipt": {},
}
_DONE: Final = {
    **_ORDERED,
    "status": "done",
    "ended": 1571077579411,
    "receipt": {
        "events": [_EVENTS],
        "quarantined": [],
        "nodes": {"0123456789abcdef": {"segments": 1, "events": 2}},
        "reports": [{"source": "JOB-0527e342-c92c-45ec-a3cf-fd93f87cb068", "file": "removed"}],
        "searched": 1571077578278,
        "deleted": 1571077579278,
        "outOfReach": ["downloads, and copies of reports and backups that were made by others"],
    },
}

ERASURE_PAGES: Final[Mapping[tuple[str, str], Documentation]] = {
    ("POST", "/erasures"): Documentation(
        "Erases a person, for admins: all events that have the value under the context key, wherever they are kept, "
        "and whatever comes of them later. The workers begin within seconds; ask for the erasure until its `status` is "
        "`done`. There is no way back. The value is written nowhere, and the audit log has the order without it.",
        headers={
            "Idempotency-Key": "1 to 200 printable characters. The same order of a user with the same key is ordered "
            "once, and answered with what has become of it; another order with the key is refused."
        },
        request=ErasureRequest,
        request_example=_REQUEST,
        answer_example=_ORDERED,
    ),
    ("POST", "/erasures/dry-run"): Documentation(
        "What the store has of a person now, for admins, by the same body; nothing is changed. A process looks for "
        "one person at a time; another is answered 429 meanwhile.",
        request=ErasureRequest,
        request_example=_REQUEST,
        answer_example={"events": [_EVENTS], "quarantined": []},
    ),
    ("GET", "/erasures"): Documentation(
        "The newest hundred erasures with their receipts, the newest first, for admins. None has the value.",
        answer_example={"erasures": [_DONE]},
    ),
    ("GET", "/erasures/{erasure}"): Documentation(
        "An erasure, for admins. `status` is `files` until every node has cleaned its files, then `store`, then "
        "`done`. The receipt says what was touched, and what is out of reach.",
        answer_example=_DONE,
    ),
}
