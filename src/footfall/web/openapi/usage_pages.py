"""The pages of the calls under `/usage/`: what each answers, its parameters, and an example."""

from collections.abc import Mapping
from typing import Any, Final

from footfall.usage import (
    DEFINITIONS,
    ActorRetention,
    Counts,
    EventList,
    Funnel,
    Paths,
    PeriodComparison,
    Top,
    TypesSeen,
    Uniques,
    UsageSummary,
)
from footfall.web.openapi.live_page import live_page
from footfall.web.openapi.texts import Documentation

_SELECTION: Final[Mapping[str, str]] = {
    "customer": "The customer's code; may be given several times; `*` for all that the user may see.",
    "product": "The product's code; may be given several times; `*` for all.",
    "types": "An event type, or the beginning of several with a `*` behind it; may be given several times.",
    "versions": "A version; may be given several times.",
    "where": "A condition on a context key, `KEY:is:VALUE`: `is`, `is not`, `one of` (values with `|` between), "
    "`contains`, `empty`, `not empty`. Of several, all must hold.",
    "start": "The first millisecond since 1970-01-01T00:00:00Z, or a date or time of `timezone`.",
    "end": "The last millisecond, which is included; a date means the last of the day.",
    "range": "Days up to today instead of start and end: `today`, `7d`, `30d`, `90d`, `month` or `year`. Today is that "
    "of `asOf`, where it is given.",
    "timezone": "Whose hours, days, weeks and months are meant, such as `Europe/Berlin`; `UTC` when left out.",
    "basis": "`event` when start and end bound the events' own times, the default; `received` for those of receipt.",
    "duplicates": "`drop` leaves duplicates out, `keep` does not, and is the default.",
    "asOf": "A time of admission up to which events count; when left out, that up to which all nodes have loaded "
    "everything.",
    "lateAfter": "Seconds between an event's timestamp and its receipt past which it is late; the setting "
    "`late_after_s` when left out.",
    "view": "The name or the id of a saved view: what the call does not say itself is taken from there.",
    "format": "`json`, `csv`, `arrow`; of all but `events` also `vega` (a Vega-Lite chart), `svg` and `png`. What "
    "`Accept` prefers when left out.",
    "spreadsheetSafe": "`true` puts an apostrophe in front of values of `csv` that a spreadsheet would run.",
}
_REQUIRED: Final = ("customer", "product")
_INTERVAL: Final = {"interval": "`minute`, `hour`, `day`, `week` (ISO), `month` or `all`; `day` when left out."}
_KEY: Final = {"key": "The context key whose values are counted instead of actors."}
_BY: Final = "`type`, `product`, `customer`, `version` or a context key"
_TOP: Final = "So many values with most events; all others are counted together."
_COMPARE: Final = (
    "`previous` compares with the period before, of the same length; `year` with the same dates a year before."
)
_TABLES: Final = ("text/csv", "application/vnd.apache.arrow.stream")
_FORMATS: Final = (*_TABLES, "application/vnd.vegalite.v5+json", "image/svg+xml", "image/png")
_WARNING: Final = {"Footfall-Warning": "The customer, product or types of which neither the plan nor the store knows."}
_ABOUT: Final = {"asOf": 1571073977278, "complete": True, "exact": True, "duplicates": "keep"}
_REPORT: Final = {
    "filter": {"customer": "BARCHART", "product": "PORTFOLIO"},
    "output": {"asOf": 1571073977278},
    "duplicates": "keep",
}
TYPE: Final = "PORTFOLIO-APPLICATION-LOADED"
_NUMBERS: Final = {"events": 3, "duplicates": 1, "late": 0}
_ONE: Final = {"events": 1, "duplicates": 0, "late": 0}
_TWO: Final = {"events": 2, "duplicates": 1, "late": 0}
_SUNDAY: Final = 1570924800000
_MONDAY: Final = 1571011200000


def _example(call: str, **rest: Any) -> dict[str, Any]:
    link = f"usage/{call}?customer=BARCHART&product=PORTFOLIO&lateAfter=86400&asOf=1571073977278"
    return {**_ABOUT, "link": link, "report": _REPORT, **rest}


USAGE_PAGES: Final[Mapping[tuple[str, str], Documentation]] = {
    ("GET", "/usage/counts"): Documentation(
        "Counts events over time and by type, or by other dimensions: as many as a report of the same has rows. "
        "`complete` says that no other event can ever be among them. An interval without events is left out.",
        query={
            **_SELECTION,
            **_INTERVAL,
            "by": f"{_BY}, at most two; `type` when left out, `none` for no dimension.",
            "top": _TOP,
            "fill": "`true` has intervals without events too.",
            "compare": _COMPARE,
        },
        required=_REQUIRED,
        answer=Counts,
        answer_example=_example(
            "counts",
            interval="day",
            timezone="UTC",
            total=_NUMBERS,
            counts=[{"start": _SUNDAY, "type": TYPE, **_TWO}, {"start": _MONDAY, "type": TYPE, **_ONE}],
        ),
        answers=_WARNING,
        answer_also=_FORMATS,
    ),
    ("GET", "/usage/uniques"): Documentation(
        "Counts distinct actors, by interval and in all; never by adding up. An actor is a value of the key that the "
        "tracking plan names as the product's `actor`, within a customer.",
        query={
            **_SELECTION,
            **_INTERVAL,
            **_KEY,
            "rolling": "Days, such as 7 or 30: the distinct actors of so many days up to each day.",
            "approximate": "`true` estimates, in little memory; the answer has the `error`.",
        },
        required=_REQUIRED,
        answer=Uniques,
        answer_example=_example(
            "uniques",
            interval="day",
            timezone="UTC",
            key="actor",
            total={**_NUMBERS, "uniques": 1, "without": 0},
            uniques=[{"start": _SUNDAY, "uniques": 1}, {"start": _MONDAY, "uniques": 1}],
        ),
        answers=_WARNING,
        answer_also=_FORMATS,
    ),
    ("GET", "/usage/retention"): Documentation(
        "Groups actors by the interval of their first selected event, and tells how many of them came back in each "
        "interval after it. Each share is of the cohort's number of actors.",
        query={
            **_SELECTION,
            "interval": "`day`, `week` (ISO) or `month`; `week` when left out.",
            **_KEY,
            "periods": "How many intervals after the first; 8 when left out.",
            "first": "The types of which an actor's first event is looked for; any when left out.",
            "returning": "The types that count as coming back; any when left out.",
        },
        required=_REQUIRED,
        answer=ActorRetention,
        answer_example=_example(
            "retention",
            interval="week",
            timezone="UTC",
            key="actor",
            total={**_NUMBERS, "actors": 1, "periods": [{"period": 0, "actors": 1, "of": 1}]},
            retention=[
                {
                    "start": 1570406400000,
                    "actors": 1,
                    "periods": [{"start": 1570406400000, "actors": 1, "complete": True}],
                }
            ],
        ),
        answers=_WARNING,
        answer_also=_FORMATS,
    ),
    ("GET", "/usage/funnel"): Documentation(
        "Counts the actors that go through steps in order, within a time from the first to the last, and the median "
        "time of each step. Events are in order by timestamp, batch and sequence.",
        query={
            **_SELECTION,
            "step": "2 to 10 times, in order: a type, also with a `*` behind its beginning, and conditions on its keys "
            "with `;` in front: `TYPE;KEY:is:VALUE`.",
            "window": "The longest time from the first step to the last, such as `30m` or `12h`; `7d` when left out.",
            "order": "`loose` where other events may lie between the steps, the default; `strict` where not.",
            **_KEY,
            "by": f"{_BY}: the same for each value that an actor's first event of the first step has.",
        },
        required=(*_REQUIRED, "step"),
        answer=Funnel,
        answer_example=_example(
            "funnel",
            window=604800000,
            order="loose",
            key="actor",
            total={**_NUMBERS, "actors": 1, "converted": 1},
            funnel=[
                {"step": TYPE, "actors": 1, "conversion": 1.0, "fromPrevious": 1.0},
                {"step": TYPE, "actors": 1, "conversion": 1.0, "fromPrevious": 1.0, "median": 86400000.0},
            ],
        ),
        answers=_WARNING,
        answer_also=_FORMATS,
    ),
    ("GET", "/usage/paths"): Documentation(
        "Tells what actors did right after, or right before, each event of a type: the types of up to three events.",
        query={
            **_SELECTION,
            "type": "The type beside whose events others are looked for.",
            "direction": "`after`, the default, or `before`.",
            "levels": "How many events, 1 to 3; 3 when left out.",
            **_KEY,
            "top": "So many paths, those of most events; 20 when left out.",
        },
        required=(*_REQUIRED, "type"),
        answer=Paths,
        answer_example=_example(
            "paths",
            type=TYPE,
            direction="after",
            levels=3,
            key="actor",
            total={**_NUMBERS, "anchors": 3, "actors": 1},
            paths=[{"types": [TYPE, TYPE], "events": 1, "actors": 1}],
        ),
        answers=_WARNING,
        answer_also=_FORMATS,
    ),
    ("GET", "/usage/top"): Documentation(
        "Lists the values of a context key, or of another dimension, with most events, and the actors of each.",
        query={**_SELECTION, "key": f"Whose values: {_BY}.", "top": "So many values; 10 when left out."},
        required=(*_REQUIRED, "key"),
        answer=Top,
        answer_example=_example(
            "top",
            key="userId",
            total={**_NUMBERS, "values": 1, "withValue": 3, "actors": 1},
            top=[{"value": "string", "events": 3, "actors": 1}],
        ),
        answers=_WARNING,
        answer_also=_FORMATS,
    ),
    ("GET", "/usage/compare"): Documentation(
        "Sets a period beside the one before it, or beside the same dates a year before, by type or other dimensions.",
        query={
            **_SELECTION,
            "by": f"{_BY}, at most two; `type` when left out, `none` for no dimension.",
            "top": _TOP,
            "compare": "`previous`, the default, for the period before, of the same length; `year` for a year before.",
        },
        required=(*_REQUIRED, "start", "end"),
        answer=PeriodComparison,
        answer_example=_example(
            "compare",
            before=[1570838400000, 1570924799999],
            total={**_ONE, "before": 2, "change": -0.5, "actors": 1, "actorsBefore": 1},
            compare=[{"type": TYPE, "events": 1, "before": 2, "change": -0.5}],
        ),
        answers=_WARNING,
        answer_also=_FORMATS,
    ),
    ("GET", "/usage/summary"): Documentation(
        "All numbers of an overview in one answer, at one `asOf`: events and actors, by interval, and the most used "
        "types, products, customers and versions. Each list adds up to the total.",
        query={
            **_SELECTION,
            **_INTERVAL,
            "compare": _COMPARE,
            "top": "So many values of each list; 10 when left out.",
            "actors": "`false` leaves out the distinct actors, which take longest to count; `true` when left out.",
        },
        required=_REQUIRED,
        answer=UsageSummary,
        answer_example=_example(
            "summary",
            interval="day",
            timezone="UTC",
            total={**_NUMBERS, "actors": 1},
            summary=[{"start": _SUNDAY, **_TWO}, {"start": _MONDAY, **_ONE}],
            types=[{"type": TYPE, **_NUMBERS}],
            products=[{"product": "PORTFOLIO", **_NUMBERS}],
            customers=[{"customer": "BARCHART", **_NUMBERS}],
            versions=[{"version": "", **_NUMBERS}],
        ),
        answers=_WARNING,
        answer_also=_FORMATS,
    ),
    ("GET", "/usage/events"): Documentation(
        "Lists events, the newest first. A further page has the `next` of the one before as `after`, and its `asOf`.",
        query={
            **_SELECTION,
            "limit": "The most events of a page; 100 when left out, 1,000 at the most.",
            "after": "The `next` of the page before.",
        },
        required=_REQUIRED,
        answer=EventList,
        answer_example=_example(
            "events",
            total=_ONE,
            events=[
                {
                    "customer": "BARCHART",
                    "product": "PORTFOLIO",
                    "type": TYPE,
                    "version": "",
                    "timestamp": 1568381886060,
                    "context": ["string"],
                    "batch": "e2d04b89-972d-4a0a-b0ee-427bef63a8d0",
                    "sequence": 1,
                    "received": 1568381886312,
                    "admitted": 1568381886312,
                }
            ],
        ),
        answers=_WARNING,
        answer_also=_TABLES,
    ),
    ("GET", "/usage/types"): Documentation(
        "Lists the types of the tracking plan with the events of each, the first and the last time of one, and those "
        "that have none; and the types of the store that the plan does not have.",
        query=_SELECTION,
        required=_REQUIRED,
        answer=TypesSeen,
        answer_example=_example(
            "types",
            total=_NUMBERS,
            types=[
                {
                    "product": "PORTFOLIO",
                    "type": TYPE,
                    "events": 3,
                    "first": 1568381886060,
                    "last": _MONDAY,
                    "keys": ["userId"],
                }
            ],
        ),
        answers=_WARNING,
        answer_also=_FORMATS,
    ),
    ("GET", "/usage/live"): live_page(_SELECTION),
    ("GET", "/usage/definitions"): Documentation(
        "What each number of the statistics is, in one sentence.",
        answer_example=[{"name": DEFINITIONS[0].name, "text": DEFINITIONS[0].text}],
    ),
}
