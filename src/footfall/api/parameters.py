"""What the parameters of paths, queries and headers may be, for the document; each call holds them itself."""

from collections.abc import Mapping
from typing import Any, Final

_MILLISECONDS: Final = {"type": "integer", "minimum": -(2**53) + 1, "maximum": 2**53 - 1}
_EMPTY: Final = {"type": "string", "maxLength": 0}
# What parameters may be, by the call's path where that matters; what is not here is any text.
# What is empty counts as left out where counts are asked for.
SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {
    "batch": {"type": "string", "format": "uuid"},
    "Idempotency-Key": {"type": "string", "minLength": 1, "pattern": "^[ -~]+$"},
    "limit": {"type": "integer", "minimum": 1},
    "/reports before": {"type": "string", "pattern": "^([0-9]{1,16}-[!-~]{1,100})?$"},
    "/schedules after": {"type": "string", "pattern": "^[ -~]*$"},
    "/quarantine state": {"type": "string", "enum": ["held", "released", "dropped", "all"]},
    "/quarantine since": {"type": "integer", "minimum": 0, "maximum": 2**53 - 1},
    "/quarantine until": {"type": "integer", "minimum": 0, "maximum": 2**53 - 1},
    "/usage/counts customer": {"type": "string", "minLength": 1},
    "/usage/counts product": {"type": "string", "minLength": 1},
    "/usage/counts types": {"type": "array", "items": {"type": "string"}},
    "/usage/counts interval": {"type": "string", "enum": ["hour", "day", "month", "all", ""]},
    "/usage/counts duplicates": {"type": "string", "enum": ["keep", "drop", ""]},
    "/usage/counts timezone": {"type": "string", "pattern": "^([A-Za-z][A-Za-z0-9_+/-]{0,63})?$"},
    **{f"/usage/counts {name}": {"anyOf": [_MILLISECONDS, _EMPTY]} for name in ("start", "end", "asOf")},
}
