"""The schemas and examples of the parameters of the calls under `/usage/`."""

from collections.abc import Mapping
from typing import Any, Final

from footfall import windows
from footfall.web.openapi.texts import EMPTY, INSTANT, MILLISECONDS
from footfall.web.openapi.usage_pages import TYPE, USAGE_PAGES

_SEVERAL: Final = {"type": "array", "items": {"type": "string"}}
_CODES: Final = {**_SEVERAL, "minItems": 1, "items": {"type": "string", "minLength": 1}}
_COUNT: Final = {"type": "string", "pattern": "^([1-9][0-9]{0,3})?$"}
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "format": ("json", "csv", "arrow", ""),
    "basis": ("event", "received", ""),
    "duplicates": ("keep", "drop", ""),
    "compare": ("none", "previous", "year", ""),
    "spreadsheetSafe": ("true", "false", ""),
    "range": (*windows.RANGES, ""),
    "fill": ("true", "false", ""),
    "approximate": ("true", "false", ""),
    "order": ("loose", "strict", ""),
    "direction": ("after", "before", ""),
    "interval": ("minute", "hour", "day", "week", "month", "all", ""),
}
_BY_NAME: Final[Mapping[str, Mapping[str, Any]]] = {
    **{name: {"type": "string", "enum": list(choices)} for name, choices in _CHOICES.items()},
    "customer": _CODES,
    "product": _CODES,
    **dict.fromkeys(("types", "versions", "first", "returning", "where", "step", "by"), _SEVERAL),
    **{name: {"anyOf": [MILLISECONDS, INSTANT, EMPTY]} for name in ("start", "end", "asOf")},
    "timezone": {"type": "string", "pattern": "^([A-Za-z][A-Za-z0-9_+/-]{0,63})?$"},
    "rolling": {**_SEVERAL, "maxItems": 3, "items": {"type": "string", "enum": ["1", "7", "30"]}},
    "window": {"type": "string", "pattern": "^([1-9][0-9]?(ms|s|m|h|d|w))?$"},
    **dict.fromkeys(("top", "periods", "limit"), _COUNT),
    "lateAfter": {"type": "string", "pattern": "^([1-9][0-9]{0,11})?$"},
}
# Schemas of the parameters, by path and name.
USAGE_SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {
    f"{path} {name}": _BY_NAME[name]
    for (_, path), page in USAGE_PAGES.items()
    for name in page.query
    if name in _BY_NAME
}
# Examples of the parameters that must be there, by path and name.
_EXAMPLES: Final[Mapping[str, str | list[str]]] = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "key": "userId",
    "type": TYPE,
    "step": [TYPE, TYPE],
    "start": "2019-10-01",
    "end": "2019-10-31",
}
USAGE_EXAMPLES: Final[Mapping[str, str | list[str]]] = {
    f"{path} {name}": _EXAMPLES[name]
    for (_, path), page in USAGE_PAGES.items()
    for name in page.required
    if name in _EXAMPLES
}
