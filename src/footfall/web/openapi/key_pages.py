"""The manual's pages about keys and the audit log."""

from collections.abc import Mapping
from typing import Final

from footfall.web.calls.keys import KeyRequest, KeyRotation
from footfall.web.openapi.texts import EXAMPLE_KEY_NAME, Documentation

KEY_ID: Final = "k3v9x2m7qd"
_KEY: Final = {
    "id": KEY_ID,
    "user": "anna",
    "name": EXAMPLE_KEY_NAME,
    "scopes": ["report"],
    "customers": ["BARCHART"],
    "products": [],
    "created": 1571073977278,
    "expires": 1578849977278,
}
# The form of a key, and none that could be one.
_TEXT: Final = f"footfall_{KEY_ID}_..."

KEY_PAGES: Final[Mapping[tuple[str, str], Documentation]] = {
    ("POST", "/keys"): Documentation(
        "Makes a key for a program, which signs in with it as its user: as `Authorization: Bearer KEY`, or as the "
        "password of Basic. It has the rights that both have: of `scopes`, `customers` and `products` those that its "
        "user has at the time of the request. `key` is its text, which is shown this once and kept nowhere.",
        request=KeyRequest,
        request_example={"name": EXAMPLE_KEY_NAME, "scopes": ["report"], "customers": ["BARCHART"], "days": 90},
        answer_example={**_KEY, "key": _TEXT},
    ),
    ("GET", "/keys"): Documentation(
        "The user's keys without their text; an admin gets all. `lastUsed` is exact to a minute.",
        query={"after": "The `next` of the page before."},
        answer_example={"keys": [{**_KEY, "lastUsed": 1571077577278}]},
    ),
    ("POST", "/keys/{key}/rotate"): Documentation(
        "Makes a key with the same rights and as long a life in place of another, which still works for "
        "`overlapSeconds`, by default for a day.",
        request=KeyRotation,
        request_example={"overlapSeconds": 3600},
        answer_example={**_KEY, "id": "p8w4c6t1zs", "replaces": KEY_ID, "key": "footfall_p8w4c6t1zs_..."},
    ),
    ("DELETE", "/keys/{key}"): Documentation(
        "Revokes a key, from the next request on, and answers with what it was.",
        answer_example=_KEY,
    ),
    ("GET", "/audit"): Documentation(
        "Who did what, when, from where and with which key, the newest first, for admins: sign-ins, reads of reports "
        "and of single events, and every change. Each entry has a hash over itself and the one before.",
        query={
            "who": "Only of this user.",
            "action": "Only this action, such as `report.download`.",
            "target": "Only about this, such as a report's source.",
            "outcome": "`ok`, `denied` or `failed`.",
            "key": "Only with the key of this `id`.",
            "address": "Only from this address.",
            "since": "Then or later, in milliseconds since 1970.",
            "limit": "Entries of a page, up to 1000; 100 when left out.",
            "before": "The `next` of the page before.",
        },
        answer_example={
            "entries": [
                {
                    "number": 1234,
                    "time": 1571077577278,
                    "action": "report.download",
                    "outcome": "ok",
                    "address": "203.0.113.9",
                    "target": "JOB-0527e342-c92c-45ec-a3cf-fd93f87cb068/report.csv",
                    "details": {},
                    "node": "0123456789abcdef",
                    "hash": "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c",
                }
            ],
            "next": 1234,
        },
    ),
}
