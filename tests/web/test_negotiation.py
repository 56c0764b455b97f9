"""Which offer an Accept header chooses."""

import pytest

from footfall.web.calls.request import choose_media_type

JSON, CSV = "application/json", "text/csv"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        ("APPLICATION/JSON; charset=utf-8", JSON),
        ("application/*", JSON),
        ("application/json, text/plain, */*", JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
        ("text/csv", CSV),
        ("Text/CSV", CSV),
        ("text/*", CSV),
        ("text/csv;charset=utf-8;header=absent", CSV),
        ('text/csv;note="a,b;q=0"', CSV),
        ("text/csv, application/json", JSON),
        ("text/csv, application/json;q=0.9", CSV),
        ("text/csv;q=0.5, application/json;q=0.4", CSV),
        ("text/csv;q=0.5, */*;q=0.6", JSON),
        # A wish by name goes before one by wildcard of the same quality.
        ("text/csv, */*", CSV),
        ("text/*, */*", CSV),
        ("application/json;q=0, */*", CSV),
        ("application/json; q=0, text/csv; q=0.001", CSV),
        # The most precise range decides for an offer, wherever it stands.
        ("*/*, text/csv;q=0.1", JSON),
        ("*/*;q=0.2, text/*;q=0.1, text/csv", CSV),
        # What cannot be read is passed over.
        ("text/csv;q=2, application/json;q=0.1", JSON),
        ("garbage, text/csv", CSV),
        (", ,text/csv,", CSV),
    ],
)
def test_the_best_offer_is_chosen(accept: str | None, chosen: str) -> None:
    assert choose_media_type(accept, (JSON, CSV)) == chosen


@pytest.mark.parametrize(
    "accept",
    ["text/html", "image/*", "*/*;q=0", "garbage", "application/json;q=0, text/csv;q=0.000", "*/json", "text/csv;q=x"],
)
def test_nothing_is_chosen_when_nothing_is_acceptable(accept: str) -> None:
    assert choose_media_type(accept, (JSON, CSV)) is None


def test_an_offer_s_own_parameters_do_not_matter() -> None:
    assert choose_media_type("text/csv", (JSON, "text/csv; charset=utf-8")) == "text/csv; charset=utf-8"


def test_hostile_headers_cost_no_time() -> None:
    assert choose_media_type('"' * 50_000, (JSON, CSV)) is None
    assert choose_media_type("a/b;" + '"\\' * 50_000, (JSON, CSV)) is None
