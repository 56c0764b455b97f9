"""The files that come out, byte for byte, on a real engine."""

import csv
import io
import json
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from read_back import by_python

from footfall import plan
from footfall.state import JobStatus

NOW_MS = 1_760_000_000_000
T1 = 1_568_381_886_060
USER, LIST = "user-1", "0527e342-c92c-45ec-a3cf-fd93f87cb068"


async def report(place: Any, *, output: dict[str, Any] | None = None, **wanted: Any) -> str:
    text = await place.report(output=output, **wanted)
    assert isinstance(text, str)
    return text


def read(text: str, delimiter: str = "|") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


async def test_portfolio_events_stand_in_the_columns_of_the_plan(place) -> None:
    at = {"customer": "BARCHART", "product": "PORTFOLIO"}
    rows = [
        ("PORTFOLIO-APPLICATION-LOADED", [USER]),
        ("PORTFOLIO-ACCESSED", [USER, LIST]),
        ("PORTFOLIO-TRANSACTION-CREATED", [USER, LIST, "pos", "AAPL"]),
        ("PORTFOLIO-TRANSACTION-DELETED", [USER, LIST, "pos"]),
        ("PORTFOLIO-BROKERAGE-REPORT-DOWNLOADED", [USER, LIST, "frame"]),
        ("PORTFOLIO-CUSTOM-VIEW-CREATED", [USER, "view"]),
        ("PORTFOLIO-VIEW-TYPE-CHANGED", [USER, LIST, "view"]),
        ("PORTFOLIO-CLOSED-POSITIONS-CHANGED", [USER, LIST, "true"]),
        ("PORTFOLIO-DIVIDEND-STRATEGY-CHANGED", [USER, LIST, "cash"]),
        ("PORTFOLIO-CASH-ADJUSTMENT-STRATEGY-CHANGED", [USER, LIST, "none"]),
        ("PORTFOLIO-VALUE-GRAPH-DURATION-CHANGED", [USER, LIST, "1Y"]),
        ("PORTFOLIO-NO-LONGER-IN-THE-PLAN", [USER, LIST]),
    ]
    place.load(at | {"type": kind, "context": values, "timestamp": T1 + n} for n, (kind, values) in enumerate(rows))
    assert await report(place, **at, start=T1, output={"header": True}) == (
        "timestamp|type|userId|portfolioId|positionId|frame|viewName|showClosedPositions|dividendStrategy"
        "|cashAdjustmentStrategy|symbol|duration\n"
        "1568381886060|PORTFOLIO-APPLICATION-LOADED|user-1|||||||||\n"
        f"1568381886061|PORTFOLIO-ACCESSED|user-1|{LIST}||||||||\n"
        f"1568381886062|PORTFOLIO-TRANSACTION-CREATED|user-1|{LIST}|pos||||||AAPL|\n"
        f"1568381886063|PORTFOLIO-TRANSACTION-DELETED|user-1|{LIST}|pos|||||||\n"
        f"1568381886064|PORTFOLIO-BROKERAGE-REPORT-DOWNLOADED|user-1|{LIST}||frame||||||\n"
        "1568381886065|PORTFOLIO-CUSTOM-VIEW-CREATED|user-1||||view|||||\n"
        f"1568381886066|PORTFOLIO-VIEW-TYPE-CHANGED|user-1|{LIST}|||view|||||\n"
        f"1568381886067|PORTFOLIO-CLOSED-POSITIONS-CHANGED|user-1|{LIST}||||true||||\n"
        f"1568381886068|PORTFOLIO-DIVIDEND-STRATEGY-CHANGED|user-1|{LIST}|||||cash|||\n"
        f"1568381886069|PORTFOLIO-CASH-ADJUSTMENT-STRATEGY-CHANGED|user-1|{LIST}||||||none||\n"
        f"1568381886070|PORTFOLIO-VALUE-GRAPH-DURATION-CHANGED|user-1|{LIST}||||||||1Y\n"
        "1568381886071|PORTFOLIO-NO-LONGER-IN-THE-PLAN||||||||||\n"
    )


@pytest.mark.parametrize(
    ("product", "kind", "context", "line"),
    [
        ("WATCHLIST", "WATCHLIST-SYMBOL-ADDED", [USER, LIST, "AAPL"], f"user-1|{LIST}|AAPL||||"),
        ("WATCHLIST", "WATCHLIST-CUSTOM-VIEW-CREATED", [USER, "view"], "user-1|||view|||"),
        ("WATCHLIST", "WATCHLIST-VIEW-TYPE-CHANGED", [USER, LIST, "grid"], f"user-1|{LIST}|||grid||"),
        ("WATCHLIST", "WATCHLIST-DATA-MODE-CHANGED", [USER, LIST, "live"], f"user-1|{LIST}||||live|"),
        ("WATCHLIST", "WATCHLIST-ASSET-CLASS-FILTER-ACTIVATED", [USER, "etf"], "user-1||||||etf"),
        ("ENTITLEMENTS", "ENTITLEMENTS_AUTHORIZATION_FAILED", [USER, "login"], "user-1|login"),
        ("ALERT", "ALERT-APPLICATION-LOADED", [USER], "user-1||"),
        ("ALERT", "ALERT-CREATED", [USER, LIST], f"user-1|{LIST}|"),
        ("ALERT", "ALERT-CREATED", [USER, LIST, ""], f"user-1|{LIST}|"),
        ("ALERT", "ALERT-CREATED", [USER, LIST, "AAPL"], f"user-1|{LIST}|AAPL"),
        ("MARKETPLACE", "CONTRACT-SIGNED", list("abcde"), "a|b|c|d|e"),
    ],
)
async def test_the_other_products_do_so_too(place, product: str, kind: str, context: list[str], line: str) -> None:
    at = {"customer": "BARCHART", "product": product}
    place.load([at | {"type": kind, "context": context, "timestamp": T1}])
    columns = plan.load_plan(None).columns(product)
    assert columns is not None
    names = "|".join(column.name for column in columns)
    assert await report(place, **at, output={"header": "true"}) == f"timestamp|type|{names}\n{T1}|{kind}|{line}\n"


async def test_an_unknown_product_has_as_many_columns_as_its_longest_context_in_the_report(place) -> None:
    place.load(
        [
            {"timestamp": 1, "context": []},
            {"timestamp": 2, "context": ["a", "", "c"]},
            {"timestamp": 3, "context": ["a", "b"], "type": "U"},
            {"timestamp": 4, "context": list("abcdef")},
            {"timestamp": 2, "context": list("abcdefg"), "product": "Q"},
        ]
    )
    text = await report(place, end=3, output={"header": True})
    assert text == "timestamp|type|context1|context2|context3\n1|T|||\n2|T|a||c\n3|U|a|b|\n"


async def test_a_type_without_keys_has_empty_columns_in_every_format(place) -> None:
    file = place.settings.data / "plan.toml"
    file.write_text(
        '[products]\nP = { columns = ["user"], types = { T = [], U = ["user"] } }\n'
        'Q = { columns = ["user"], types = { T = [] } }\n'
    )
    place.plan = plan.LivePlan(file, place.settings)
    place.load(
        [
            {"timestamp": 1, "context": []},
            {"timestamp": 2, "type": "U", "context": ["u"]},
            {"timestamp": 3, "product": "Q", "context": []},
        ]
    )
    assert await report(place) == "1|T|\n2|U|u\n"
    assert await report(place, product="Q", output={"spreadsheetSafe": True}) == "3|T|\n"
    lines = await report(place, output={"format": "jsonl"})
    assert [json.loads(line)["user"] for line in lines.splitlines()] == [None, "u"]
    for name in ("parquet", "arrow"):
        job = await place.make(product="Q", output={"format": name})
        assert job.status is JobStatus.COMPLETE, job.reason
        (file := place.settings.data / name).write_bytes(await place.read(job))
        assert by_python(file, name, "none", ["timestamp", "type", "user"]) == [(3, "T", None)]


async def test_a_report_without_events_is_an_empty_file(place) -> None:
    assert await report(place) == ""
    assert await report(place, output={"header": True}) == "timestamp|type\n"
    assert await report(place, customer="BARCHART", product="ALERT", output={"header": True, "delimiter": ","}) == (
        "timestamp,type,userId,alertId,symbol\n"
    )


async def test_equal_times_are_ordered_by_batch_and_sequence(place) -> None:
    # The engine orders UUIDs by their second half first; what matters is that it always does.
    batches = [str(uuid.UUID(int=number << 64 | number)) for number in (3, 1, 2)]
    events = [
        {"timestamp": time_ms, "batch": batch, "sequence": sequence, "context": [f"{batch[-1]}{sequence}"]}
        for time_ms in (T1 + 40 * 86_400_000, T1)
        for batch in batches
        for sequence in (10, 9, 1)
    ]
    place.load(events[::2])
    place.load(events[1::2])
    order = [f"{batch}{sequence}" for batch in "123" for sequence in (1, 9, 10)]
    expected = [[str(time_ms), "T", value] for time_ms in (T1, T1 + 40 * 86_400_000) for value in order]
    assert read(await report(place)) == expected


async def test_the_filter_takes_both_ends_of_its_range_and_only_its_types(place) -> None:
    place.load({"timestamp": T1 + n, "type": kind} for n in range(5) for kind in "AB")
    lines = await report(place, start=T1 + 1, end=str(T1 + 3), types=["B", "C", "B"])
    assert lines == f"{T1 + 1}|B|a\n{T1 + 2}|B|a\n{T1 + 3}|B|a\n"
    assert len(read(await report(place, types=[]))) == 10
    assert await report(place, types=["it's", "a\\b", 'c"d', "e\nf", "{g:String}"]) == ""


async def test_names_in_a_filter_are_never_part_of_a_statement(place) -> None:
    names = [
        "O'Brien",
        "back\\slash",
        "tab\tline\nfeed",
        "%s {x:String}",
        '"; DROP TABLE events --',
        "ünï😀",
        "\x00nul",
    ]
    place.load({"product": name, "type": name, "context": [name]} for name in names)
    for name in names:
        assert [row[1:] for row in read(await report(place, product=name, types=[name]))] == [[name, name]]


async def test_many_long_types_fit_into_one_report(place) -> None:
    types = [f"{n:0200d}" for n in range(place.settings.filter_types_max)]
    place.load([{"type": types[-1]}, {"type": "T"}])
    assert [row[1] for row in read(await report(place, types=types))] == [types[-1]]


async def test_an_event_admitted_after_the_start_is_not_in_the_report(place) -> None:
    place.load([{"admitted": NOW_MS - 1, "context": ["before"]}, {"admitted": NOW_MS, "context": ["at"]}])

    async def order_and_load() -> str:
        job = await place.order()
        place.load([{"admitted": NOW_MS + 1, "context": ["after"]}])
        async with place.running():
            return (await place.read(await place.ended(job))).decode()

    assert sorted(row[2] for row in read(await order_and_load())) == ["at", "before"]
    place.clock.ms += 1
    assert sorted(row[2] for row in read(await report(place))) == ["after", "at", "before"]


async def test_equal_events_are_in_the_report_once_as_first_admitted(place) -> None:
    twice = {"batch": str(uuid.uuid4()), "timestamp": T1}
    place.load([twice | {"admitted": NOW_MS - 5}])
    place.load([twice | {"admitted": NOW_MS + 5}, twice | {"admitted": NOW_MS - 9}])
    assert await report(place) == f"{T1}|T|a\n"


async def test_only_fields_that_need_quotes_have_them(place) -> None:
    values = ["plain", "", " space ", "a|b", 'say "hi"', "line\nfeed", "re\rturn", "back\\slash\\n", "tab\t", "😀;é,'"]
    place.load([{"timestamp": 7, "context": values}])
    assert await report(place) == (
        '7|T|plain|| space |"a|b"|"say ""hi"""|"line\nfeed"|"re\rturn"|back\\slash\\n|tab\t|😀;é,\'\n'
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "\x1f", "\x01", " ", "'", "\\", "é", "😀", "1", "-", "T", "."])
async def test_a_delimiter_of_any_kind_reads_back(place, delimiter: str) -> None:
    values = ["", delimiter, f"a{delimiter}b", delimiter * 3, "1-.T é😀\\'", f'"{delimiter}"', "\n"]
    place.load([{"timestamp": -111, "type": "T1", "context": values}])
    text = await report(place, output={"delimiter": delimiter, "header": True})
    names = [f"context{n}" for n in range(1, 8)]
    assert read(text, delimiter) == [["timestamp", "type", *names], ["-111", "T1", *values]]


TEXT = st.text(st.sampled_from("ab|,\"'\\\t\r\n\x00\x1f é😀") | st.characters(codec="utf-8"), max_size=8)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "timestamp": st.integers(946_684_800_000, 1_760_000_000_000),
            "type": TEXT,
            "context": st.lists(TEXT, min_size=1, max_size=5),
        }
    ),
    min_size=1,
    max_size=20,
)


@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EVENTS, st.characters(codec="utf-8", exclude_characters='"\r\n\0'))
async def test_what_is_read_back_is_what_was_sent(place, events: list[dict[str, Any]], delimiter: str) -> None:
    product = uuid.uuid4().hex
    batch = str(uuid.uuid4())
    place.load(event | {"product": product, "batch": batch, "sequence": n + 1} for n, event in enumerate(events))
    width = max((len(event["context"]) for event in events), default=0)
    expected = [
        [str(event["timestamp"]), event["type"], *event["context"], *[""] * (width - len(event["context"]))]
        for event in sorted(events, key=lambda event: event["timestamp"])
    ]
    assert read(await report(place, product=product, output={"delimiter": delimiter}), delimiter) == expected
