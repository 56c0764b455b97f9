"""Columns, header rows and the counting of rows, without an engine."""

import csv
import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall import plan
from footfall.plan import Column, Source
from footfall.reports.layout import header_row, plain_layout, plan_layout
from footfall.reports.tally import Tally

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
    columns = plan.load(None).columns(product)
    assert columns is not None
    assert header_row(plan_layout(columns), ",").decode() == f"timestamp,type,{COLUMNS[product]}\n".replace(" ", "")


def test_each_type_has_its_own_places() -> None:
    columns = (
        Column("user", (Source(1, ("A", "B")),)),
        Column("symbol", (Source(2, ("B",)), Source(3, ("A",)))),
        Column("never", ()),
    )
    layout = plan_layout(columns)
    assert dict(zip(layout.types, layout.places, strict=True)) == {"A": (1, 3, 0), "B": (1, 2, 0)}
    assert layout.others == (0, 0, 0)


def test_an_unknown_product_shows_its_context_as_it_is() -> None:
    layout = plain_layout(3)
    assert (layout.names, layout.others) == (("context1", "context2", "context3"), (1, 2, 3))


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
    tally = Tally()
    for at in range(0, len(content), block_bytes):
        tally.add(content[at : at + block_bytes])
    assert (tally.rows, tally.bytes) == (len(rows), len(content))
    assert tally.sha256 == hashlib.sha256(content).hexdigest()


def test_a_head_is_in_the_file_but_none_of_its_rows() -> None:
    tally = Tally()
    tally.add_head(b'"time\nstamp"|type\n')
    tally.add(b"1|a\n")
    assert (tally.rows, tally.bytes) == (1, 22)
    assert tally.sha256 == hashlib.sha256(b'"time\nstamp"|type\n1|a\n').hexdigest()
