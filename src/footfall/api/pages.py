"""The form of what the manual says about a call."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class Page(Struct, frozen=True):
    """What the manual says about one call.

    `headers` are request headers that matter, `answers` those of the 200, `query` the parameters behind the path, of
    which those in `required` must be there; `also` are further statuses that are no errors. `answer` is the answer's
    type where the call's own signature does not tell it.
    """

    text: str
    query: Mapping[str, str] = {}
    required: tuple[str, ...] = ()
    headers: Mapping[str, str] = {}
    request: Any = None
    request_example: Any = None
    answer: Any = None
    answer_example: Any = None
    answer_type: str = "application/json"
    answers: Mapping[str, str] = {}
    also: Mapping[str, str] = {}
