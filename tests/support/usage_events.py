"""Random events and selections for the statistics: times at which clocks are strange, and few values of everything."""

import uuid
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

Event = dict[str, Any]
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
BATCHES = [str(uuid.UUID(int=number << 64 | 7 - number)) for number in range(1, 7)]


def examples(number: int) -> settings:
    """So many examples in the suite, and more by a profile that has more."""
    share = settings.default.max_examples / 100 if settings.default else 1
    return settings(max_examples=round(number * share), suppress_health_check=list(HealthCheck))


def instant(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


# The end of a year whose last week has the number 53, a leap day, changes of clocks by an hour, by half an hour, and
# by a whole day, in the zones below.
DAYS = [
    instant(f"{text}T00:00:00Z")
    for text in ("2020-12-31", "2024-02-29", "2024-03-31", "2024-10-06", "2024-11-03", "2011-12-30", "2024-04-07")
]
# Events are admitted in between, too: clocks of senders are ahead, and an `asOf` cuts intervals.
ADMITTED = [
    *(instant(f"{text}Z") for text in ("2012-01-05T00:00:00", "2024-02-29T23:59:59.999", "2024-04-01T12:00:00.001")),
    *(instant(f"{text}Z") for text in ("2024-10-06T15:30:00", "2024-11-04T05:00:00", "2025-01-31T00:00:00")),
]
ZONES = (
    *("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"),
    *("Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca"),
)
# What the plan of the tests says of each type of each product: where its keys stand.
KEYS = {
    ("P", "T"): ("userId", "kind"),
    ("P", "U"): ("kind", "userId"),
    ("P", "V"): (),
    ("Q", "T"): ("who", "kind"),
}
ACTORS = {"P": "userId", "Q": "who"}
PLAN = """
[products.P]
actor = "userId"
columns = ["userId", "kind"]
[products.P.types]
T = ["userId", "kind?"]
U = ["kind", "userId"]
V = []
[products.Q]
actor = "who"
columns = ["who", "kind"]
[products.Q.types]
T = ["who", "kind?"]
"""
_TYPES = {"P": "TTUUVX", "Q": "TTX", "R": "T"}
_DELAYS = st.sampled_from((0, 0, 1000, 400 * DAY_MS))


def _times(days: list[int]) -> st.SearchStrategy[int]:
    return st.builds(
        lambda day, hours, more: day + hours * HOUR_MS // 2 + more,
        st.sampled_from(days),
        st.integers(-30, 200),
        st.sampled_from((0, 0, 1, 59_999)),
    )


_event = st.sampled_from("PPPQR").flatmap(
    lambda product: st.fixed_dictionaries(
        {
            "customer": st.sampled_from("CCD"),
            "product": st.just(product),
            "type": st.sampled_from(_TYPES[product]),
            "version": st.sampled_from(("", "1", "2")),
            "timestamp": _times(DAYS[:3] if product == "Q" else DAYS),
            "context": st.lists(st.sampled_from(("a", "b", "c", "")), max_size=2),
            "batch": st.sampled_from(BATCHES),
            "sequence": st.integers(1, 30),
            "admitted": st.sampled_from(ADMITTED),
            "delay": _DELAYS,
        }
    )
)
# What is sent again: which event, in which batch and place of it, when it is admitted, and how late it is received.
_again = st.lists(
    st.tuples(st.integers(0, 99), st.sampled_from(BATCHES), st.integers(1, 30), st.sampled_from(ADMITTED), _DELAYS),
    max_size=15,
)
# Some of these are the same event, sent again as a whole: only its times of receipt and admission differ.
_copies = st.lists(st.tuples(st.integers(0, 99), st.sampled_from(ADMITTED), _DELAYS), max_size=8)


def _whole(first: list[Event], again: list[Any], copies: list[Any]) -> list[Event]:
    """Events with those that are sent again; a request numbers each of its events once."""
    found = [
        *first,
        *(
            {**first[which % len(first)], "batch": batch, "sequence": sequence, "admitted": admitted, "delay": delay}
            for which, batch, sequence, admitted, delay in again
        ),
        *({**first[which % len(first)], "admitted": admitted, "delay": delay} for which, admitted, delay in copies),
    ]
    names: dict[Any, Event] = {}
    received: dict[Any, int] = {}
    kept = []
    for event in found:
        one = {name: value for name, value in event.items() if name != "delay"}
        place = one["batch"], one["sequence"]
        # Copies that were admitted together were received together: which of them stays does not matter.
        one["received"] = received.setdefault((*place, one["admitted"]), one["timestamp"] + event["delay"])
        if content(names.setdefault(place, one)) == content(one):
            kept.append(one)
    return kept


def content(event: Event) -> tuple[Any, ...]:
    """What equal events have in common."""
    names = ("customer", "product", "type", "version", "timestamp")
    return (*(event[name] for name in names), tuple(event["context"]))


events = st.builds(_whole, st.lists(_event, min_size=8, max_size=40), _again, _copies)
# Events that quarantine may hold until the plan of the tests is in force, which takes them.
held_events = st.lists(
    st.builds(
        lambda kind, context, time_ms, version: {
            "customer": "C",
            "product": "P",
            "type": kind,
            "version": version,
            "timestamp": time_ms,
            "context": context[: len(KEYS["P", kind])],
        },
        st.sampled_from("TTUV"),
        st.lists(st.sampled_from("abc"), min_size=2, max_size=2),
        _times(DAYS),
        st.sampled_from(("", "1")),
    ),
    max_size=6,
)
conditions = st.lists(
    st.sampled_from(
        ("kind:is:a", "kind:is not:a", "kind:one of:a|b", "kind:contains:b", "kind:empty", "kind:not empty")
    ),
    max_size=1,
)
selections = st.fixed_dictionaries(
    {
        "customer": st.sampled_from((["C"], ["C"], ["C", "D"], ["*"])),
        "product": st.sampled_from((["P"], ["P"], ["P", "Q"], ["*"])),
        "asOf": st.sampled_from((ADMITTED[5], ADMITTED[5], ADMITTED[5] + 40 * DAY_MS, ADMITTED[3], ADMITTED[1])),
        "timezone": st.sampled_from(ZONES),
        "duplicates": st.sampled_from(("keep", "drop")),
    },
    optional={
        "types": st.sampled_from((["T"], ["T", "U"], ["*"], ["U*"], ["Z"])),
        "versions": st.sampled_from((["1"], ["1", "2"])),
        "where": conditions,
        "start": st.sampled_from([*sorted(DAYS)[:4], sorted(DAYS)[3] + 45 * 60_000]),
        "end": st.sampled_from([*(day + 2 * DAY_MS for day in sorted(DAYS)[3:]), sorted(DAYS)[4] - 1]),
        "basis": st.just("received"),
    },
)
