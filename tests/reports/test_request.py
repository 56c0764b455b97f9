"""What a body of POST /reports asks for, and everything that is wrong with it at once."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.errors import Code, RequestRefused
from footfall.reports.body_reader import body_keys
from footfall.reports.encoding import COMPRESSIONS
from footfall.reports.request import ReportSpec, parse_report_request
from footfall.reports.request_body import ReportRequestFilter, ReportRequestOutput
from footfall.settings import Settings

SETTINGS = Settings(filter_types_max=3, code_chars_max=10)
LEAST = {"customer": "C", "product": "P"}


def read(*, output: Any = None, **wanted: Any) -> ReportSpec:
    return parse_report_request(json.dumps({"filter": LEAST | wanted, "output": output}).encode(), SETTINGS)


def refused(body: bytes | dict[str, Any]) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        parse_report_request(body if isinstance(body, bytes) else json.dumps(body).encode(), SETTINGS)
    return caught.value


def wheres(body: bytes | dict[str, Any]) -> list[str]:
    return [problem.where for problem in refused(body).problems]


def test_marks_and_halves_of_characters_are_read_as_in_events() -> None:
    request = parse_report_request(b'\xef\xbb\xbf{"filter":{"customer":"C\\ud83d","product":"P"}}', SETTINGS)
    assert request.filter.customer == "C\ufffd"


def test_the_least_body_asks_for_everything_of_a_product() -> None:
    request = parse_report_request(b'{"filter":{"customer":"C","product":"P"}}', SETTINGS)
    assert msgspec.json.encode(request.filter) == b'{"customer":"C","product":"P"}'
    assert request.output is msgspec.UNSET
    assert (request.delimiter, request.header, request.format, request.compression) == ("|", False, "csv", "none")


def test_the_filter_is_echoed_as_sent_in_the_order_of_the_wire() -> None:
    request = read(end="1571115600000", start=1571029200000.0, types=["B", "A", "B"])
    assert msgspec.json.encode(request.filter) == (
        b'{"customer":"C","product":"P","types":["B","A","B"],"start":1571029200000,"end":1571115600000}'
    )


def test_an_empty_list_of_types_is_echoed_as_one() -> None:
    assert msgspec.json.encode(read(types=[]).filter) == b'{"customer":"C","product":"P","types":[]}'


@pytest.mark.parametrize(
    ("sent", "time_ms"),
    [(0, 0), (-5, -5), ("12", 12), (" 12 ", 12), (1e3, 1000), ("1.5e3", 1500), ("-0", 0), (2**53 - 1, 2**53 - 1)],
)
def test_a_time_may_be_a_number_or_a_numeric_string(sent: Any, time_ms: int) -> None:
    assert read(start=sent).filter.start == time_ms


@pytest.mark.parametrize(
    "sent", [1.5, "1.5", "", "x", True, "true", [], {}, 2**53, "1e400", "NaN", "Infinity", "0x10", '"5"', "[" * 9999]
)
def test_a_time_that_is_no_integer_is_named(sent: Any) -> None:
    assert wheres({"filter": LEAST | {"end": sent}}) == ["filter.end"]


@pytest.mark.parametrize(
    ("given", "start", "end"),
    [
        ({}, 1_790_812_800_000, 1_790_899_199_999),
        ({"timezone": "Asia/Tokyo"}, 1_790_780_400_000, 1_790_866_799_999),
        ({"timezone": None, "end": "2026-10-01T08:00"}, 1_790_812_800_000, 1_790_841_600_000),
        ({"timezone": "Asia/Tokyo", "end": "2026-10-01T08:00Z"}, 1_790_780_400_000, 1_790_841_600_000),
    ],
)
def test_a_range_may_be_dates_of_a_zone_of_which_the_last_is_whole(given: Any, start: int, end: int) -> None:
    request = read(**{"start": "2026-10-01", "end": "2026-10-01"} | given)
    assert msgspec.json.encode(request.filter) == (b'{"customer":"C","product":"P","start":%d,"end":%d}' % (start, end))


def test_a_zone_that_there_is_not_is_named() -> None:
    assert wheres({"filter": LEAST | {"timezone": "Mars/Olympus", "start": "2026-02-30"}}) == [
        *("filter.timezone", "filter.start")
    ]


def test_a_range_may_be_one_millisecond_but_not_backwards() -> None:
    assert read(start=5, end=5).filter.end == 5
    assert wheres({"filter": LEAST | {"start": 6, "end": "5"}}) == ["filter.start"]


@pytest.mark.parametrize("key", ["types", "start", "end"])
def test_null_counts_as_not_sent(key: str) -> None:
    assert msgspec.json.encode(read(**{key: None}).filter) == b'{"customer":"C","product":"P"}'


def test_unknown_keys_are_ignored() -> None:
    body = {"filter": LEAST | {"sortBy": "x"}, "output": {"colour": 1}, "when": "now"}
    assert parse_report_request(json.dumps(body).encode(), SETTINGS).output is msgspec.UNSET


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "\x1f", " ", "é", "😀", "1", "\\", "'"])
def test_any_one_character_delimits(delimiter: str) -> None:
    request = read(output={"delimiter": delimiter})
    assert request.delimiter == delimiter
    assert msgspec.json.decode(msgspec.json.encode(request.output)) == {"delimiter": delimiter}


@pytest.mark.parametrize("delimiter", ["", "||", '"', "\r", "\n", "\0", "e\u0301", 1, True, [","]])
def test_other_delimiters_are_refused(delimiter: Any) -> None:
    assert wheres({"filter": LEAST, "output": {"delimiter": delimiter}}) == ["output.delimiter"]


@pytest.mark.parametrize(
    ("sent", "header"), [(True, True), (False, False), ("true", True), ("False", False), (None, False)]
)
def test_a_header_is_asked_for(sent: Any, header: bool) -> None:
    assert read(output={"header": sent}).header is header


def test_the_format_and_the_compression_may_be_in_any_case() -> None:
    request = read(output={"format": "CSV", "compression": "None"})
    assert (request.format, request.compression) == ("csv", "none")


@pytest.mark.parametrize(
    ("key", "sent"),
    [("header", "yes"), ("header", 1), ("format", "ods"), ("format", 1), ("compression", "zip"), ("compression", 1)],
)
def test_an_output_that_cannot_be_given_is_named(key: str, sent: Any) -> None:
    assert wheres({"filter": LEAST, "output": {key: sent}}) == [f"output.{key}"]


def test_a_destination_is_refused_by_its_name() -> None:
    problems = refused({"filter": LEAST, "output": {"bucketName": "lake", "bucketKey": "a/b.csv"}}).problems
    assert [str(problem) for problem in problems] == ["output.bucketName: no destination named 'lake' is configured"]
    assert wheres({"filter": LEAST, "output": {"bucketKey": "a/b.csv"}}) == ["output.bucketKey"]
    assert wheres({"filter": LEAST, "output": {"bucketName": 1, "bucketKey": 2}}) == [
        "output.bucketName",
        "output.bucketKey",
    ]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "body"),
        (b"\xff", "body"),
        (b'{"filter":', "body"),
        (b"[" * 100_000, "body"),
        (b"[]", "body"),
        (b"null", "body"),
        (b"{}", "filter"),
        (b'{"filter":null}', "filter"),
        (b'{"filter":[]}', "filter"),
        (b'{"filter":{"customer":"C","product":"P"},"output":"csv"}', "output"),
        (b'{"filter":{"customer":"C","product":"P"},"output":[]}', "output"),
    ],
)
def test_a_body_of_the_wrong_shape_is_malformed_input(body: bytes, where: str) -> None:
    error = refused(body)
    assert error.code is Code.REQUEST_INPUT_MALFORMED
    assert [(problem.code, problem.where) for problem in error.problems] == [(Code.REQUEST_INPUT_MALFORMED, where)]


def test_everything_that_is_wrong_is_named_at_once() -> None:
    error = refused(
        {
            "filter": {"customer": "", "types": ["A", 5, None, "B"], "start": "x", "end": []},
            "output": {"delimiter": "::", "header": 2, "format": "pdf", "bucketName": "b"},
        }
    )
    assert error.code is Code.REQUEST_PARAMETER_MALFORMED
    assert sorted(problem.where for problem in error.problems) == [
        "filter.customer",
        "filter.end",
        "filter.product",
        "filter.start",
        "filter.types",
        "output.bucketName",
        "output.delimiter",
        "output.format",
        "output.header",
    ]
    assert error.message == "the report cannot be started: 9 things are wrong"


@pytest.mark.parametrize(
    ("types", "where"),
    [("A", "filter.types"), ({}, "filter.types"), (["A", 5], "filter.types[1]"), (["long" * 3], "filter.types[0]")],
)
def test_types_must_be_strings_of_a_bounded_length(types: Any, where: str) -> None:
    assert wheres({"filter": LEAST | {"types": types}}) == [where]


@pytest.mark.parametrize("value", [None, "", 5, ["C"], "c" * 11])
def test_customer_and_product_must_be_names(value: Any) -> None:
    assert wheres({"filter": {"customer": value, "product": value}}) == ["filter.customer", "filter.product"]


SHAPES = {"filter": ReportRequestFilter, "output": ReportRequestOutput}
DESCRIBED = [(part, key) for part, shape in SHAPES.items() for key in body_keys(shape)]


@pytest.mark.parametrize(("part", "key"), DESCRIBED)
def test_every_key_that_is_described_is_read(part: str, key: str) -> None:
    body = {"filter": LEAST, "output": {}}
    assert wheres(body | {part: body[part] | {key: {}}}) == [f"{part}.{key}"]


@pytest.mark.parametrize(
    ("part", "key"), [found for found in DESCRIBED if body_keys(SHAPES[found[0]])[found[1]].choices]
)
def test_every_choice_that_is_described_is_taken(part: str, key: str) -> None:
    body = {"filter": LEAST, "output": {}}
    for choice in body_keys(SHAPES[part])[key].choices:
        parse_report_request(json.dumps(body | {part: body[part] | {key: choice}}).encode(), SETTINGS)


def test_every_compression_of_a_format_is_one_that_is_described() -> None:
    described = body_keys(ReportRequestOutput)["compression"].choices
    assert {one for choices in COMPRESSIONS.values() for one in choices} == set(described)


KEYS = st.sampled_from(["filter", "output", "customer", "product", "types", "start", "end", "delimiter", "header"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_no_body_is_read_but_into_a_request_or_a_refusal(body: Any) -> None:
    with contextlib.suppress(RequestRefused):
        msgspec.json.encode(parse_report_request(json.dumps(body).encode(), SETTINGS))
