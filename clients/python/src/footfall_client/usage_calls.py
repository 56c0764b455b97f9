"""Statistics, and the tracking plan that they speak of.

Parameters are those of the calls under /usage/, by the same names. Those that may be given several times, such as
`where` and `types`, take a list; a datetime is a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from footfall_client import frames
from footfall_client.answers import Answer
from footfall_client.calls import Request, Steps, Work, ask, exchange

_ARROW: Final = "application/vnd.apache.arrow.stream"


def get(statistic: str, **parameters: Any) -> Steps[Any]:
    """The answer of a statistic: `get("counts", customer="ACME", product="SHOP", interval="month")`."""
    return (yield from ask(_target(statistic, parameters)))


def answer(statistic: str, **parameters: Any) -> Steps[Answer]:
    """The answer of a statistic as it came, with its headers: with `format` a table or a chart, as csv, svg or png."""
    return (yield from exchange(Request("GET", _target(statistic, parameters))))


def arrow(statistic: str, **parameters: Any) -> Steps[Any]:
    """A statistic as an Arrow table. Needs pyarrow."""
    body = yield from _stream(statistic, parameters)
    return (yield Work(lambda: frames.arrow_of(body)))


def pandas_frame(statistic: str, **parameters: Any) -> Steps[Any]:
    """A statistic as a pandas frame. Needs pandas and pyarrow."""
    body = yield from _stream(statistic, parameters)
    return (yield Work(lambda: frames.pandas_of(body)))


def polars_frame(statistic: str, **parameters: Any) -> Steps[Any]:
    """A statistic as a Polars frame. Needs polars."""
    body = yield from _stream(statistic, parameters)
    return (yield Work(lambda: frames.polars_of(body)))


def definitions() -> Steps[Any]:
    """What each number is, in a sentence."""
    return (yield from ask("/usage/definitions"))


def plan() -> Steps[Any]:
    """The tracking plan in force."""
    return (yield from ask("/plan"))


def _stream(statistic: str, parameters: Mapping[str, Any]) -> Steps[bytes]:
    found = yield from exchange(Request("GET", _target(statistic, parameters), headers={"Accept": _ARROW}))
    return bytes(found.body)


def _target(statistic: str, parameters: Mapping[str, Any]) -> str:
    pairs = []
    for name, value in parameters.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        pairs += [(name, _text(one)) for one in values if one is not None]
    return f"/usage/{quote(statistic, safe='')}?{urlencode(pairs)}"


def _text(value: object) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            message = "a time without a zone could be any of 24 hours"
            raise ValueError(message)
        return str(int(value.timestamp() * 1000))
    return str(value).lower() if isinstance(value, bool) else str(value)
