"""What to do after an answer: a pure decision, which the sender carries out.

| answer | decision |
| --- | --- |
| 200 with the events | `Accepted`: the batch is forgotten |
| 400 whose children name events | `Sort`: these go among the rejects, the rest is another batch |
| 413 | `Split`: two batches of half the size |
| everything else, or none | `Later`: the same bytes with the same key, after a pause |

Only an answer in footfall's own words makes an event a reject: a proxy's error page costs none.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Union

# The last event of an answer says the batch; to parse all others for it would cost as much as sending them.
_BATCH: Final = re.compile(rb'"batch":"([0-9a-f-]{36})"\}\]\s*$')
_REJECTING: Final = {"REQUEST_INPUT_MALFORMED", "EVENT_NOT_IN_PLAN"}
# Of these the whole service says that it does not want more now.
_PAUSES: Final = {408, 425, 429, 502, 503, 504}
_RETRY_AFTER_MAX_S: Final = 3600  # a mistake in a header must not stop a client for a year
_TEXT_MAX: Final = 200


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `headers` have names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Accepted:
    """All events are on the service's disk; so many of them in quarantine."""

    batch: str | None
    quarantined: int = 0


@dataclass(frozen=True)
class Problem:
    """Why an event was refused."""

    code: str
    path: str
    reason: str


@dataclass(frozen=True)
class Sort:
    """The events at these places are refused, each for its reason; nothing was accepted."""

    problems: Mapping[int, Problem]


@dataclass(frozen=True)
class Split:
    """The batch is too large."""

    reason: str


@dataclass(frozen=True)
class Later:
    """Nothing is known to be accepted. `is_general`: other batches would fare no better now."""

    reason: str
    retry_after_s: float = 0.0
    is_general: bool = True


Decision = Union[Accepted, Sort, Split, Later]


@dataclass
class Backoff:
    """Pauses that double up to a bound, each between half of it and the whole, so that clients do not come at once."""

    min_s: float
    max_s: float
    random: random.Random = field(default_factory=random.Random)

    def pause_s(self, attempts: int, retry_after_s: float = 0.0) -> float:
        """The pause after so many attempts that failed; never shorter than what `Retry-After` asks for."""
        grown = min(self.max_s, self.min_s * 2.0 ** min(attempts - 1, 30))
        jitter = self.random.uniform(0.5, 1.0)
        return max(grown * jitter, retry_after_s * (1.5 - jitter / 2) if retry_after_s else 0.0)


def decide(answer: Answer) -> Decision:
    """What to do with the batch that was answered so."""
    if answer.status == 200:
        return _accepted(answer)
    if answer.status == 400:
        problems = _problems(answer.body)
        if problems:
            return Sort(problems)
    if answer.status == 413:
        return Split(reason_of(answer))
    is_general = answer.status in _PAUSES or answer.status < 500
    return Later(reason_of(answer), retry_after_s(answer.headers), is_general)


def _accepted(answer: Answer) -> Decision:
    quarantined = answer.headers.get("footfall-quarantined", "")
    held = int(quarantined) if quarantined.isdigit() else 0
    found = _BATCH.search(answer.body[-200:])
    if found:
        return Accepted(found[1].decode(), held)
    if held and answer.body.strip() == b"[]":  # all of them are in quarantine, and none is in the answer
        return Accepted(None, held)
    return Later("200, but no answer of footfall: is the address right?")


def _problems(body: bytes) -> dict[int, Problem]:
    """The children of an error that name an event, by its place in the request."""
    found: dict[int, Problem] = {}
    try:
        root = json.loads(body)[0]
        if root["value"]["code"] not in _REJECTING:
            return {}
        for child in root["children"]:
            value = child["value"]
            data = value.get("data", {})
            if isinstance(data.get("index"), int):
                problem = Problem(str(value["code"]), str(data.get("path", "")), str(value["message"]))
                found.setdefault(data["index"], problem)
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}
    return found


def reason_of(answer: Answer) -> str:
    """The status with the service's words, or the beginning of whatever answered."""
    try:
        value = json.loads(answer.body)[0]["value"]
        return f"{answer.status} {value['code']}: {value['message']}"
    except (ValueError, LookupError, TypeError):
        text = answer.body[:_TEXT_MAX].decode("utf-8", "replace").strip()
        return f"{answer.status} {text}".strip()


def retry_after_s(headers: Mapping[str, str]) -> float:
    """Seconds; a date, which footfall never sends, counts as none."""
    text = headers.get("retry-after", "").strip()
    return float(min(int(text), _RETRY_AFTER_MAX_S)) if text.isdigit() else 0.0
