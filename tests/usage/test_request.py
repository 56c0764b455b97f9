"""Which parameters are read, and what is said of those that cannot be."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from footfall.errors import Code, RequestRefused
from footfall.plan import load_plan
from footfall.settings import Settings
from footfall.usage import Condition, EventSelection, parse_condition
from footfall.usage.counts import CountsRequest, parse_counts
from footfall.usage.grouping import Dimension
from footfall.usage.request import ParameterReader

SETTINGS = Settings(code_chars_max=30, filter_types_max=2, usage_scope_max=3, usage_conditions_max=2)
NEEDED = {"customer": ["C"], "product": ["P"]}


def parse_counts_request(given: dict[str, list[str]], settings: Settings = SETTINGS) -> CountsRequest:
    reader = ParameterReader(given, settings, load_plan(None))
    found = parse_counts(reader)
    reader.refuse()
    return found


def test_what_is_left_out_has_its_default() -> None:
    assert parse_counts_request(NEEDED) == CountsRequest(
        selection=EventSelection(customers=("C",), products=("P",), late_after_s=SETTINGS.late_after_s),
        interval="day",
        timezone=ZoneInfo("UTC"),
        by=(Dimension("type"),),
        top=0,
        fill=False,
        compare="none",
    )


def test_everything_that_is_given_is_read() -> None:
    given = {
        "customer": ["C", "D", "C"],
        "product": ["*"],
        "types": ["T", "U*"],
        "versions": ["1"],
        "where": ["userId:is:a:b", "symbol:not-empty"],
        "start": ["-5"],
        "end": ["4102444800000"],
        "interval": ["week"],
        "timezone": ["America/Argentina/Buenos_Aires"],
        "basis": ["received"],
        "duplicates": ["drop"],
        "asOf": ["0"],
        "lateAfter": ["7"],
        "by": ["version", "userId"],
        "top": ["7"],
        "fill": ["true"],
        "compare": ["year"],
        "unknown": ["x", "y"],
    }
    assert parse_counts_request(given) == CountsRequest(
        selection=EventSelection(
            customers=("C", "D"),
            types=("T", "U*"),
            versions=("1",),
            where=(Condition("userId", "is", ("a:b",)), Condition("symbol", "not empty")),
            start=-5,
            end=4_102_444_800_000,
            basis="received",
            duplicates="drop",
            as_of=0,
            late_after_s=7,
        ),
        interval="week",
        timezone=ZoneInfo("America/Argentina/Buenos_Aires"),
        by=(Dimension("version"), Dimension("userId", is_key=True)),
        top=7,
        fill=True,
        compare="year",
    )


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("k:is:", Condition("k", "is", ("",))),
        ("a:b:is not:c:is:d", Condition("a:b", "is not", ("c:is:d",))),
        ("k:one of:a|b\\|c|\\\\", Condition("k", "one of", ("a", "b|c", "\\"))),
        ("k:one_of:a", Condition("k", "one of", ("a",))),
        ("k:contains:ä", Condition("k", "contains", ("ä",))),
        ("k:empty", Condition("k", "empty")),
        ("k:not-empty", Condition("k", "not empty")),
        ("k:not empty:", Condition("k", "not empty")),
        ("k", None),
        ("k:is", None),
        ("k:like:x", None),
        (":is:x", None),
        ("k:empty:x", None),
    ],
)
def test_conditions_are_read_and_written(text: str, condition: Condition | None) -> None:
    assert parse_condition(text) == condition
    if condition is not None:
        assert parse_condition(str(condition)) == condition


def test_dates_are_those_of_the_zone_and_an_end_is_a_whole_day() -> None:
    given = {
        "start": ["2026-10-01"],
        "end": ["2026-10-01"],
        "asOf": ["2026-10-02T08:00 02:00"],
        "timezone": ["Asia/Tokyo"],
    }
    request = parse_counts_request(NEEDED | given).selection
    assert (request.start, request.end) == (1_790_780_400_000, 1_790_866_799_999)
    # A plus that was not escaped.
    assert request.as_of == 1_790_920_800_000


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"customer": []}, ["customer"]),
        ({"customer": [""]}, ["customer"]),
        ({"product": ["P" * 31]}, ["product"]),
        ({"customer": ["C", "D", "E", "F"]}, ["customer"]),
        ({"types": ["T", "U", "V"]}, ["types"]),
        ({"types": ["T" * 31]}, ["types"]),
        ({"where": ["userId"]}, ["where"]),
        ({"where": ["usrId:is:a"]}, ["where"]),
        ({"where": ["userId:is:a"], "product": ["P", "WATCHLIST"]}, []),
        ({"where": ["frame:is:a"], "product": ["WATCHLIST"]}, ["where"]),
        ({"where": ["userId:empty"] * 3}, ["where"]),
        ({"by": ["usrId"]}, ["by"]),
        ({"by": ["type", "version", "product"]}, ["by"]),
        ({"start": ["1.0"]}, ["start"]),
        ({"start": ["1e3"]}, ["start"]),
        ({"end": ["9007199254740992"]}, ["end"]),
        ({"end": ["9" * 5000]}, ["end"]),
        ({"start": ["2"], "end": ["1"]}, ["start"]),
        ({"asOf": ["now"]}, ["asOf"]),
        ({"interval": ["year"]}, ["interval"]),
        ({"interval": ["DAY"]}, ["interval"]),
        ({"duplicates": ["yes"]}, ["duplicates"]),
        ({"timezone": ["UTC'"]}, ["timezone"]),
        ({"timezone": ["../etc"]}, ["timezone"]),
        ({"timezone": ["Europe/Berln"]}, ["timezone"]),
        ({"top": ["0"]}, ["top"]),
        ({"top": ["1001"]}, ["top"]),
        ({"compare": ["year"]}, ["compare"]),
        ({"customer": [], "start": ["x"], "interval": ["x"]}, ["start", "customer", "interval"]),
    ],
)
def test_all_that_is_wrong_is_named(given: dict[str, Any], where: list[str]) -> None:
    if not where:
        parse_counts_request(NEEDED | given)
        return
    with pytest.raises(RequestRefused) as caught:
        parse_counts_request(NEEDED | given)
    assert caught.value.code is Code.REQUEST_PARAMETER_MALFORMED
    assert [problem.where for problem in caught.value.problems] == where


# 2026-03-29T00:30 in Berlin, where that day has 23 hours.
NOW_MS = 1_774_740_600_000


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("today", "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00"),
        ("7d", "2026-03-23T00:00+01:00", "2026-03-30T00:00+02:00"),
        ("month", "2026-03-01T00:00+01:00", "2026-03-30T00:00+02:00"),
        ("year", "2026-01-01T00:00+01:00", "2026-03-30T00:00+02:00"),
    ],
)
def test_a_range_by_name_is_of_whole_days_of_the_zone_up_to_today(name: str, start: str, end: str) -> None:
    given = {**NEEDED, "range": [name], "timezone": ["Europe/Berlin"]}
    for as_of, now_ms in ((), NOW_MS), (("2026-03-29T00:30",), 0):
        reader = ParameterReader({**given, "asOf": list(as_of)}, SETTINGS, load_plan(None), now_ms)
        selection = reader.selection()
        reader.refuse()
        first, last = (dt.datetime.fromisoformat(text).timestamp() * 1000 for text in (start, end))
        assert (selection.start, selection.end) == reader.range == (first, last - 1)


def test_a_range_and_times_are_not_both_taken() -> None:
    for given in (
        {"range": ["7d"], "end": ["2026-01-01"]},
        {"range": ["8d"]},
        {"range": ["year"], "asOf": [str(2**53 - 1)]},
        {"range": ["today"], "asOf": [str(-(2**53) + 1)]},
    ):
        with pytest.raises(RequestRefused) as caught:
            parse_counts_request({**NEEDED, **given})
        assert [problem.where for problem in caught.value.problems] == ["range"]
