"""Spreadsheets: every value is there as it was sent, as text, and every time as a time."""

import gc
import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sheets import read_sheets

from footfall import plan as plans
from footfall.reports.query import xlsx
from footfall.reports.query.xlsx import Workbook, xml_text
from footfall.state import Job, JobStatus

NOW_MS = 1_760_000_000_000
ALERT = {"customer": "BARCHART", "product": "ALERT"}
NAMES = ("timestamp", "type", "userId", "alertId", "symbol")
VALUES = [
    "",
    " leading and trailing ",
    "=1+1",
    "+1",
    "@SUM(A1)",
    "'quoted",
    "007",
    "1e5",
    "2020-01-01",
    "TRUE",
    "http://example.com/?a=1&b=<2>",
    '"&amp;"',
    "Grüße, Müller & Söhne",
    "😀 👩‍👩‍👧 e\u0301",
    "line\nfeed\r\nand\ttab\r",
    "".join(map(chr, range(32))) + "\x7f\x85\u2028\ufeff\ufffe\uffff",
    "_x0041_x0042_",
    "_x0001_\x01x0041_ _x",
    "\0=1\0",
    "a" * 32_767,
]


async def make(
    place: Any, tmp_path: Path, **wanted: Any
) -> tuple[Job, dict[str, list[tuple[Any, ...]]], dict[str, Any]]:
    """A report's job, its sheets, and its manifest."""
    job = await place.make(output={"format": "xlsx"}, **wanted)
    assert job.status is JobStatus.COMPLETE, job.reason
    data = await place.read(job)
    file = tmp_path / job.file
    file.write_bytes(data)
    assert hashlib.sha256(data).hexdigest() == job.sha256
    return job, read_sheets(file), json.loads(job.manifest)


async def test_values_are_the_text_that_was_sent_and_times_are_times(place, tmp_path) -> None:
    times = [-3_000_000_000_000 + n for n in range(2)] + [NOW_MS - 1000 + n for n in range(len(VALUES) - 2)]
    events = [
        ALERT | {"type": "ALERT-CREATED", "timestamp": time_ms, "context": [value, "id", value]}
        for time_ms, value in zip(times, VALUES, strict=True)
    ]
    place.load([*events, ALERT | {"type": "ALERT-STOPPED-ALL", "timestamp": NOW_MS, "context": ["=ann"]}])
    job, sheets, manifest = await make(place, tmp_path, **ALERT)
    rows = [
        # A time from before spreadsheets have times is its number, as text.
        (time_ms if time_ms > 0 else str(time_ms), "ALERT-CREATED", value, "id", value)
        for time_ms, value in zip(times, VALUES, strict=True)
    ]
    assert sheets == {"Events": [NAMES, *rows, (NOW_MS, "ALERT-STOPPED-ALL", "=ann", None, None)]}
    assert (job.rows, manifest["format"], manifest["compression"], manifest["cutCells"]) == (
        len(rows) + 1,
        "xlsx",
        "none",
        0,
    )
    assert manifest["columns"][0]["type"] == "date and time with milliseconds, UTC"
    assert job.file.endswith(".xlsx")


async def test_a_text_that_is_too_long_for_a_cell_is_cut_and_says_so(place, tmp_path) -> None:
    whole = ["é" * 32_767, "😀" * 16_383]
    long = ["é" * 32_768, "x" * 65_536, "😀" * 16_384, "&" * 40_000]
    place.load({"timestamp": NOW_MS - 1, "context": [value]} for value in (*whole, *long))
    _, sheets, manifest = await make(place, tmp_path)
    found = sorted(row[2] for row in sheets["Events"][1:])
    expected = [
        *whole,
        "é" * 32_000 + " … (cut here, of 32768 characters)",
        "x" * 32_000 + " … (cut here, of 65536 characters)",
        "😀" * 16_000 + " … (cut here, of 16384 characters)",
        "&" * 32_000 + " … (cut here, of 40000 characters)",
    ]
    assert found == sorted(expected)
    assert max(len(text.encode("utf-16-le")) // 2 for text in found) <= 32_767
    assert manifest["cutCells"] == len(long)


async def test_a_sheet_ends_at_its_last_row_and_the_next_has_the_names_too(place, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(xlsx, "SHEET_ROWS_MAX", 4)
    place.load({"timestamp": NOW_MS - 100 + n, "context": [str(n)]} for n in range(6))
    job, sheets, _ = await make(place, tmp_path)
    names = ("timestamp", "type", "context1")
    rows = [(NOW_MS - 100 + n, "T", str(n)) for n in range(6)]
    assert sheets == {"Events": [names, *rows[:3]], "Events 2": [names, *rows[3:]]}
    assert job.rows == 6


@pytest.mark.parametrize("bound", [{}, {"SHEET_ROWS_MAX": 7}, {"SHEET_BYTES_MAX": 700}])
def test_the_same_rows_are_the_same_bytes_however_they_came(monkeypatch, tmp_path, bound) -> None:
    for name, value in {"BLOCK_BYTES": 256, **bound}.items():
        monkeypatch.setattr(xlsx, name, value)
    rows = [f'<row><c s="1"><v>{45_000 + n}</v></c></row>\n'.encode() for n in range(60)]
    text = b"".join(rows)

    def made(*streams: list[bytes]) -> bytes:
        book = Workbook()
        book.begin(["timestamp"])
        data = b"".join([block for stream in streams for block in book.add(stream)])
        return data + b"".join(book.end())

    pieces = [text[at : at + 37] for at in range(0, len(text), 37)]
    first = made([text])
    assert first == made(rows) == made(pieces) == made(rows[:11], [b""], rows[11:])
    (tmp_path / "file").write_bytes(first)
    sheets = read_sheets(tmp_path / "file")
    assert sum(len(sheet) - 1 for sheet in sheets.values()) == 60
    assert len(sheets) == {"SHEET_ROWS_MAX": 10, "SHEET_BYTES_MAX": 4}.get(next(iter(bound), ""), 1)
    with zipfile.ZipFile(tmp_path / "file") as parts:
        assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(("wanted", "names"), [(ALERT, NAMES), ({}, ("timestamp", "type"))])
async def test_a_report_without_events_has_its_columns_all_the_same(place, tmp_path, wanted, names) -> None:
    job, sheets, _ = await make(place, tmp_path, **wanted)
    assert (job.rows, sheets) == (0, {"Events": [names]})


async def test_keys_of_any_name_have_their_column(place, tmp_path) -> None:
    keys = ["timestamp", "a <b> & 'c'", "_x0041_", "xml", "_xml", "text", "\U0001f600"]
    own = tmp_path / "plan.toml"
    listed = json.dumps(keys, ensure_ascii=False)
    own.write_text(f"[products.ODD]\ncolumns = {listed}\n[products.ODD.types]\nA = {listed}\n")
    place.plan = plans.LivePlan(own, place.settings)
    place.load([{"product": "ODD", "type": "A", "timestamp": NOW_MS - 1, "context": keys}])
    _, sheets, manifest = await make(place, tmp_path, product="ODD")
    names = ("timestamp", "type", "context.timestamp", *keys[1:])
    assert sheets == {"Events": [names, (NOW_MS - 1, "A", *keys)]}
    assert [column["name"] for column in manifest["columns"]] == list(names)


TEXT = st.text(st.sampled_from("_x0041F<&>\r\n\t\x01\ufffe ") | st.characters(codec="utf-8"), max_size=12)


@hypothesis_settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(["_x0041\x01", "_x005F\x01", "_x0041\ufffe", "_x0041_x0041_", "_x004\x01", "&_x0041\t<_x0041_>", "\x00" * 99])
@given(st.lists(TEXT, min_size=1, max_size=60))
async def test_any_text_can_be_had_back_and_the_engine_writes_it_as_the_names_are_written(
    place, tmp_path, texts
) -> None:
    product = hashlib.sha256(json.dumps(texts).encode()).hexdigest()
    place.load({"product": product, "timestamp": NOW_MS - 99 + n, "context": [text]} for n, text in enumerate(texts))
    job, sheets, _ = await make(place, tmp_path, product=product)
    assert [row[2] for row in sheets["Events"][1:]] == texts
    with zipfile.ZipFile(tmp_path / job.file) as parts:
        written = parts.read("xl/worksheets/sheet1.xml").decode()
    assert all(f'<t xml:space="preserve">{xml_text(text)}</t>' in written for text in texts)


def test_a_file_that_breaks_off_leaves_nothing_that_python_complains_of() -> None:
    workbook = Workbook()
    workbook.begin(["timestamp"])

    def broken() -> Iterator[bytes]:
        yield b"<row></row>\n"
        raise OSError("the store is gone")

    with pytest.raises(OSError, match="the store is gone"):
        list(workbook.add(broken()))
    # What is raised while it is taken apart would be a warning, and those are errors here.
    del workbook
    gc.collect()
