"""Which parameters are read, and what is said of those that cannot be."""

from typing import Any

import pytest
from msgspec import UNSET

from footfall.errors import Code, RequestRefused
from footfall.settings import Settings
from footfall.usage import CountsRequest, parse_counts_request

SETTINGS = Settings(code_chars_max=10, filter_types_max=2)
NEEDED = {"customer": ["C"], "product": ["P"]}


def test_what_is_left_out_has_its_default() -> None:
    assert parse_counts_request(NEEDED, SETTINGS) == CountsRequest(
        customer="C",
        product="P",
        types=(),
        start=UNSET,
        end=UNSET,
        interval="day",
        timezone="UTC",
        duplicates="keep",
        as_of=UNSET,
    )


def test_everything_that_is_given_is_read() -> None:
    given = NEEDED | {
        "types": ["T", "U,V"],
        "start": ["-5"],
        "end": ["9007199254740991"],
        "interval": ["hour"],
        "timezone": ["America/Argentina/Buenos_Aires"],
        "duplicates": ["drop"],
        "asOf": ["0"],
        "unknown": ["x", "y"],
    }
    assert parse_counts_request(given, SETTINGS) == CountsRequest(
        customer="C",
        product="P",
        types=("T", "U,V"),
        start=-5,
        end=2**53 - 1,
        interval="hour",
        timezone="America/Argentina/Buenos_Aires",
        duplicates="drop",
        as_of=0,
    )


def test_dates_are_those_of_the_zone_and_an_end_is_a_whole_day() -> None:
    given = {
        "start": ["2026-10-01"],
        "end": ["2026-10-01"],
        "asOf": ["2026-10-02T08:00 02:00"],
        "timezone": ["Asia/Tokyo"],
    }
    request = parse_counts_request(NEEDED | given, SETTINGS)
    assert (request.start, request.end) == (1_790_780_400_000, 1_790_866_799_999)
    # A plus that was not escaped.
    assert request.as_of == 1_790_920_800_000


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"customer": []}, ["customer"]),
        ({"customer": [""]}, ["customer"]),
        ({"product": ["P" * 11]}, ["product"]),
        ({"customer": ["C", "D"]}, ["customer"]),
        ({"types": ["T", "U", "V"]}, ["types"]),
        ({"types": ["T" * 11]}, ["types"]),
        ({"start": ["1.0"]}, ["start"]),
        ({"start": ["1e3"]}, ["start"]),
        ({"end": ["9007199254740992"]}, ["end"]),
        ({"end": ["9" * 5000]}, ["end"]),
        ({"start": ["2"], "end": ["1"]}, ["start"]),
        ({"asOf": ["now"]}, ["asOf"]),
        ({"interval": ["week"]}, ["interval"]),
        ({"interval": ["DAY"]}, ["interval"]),
        ({"duplicates": ["yes"]}, ["duplicates"]),
        ({"timezone": ["UTC'"]}, ["timezone"]),
        ({"timezone": ["../etc"]}, ["timezone"]),
        ({"customer": [], "start": ["x"], "interval": ["x"]}, ["start", "customer", "interval"]),
    ],
)
def test_all_that_is_wrong_is_named(given: dict[str, Any], where: list[str]) -> None:
    with pytest.raises(RequestRefused) as caught:
        parse_counts_request(NEEDED | given, SETTINGS)
    assert caught.value.code is Code.REQUEST_PARAMETER_MALFORMED
    assert [problem.where for problem in caught.value.problems] == where
