"""The time of a page: ranges by name, the days before them, and what is done with any other text."""

import datetime as dt

import pytest

from footfall.dashboard.address import PageAddress
from footfall.dashboard.period import read_period


def read(query, now="2026-03-31T10:30:00", timezone="UTC"):
    moment = dt.datetime.fromisoformat(now).replace(tzinfo=dt.UTC)
    return read_period(PageAddress.of("/", query), timezone, int(moment.timestamp() * 1000))


@pytest.mark.parametrize(
    ("query", "start", "earlier", "interval"),
    [
        ("", "2026-03-02", ("2026-01-31", "2026-03-01T10:30:00"), "day"),
        ("range=today", "2026-03-31", ("2026-03-30", "2026-03-30T10:30:00"), "hour"),
        ("range=7d", "2026-03-25", ("2026-03-18", "2026-03-24T10:30:00"), "day"),
        # February has no 31st.
        ("range=month", "2026-03-01", ("2026-02-01", "2026-02-28T10:30:00"), "day"),
        ("range=year", "2026-01-01", ("2025-01-01", "2025-03-31T10:30:00"), "day"),
        ("range=7d&compare=year", "2026-03-25", ("2025-03-25", "2025-03-31T10:30:00"), "day"),
        ("range=7d&compare=none", "2026-03-25", None, "day"),
        ("range=90d&interval=week", "2026-01-01", ("2025-10-03", "2025-12-31T10:30:00"), "week"),
    ],
)
def test_ranges_by_name_are_compared_with_the_same_time_of_the_days_before(query, start, earlier, interval):
    found = read(query)
    assert (found.start, found.end, found.earlier, found.interval) == (start, "2026-03-31", earlier, interval)


def test_today_is_that_of_the_zone():
    found = read("range=today", "2026-03-31T23:30:00", "Asia/Tokyo")
    assert (found.start, found.earlier) == ("2026-04-01", ("2026-03-31", "2026-03-31T08:30:00"))


def test_any_other_time_is_compared_with_as_much_before_it():
    found = read("start=2026-03-10&end=2026-03-12")
    assert (found.range, found.start, found.end, found.days) == ("custom", "2026-03-10", "2026-03-12", 3)
    first = int(dt.datetime(2026, 3, 7, tzinfo=dt.UTC).timestamp() * 1000)
    assert found.earlier == (str(first), str(first + 3 * 86_400_000 - 1))


@pytest.mark.parametrize(
    "query", ["start=x", "start=2026-03-12&end=2026-03-10", "start=-99999999999999", "end=0001-01-01"]
)
def test_times_that_cannot_be_are_left_to_the_statistics_to_refuse(query):
    found = read(query)
    assert found.earlier is None
    assert found.range == "custom"


def test_an_address_is_changed_in_one_place():
    address = PageAddress.of("/", "range=7d&types=A&types=B&empty=")
    assert str(address) == "/?range=7d&types=A&types=B"
    assert str(address.with_values(types="C")) == "/?range=7d&types=C"
    assert str(address.removing("types", "A")) == "/?range=7d&types=B"
    assert str(address.adding("types", "B")) == str(address)
    assert str(address.adding("where", "a:is:b c")) == "/?range=7d&types=A&types=B&where=a%3Ais%3Ab+c"
    assert str(PageAddress.of("/", "&".join(["a=1"] * 2000))) == "/"
