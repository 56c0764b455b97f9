"""What of a report's order may be meant otherwise: said in a header and the manifest, and refused where that may be."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from footfall import validation
from footfall.errors import RequestRefused
from footfall.plan import LivePlan
from footfall.reports.request import parse_report_request
from footfall.settings import Settings
from footfall.store import Store
from footfall.validation import AskedCodes, CodeLookup

SETTINGS = Settings()
FILTER = {"customer": "BARCHART", "product": "PORTFOLIO"}


def said(**body: object) -> list[str]:
    return [
        mistake.text
        for mistake in parse_report_request(json.dumps({"filter": FILTER} | body).encode(), SETTINGS).mistakes
    ]


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ({}, []),
        ({"filter": FILTER | {"type": ["A"]}}, ["unknown key filter.type; did you mean types?"]),
        ({"output": {"headers": True}}, ["unknown key output.headers; did you mean header?"]),
        ({"output": {"start": 1}}, ["unknown key output.start; did you mean filter.start?"]),
        ({"format": "csv"}, ["unknown key format; did you mean output.format?"]),
        ({"x" * 99: None}, [f"unknown key {'x' * 60}..."]),
        ({"filter": FILTER | {"start": 1_571_029_200}}, ["filter.start looks like seconds: times are in milliseconds"]),
        (
            {"filter": FILTER | {"end": "1571029200000000"}},
            ["filter.end looks like microseconds: times are in milliseconds"],
        ),
        (
            {"filter": FILTER | {"start": "20260131"}},
            ["filter.start looks like a date, and is read as milliseconds: write 2026-01-31"],
        ),
        ({"filter": FILTER | {"start": 20_261_331, "end": 2**53 - 1}}, []),
        ({"filter": FILTER | {"start": 0, "end": 2**53 - 1}}, []),
    ],
)
def test_a_published_call_warns_where_a_strict_one_refuses(body: dict[str, object], texts: list[str]) -> None:
    assert said(**body) == texts
    if texts:
        with pytest.raises(RequestRefused):
            parse_report_request(json.dumps({"filter": FILTER} | body).encode(), SETTINGS, strict=True)


def test_a_thousand_unknown_keys_are_a_hundred_warnings() -> None:
    assert len(said(**{f"key{n}": 1 for n in range(1000)})) == SETTINGS.problems_max


def test_a_header_is_plain_short_and_parted_by_commas_alone() -> None:
    value = validation.warning_header(["unknown key a,b\r\nset-cookie: x", "unknown key \u2603%"])
    assert value == "unknown key a%2Cb%0D%0Aset-cookie: x, unknown key %E2%98%83%25"
    long = validation.warning_header(["x" * 600] * 50)
    assert len(long) < 2_100
    assert long.endswith(", and 47 more")


@pytest.fixture
def codes(tmp_path: Path) -> Iterator[CodeLookup]:
    """The packaged plan, and a store that is away."""
    settings = Settings(data_dir=str(tmp_path))
    with closing(Store(settings)) as store, closing(CodeLookup(LivePlan(None, settings), store, settings)) as found:
        yield found


def asked(customer: str, product: str, *types: str) -> AskedCodes:
    return AskedCodes({"filter.customer": customer}, {"filter.product": product}, types)


def test_what_the_store_cannot_say_is_known_unless_in_doubt(codes: CodeLookup) -> None:
    assert codes.find_unknown_blocking(asked("BARCHRT", "PORTFOILO")) == []
    texts = [
        mistake.text for mistake in codes.find_unknown_blocking(asked("BARCHRT", "PORTFOILO"), assume_unknown=True)
    ]
    assert texts == [
        "unknown customer BARCHRT; did you mean BARCHART?",
        "unknown product PORTFOILO; did you mean PORTFOLIO?",
    ]
    assert codes.find_unknown_blocking(AskedCodes({"customer": "BARCHART"}), assume_unknown=True) == []


async def test_a_type_that_the_plan_does_not_have_is_told(codes: CodeLookup) -> None:
    found = await codes.find_unknown(
        asked("BARCHART", "PORTFOLIO", "PORTFOLIO-ACCESSED", "PORTFOLIO-ACESSED", "PORTFOLIO-*", "WATCHLIST-*")
    )
    assert [mistake.text.partition(";")[0] for mistake in found] == [
        "unknown type PORTFOLIO-ACESSED",
        "unknown type WATCHLIST-*",
    ]
    assert found[0].text.endswith("; did you mean PORTFOLIO-ACCESSED?")


async def test_a_thousand_unknown_types_are_a_hundred_warnings(codes: CodeLookup) -> None:
    found = await codes.find_unknown(asked("BARCHART", "PORTFOLIO", *(f"X{n}" for n in range(1000))))
    assert len(found) == SETTINGS.problems_max
