"""Columns, header rows and the counting of rows, without an engine."""

import csv
import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall import plan
from footfall.plan import Column, Source
from footfall.reports.encoding import CsvRowCounter, FileCounter, JsonRowCounter
from footfall.reports.query.layout import ContextPlace, Field, header_row, plan_layout, planless_layout

COLUMNS = {
    "WATCHLIST": "userId, watchlistId, symbol, viewName, viewType, dataMode, classFilter",
    "PORTFOLIO": "userId, portfolioId, positionId, frame, viewName, showClosedPositions, dividendStrategy, "
    "cashAdjustmentStrategy, symbol, duration",
    "ENTITLEMENTS": "userId, operation",
    "ALERT": "userId, alertId, symbol",
    "MARKETPLACE": "userId, userType, companyId, companyName, entityId",
}


@pytest.mark.parametrize("product", COLUMNS)
def test_the_packaged_plans_products_have_the_columns_of_the_contract(product: str) -> None:
    columns = plan.load_plan(None).columns(product)
    assert columns is not None
    assert header_row(plan_layout(columns), ",").decode() == f"timestamp,type,{COLUMNS[product]}\n".replace(" ", "")


def test_each_type_has_its_own_places() -> None:
    columns = (
        Column("user", (Source(1, ("A", "B")),)),
        Column("symbol", (Source(2, ("B",)), Source(3, ("A",)))),
        Column("never", ()),
    )
    assert plan_layout(columns).fields == (
        Field("user", (ContextPlace(1, ("A", "B")),)),
        Field("symbol", (ContextPlace(2, ("B",)), ContextPlace(3, ("A",)))),
        Field("never", ()),
    )


def test_an_unknown_product_shows_its_context_as_it_is() -> None:
    layout = planless_layout(2)
    assert layout.fields == (Field("context1", (ContextPlace(1),)), Field("context2", (ContextPlace(2),)))


def test_every_key_is_another_one() -> None:
    layout = plan_layout(tuple(Column(name, ()) for name in ("type", "context.type", "user", "timestamp")))
    assert layout.names == ("timestamp", "type", "type", "context.type", "user", "timestamp")
    assert layout.unique_names == (
        "timestamp",
        "type",
        "context.type",
        "context.context.type",
        "user",
        "context.timestamp",
    )


@pytest.mark.parametrize("delimiter", ["|", ",", "1", "e", "\x1f", "é"])
def test_a_header_row_reads_back(delimiter: str) -> None:
    names = ("plain", "with,comma", 'with "quotes"', "line\nfeed", "return\r", "", "1|é")
    layout = plan_layout(tuple(Column(name, ()) for name in names))
    text = header_row(layout, delimiter).decode()
    assert list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)) == [["timestamp", "type", *names]]


@given(st.lists(st.lists(st.text('a"\n|'), min_size=2, max_size=3)), st.integers(1, 7))
def test_rows_are_counted_whatever_their_fields_and_wherever_the_blocks_are_cut(
    rows: list[list[str]], block_bytes: int
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter="|", lineterminator="\n").writerows(rows)
    content = out.getvalue().encode()
    found = CsvRowCounter()
    for at in range(0, len(content), block_bytes):
        found.add(content[at : at + block_bytes])
    assert found.rows == len(rows)


def test_lines_of_json_are_counted_whatever_quotes_they_have() -> None:
    found = JsonRowCounter()
    for block in (b'{"a":"\\""}\n{"a"', b':"\\n"}\n'):
        found.add(block)
    assert found.rows == 2


def test_a_file_is_hashed_in_pieces() -> None:
    tally = FileCounter()
    for block in (b"1|a\n", b"", b"2|b\n"):
        tally.add(block)
    assert (tally.bytes, tally.sha256) == (8, hashlib.sha256(b"1|a\n2|b\n").hexdigest())
