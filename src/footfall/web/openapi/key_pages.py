"""The manual's pages about keys, the second factor and the audit log."""

from collections.abc import Mapping
from typing import Final

from footfall.web.calls.factors import FactorConfirmation
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
    ("GET", "/second-factor"): Documentation(
        "Whether the user's password needs a code beside it, and how many recovery codes are left. The calls "
        "about the second factor take a password, and no key.",
        answer_example={"active": True, "recoveryCodes": 10},
    ),
    ("POST", "/second-factor"): Documentation(
        "Makes the secret for an app that shows codes (TOTP). It counts once it is confirmed; until then another call "
        "makes another.",
        answer_example={
            "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
            "uri": "otpauth://totp/footfall:anna?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=footfall",
        },
    ),
    ("DELETE", "/second-factor"): Documentation(
        "Has the password count alone again.",
        answer_example={"active": False},
    ),
    ("POST", "/second-factor/confirm"): Documentation(
        "Has the password need a code from now on. The answer has ten recovery codes, for when the app is lost; each "
        "counts once, and they are shown this once.",
        request=FactorConfirmation,
        request_example={"code": "492039"},
        answer_example={"recoveryCodes": ["HXDM-VJEC-JJWS-RB3H", "NB2W-45DF-OIZA-4YLT"]},
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
