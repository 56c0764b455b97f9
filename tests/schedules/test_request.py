"""What a schedule may ask for, and what is said of the rest."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall import windows
from footfall.errors import Code, RequestRefused
from footfall.reports.body_reader import body_keys
from footfall.reports.request_body import ReportRequestFilter, ReportRequestOutput
from footfall.schedules import jobs
from footfall.schedules.request import (
    SET_BY_SCHEDULE,
    ScheduleFilter,
    ScheduleOutput,
    ScheduleRequest,
    parse_schedule_request,
)
from footfall.settings import Settings
from footfall.state import Schedule, User
from footfall.windows import Window

NOW_MS = 1_760_000_000_000
DAY_MS = 86_400_000
USER = User(id="ann", password_hash="", customers=("C",), created_ms=0)
FILTER = {"customer": "C", "product": "P"}


def read(**given: Any) -> Schedule:
    body = {"every": "day", "filter": FILTER} | given
    return parse_schedule_request(json.dumps(body).encode(), USER, "id", NOW_MS, Settings())[0]


def wrong(**given: Any) -> list[str]:
    with pytest.raises(RequestRefused) as caught:
        read(**given)
    assert caught.value.message.startswith("the schedule cannot be made: ")
    return [problem.where for problem in caught.value.problems]


def test_what_is_left_out_has_its_default() -> None:
    found = read()
    assert (found.name, found.timezone, found.grace_s, found.correction_days) == ("", "UTC", 3600, 7)
    assert (found.correction, found.paused, found.user) == ("full", False, "ann")
    assert found.next_start_ms == NOW_MS // DAY_MS * DAY_MS
    assert found.next_due_ms == found.next_start_ms + DAY_MS + 3_600_000
    assert json.loads(found.body) == {"filter": FILTER}


def test_what_is_said_counts() -> None:
    output = {"header": True, "delimiter": ","}
    found = read(
        name="every day",
        every="MONTH",
        timezone="Europe/Berlin",
        graceSeconds=0,
        correctionDays=0,
        correction="since",
        duplicates="drop",
        output=output,
        **{"from": NOW_MS - 90 * DAY_MS},
    )
    assert (found.name, found.every, found.timezone, found.grace_s) == ("every day", "month", "Europe/Berlin", 0)
    assert (found.correction_days, found.correction) == (0, "since")
    assert found.next_start_ms == 1_751_320_800_000  # 2025-07-01 in Berlin
    assert json.loads(found.body) == {"filter": FILTER, "output": output, "duplicates": "drop"}


def test_a_first_window_may_be_that_of_a_date_in_the_zone() -> None:
    found = read(timezone="Asia/Tokyo", **{"from": "2025-10-01"})
    assert found.next_start_ms == 1_759_244_400_000


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"filter": FILTER | {"timezone": "UTC"}}, ["filter.timezone"]),
        ({"from": "2025-02-30"}, ["from"]),
        ({"every": None}, ["every"]),
        ({"every": "minute"}, ["every"]),
        ({"timezone": "Mars/Olympus"}, ["timezone"]),
        ({"timezone": 7}, ["timezone"]),
        ({"name": "a\nb"}, ["name"]),
        ({"name": "x" * 201}, ["name"]),
        ({"graceSeconds": -1}, ["graceSeconds"]),
        ({"graceSeconds": 1.5}, ["graceSeconds"]),
        ({"graceSeconds": True}, ["graceSeconds"]),
        ({"correctionDays": 367}, ["correctionDays"]),
        ({"correction": "half"}, ["correction"]),
        ({"from": 0}, ["from"]),
        ({"from": NOW_MS + 400 * DAY_MS}, ["from"]),
        ({"from": NOW_MS - 500 * DAY_MS, "every": "hour"}, ["from"]),
        ({"from": "x"}, ["from"]),
        ({"filter": {"customer": "C"}}, ["filter.product"]),
        ({"filter": FILTER | {"start": 1, "end": 2}}, ["filter.start", "filter.end"]),
        ({"filters": {}, "output": {"hedaer": True}}, ["filters", "output.hedaer"]),
        ({"filter": FILTER | {"type": ["A"]}, "from": NOW_MS // 1000}, ["filter.type", "from"]),
        ({"output": {"asOf": 1, "since": "JOB-x"}}, ["output.asOf", "output.since"]),
        ({"output": {"format": "xls"}, "duplicates": "maybe"}, ["output.format", "duplicates"]),
        ({"every": "x", "timezone": "y", "filter": FILTER | {"types": 1}}, ["every", "timezone", "filter.types"]),
    ],
)
def test_everything_that_is_wrong_is_named_at_once(given: dict[str, Any], where: list[str]) -> None:
    assert wrong(**given) == where


def test_a_schedule_has_the_keys_of_a_report_but_for_what_it_sets_itself() -> None:
    parts = (("filter", ReportRequestFilter, ScheduleFilter), ("output", ReportRequestOutput, ScheduleOutput))
    set_by_schedule = {f"{name}.{key}" for name, of, own in parts for key in body_keys(of).keys() - body_keys(own)}
    assert set_by_schedule == set(SET_BY_SCHEDULE)


@pytest.mark.parametrize("key", sorted(body_keys(ScheduleRequest)))
def test_every_key_that_is_described_is_read(key: str) -> None:
    assert wrong(**{key: {"": 1}})


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"every":"day"}', b'{"every":"day","filter":[]}'])
def test_what_is_no_schedule_at_all(body: bytes) -> None:
    with pytest.raises(RequestRefused) as caught:
        parse_schedule_request(body, USER, "id", NOW_MS, Settings())
    assert caught.value.code is Code.REQUEST_INPUT_MALFORMED


def test_a_body_that_is_too_long_to_be_kept() -> None:
    types = [f"{n:0200}" for n in range(1000)]
    assert read(filter=FILTER | {"types": types})
    assert wrong(filter=FILTER | {"types": types, "more": "x" * 100_000}) == ["filter.more", "filter"]


@pytest.mark.parametrize(
    ("template", "every", "corrected", "problems"),
    [
        ("{start}-{correction}.csv", "hour", True, 0),
        ("a/{day}/{schedule}-{correction}.csv", "day", True, 0),
        ("{end}.csv", "hour", False, 0),
        ("{day}.csv", "month", False, 0),
        ("{day}-{correction}.csv", "hour", True, 1),
        ("{day}.csv", "day", True, 1),
        ("report.csv", "day", True, 2),
        ("{start}-{correction}-{month}", "hour", True, 1),
        ("{start}-{correction}-{", "hour", True, 1),
        ("{start}-{correction}-{}", "hour", True, 1),
        ("{{start}}-{correction}", "hour", True, 1),
        ("{start.__class__}-{start}-{correction}", "hour", True, 1),
    ],
)
def test_templates_that_would_overwrite_are_refused(template: str, every: str, corrected: bool, problems: int) -> None:
    assert len(list(jobs.key_problems(template, every, corrected=corrected))) == problems


def test_a_template_is_filled() -> None:
    window = Window(1_760_000_400_000, 1_760_004_000_000)
    made = jobs.expand_key("{schedule}/{day}/{start}-{end}.{correction}", "id", ZoneInfo("Asia/Tokyo"), window, 2)
    assert made == "id/2025-10-09/20251009T090000Z-20251009T100000Z.2"


ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Beirut")
PARTS = st.lists(st.sampled_from(["{start}", "{end}", "{day}", "{correction}", "{schedule}", "a", "/"]), max_size=6)


@given(PARTS, st.sampled_from(windows.EVERY), st.sampled_from(ZONES), st.integers(946_684_800_000, 2_000_000_000_000))
def test_a_good_template_makes_no_key_twice(parts: list[str], every: str, name: str, at_ms: int) -> None:
    template, zone = "-".join(parts), ZoneInfo(name)
    if any(jobs.key_problems(template, every, corrected=True)):
        return
    made, window = [], windows.window(every, zone, at_ms)
    for _ in range(4):
        made += [jobs.expand_key(template, "id", zone, window, correction) for correction in range(3)]
        window = windows.window(every, zone, window.end_ms)
    assert len(set(made)) == len(made)
