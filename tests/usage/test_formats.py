"""Answers as CSV, Arrow, charts and pictures."""

import csv
import io
import json
from typing import Any

import pyarrow as pa
import pytest

from footfall.errors import Code, RequestRefused
from footfall.settings import Settings
from footfall.usage import Drawings, make_chart, make_table, write_arrow, write_csv

DAY_MS = 86_400_000
AS_OF = 1_760_000_000_000 + 30 * DAY_MS
CALLS: dict[str, dict[str, Any]] = {
    "counts": {"by": ["type", "version"]},
    "uniques": {"key": "context1"},
    "retention": {"key": "context1", "interval": "day"},
    "funnel": {"key": "context1", "step": ["T", "U"], "by": "version"},
    "paths": {"key": "context1", "type": "T"},
    "top": {"key": "context1"},
    "compare": {"start": 1_760_000_000_000, "end": 1_760_000_000_000 + 9 * DAY_MS},
    "summary": {},
    "types": {},
}


@pytest.fixture
def filled(place: Any) -> Any:
    days = range(5)
    place.load(*({"timestamp": place.now_ms + day * DAY_MS, "type": kind} for day in days for kind in "TU"))
    place.load({"timestamp": place.now_ms, "context": ['a "quoted", value']})
    return place


@pytest.mark.parametrize("name", CALLS)
async def test_a_table_has_a_row_for_each_entry(filled: Any, name: str) -> None:
    answer = await filled.ask(name, asOf=AS_OF, **CALLS[name])
    table = make_table(name, answer)
    read = list(csv.DictReader(io.StringIO(write_csv(table).decode())))
    assert len(read) == len(table.rows) > 0
    assert tuple(read[0]) == table.columns
    arrow = pa.ipc.open_stream(write_arrow(table)).read_all()
    assert (arrow.num_rows, tuple(arrow.column_names)) == (len(table.rows), table.columns)
    if "start" in table.columns:
        assert arrow.schema.field("start").type == pa.timestamp("ms", tz="UTC")


@pytest.mark.parametrize("name", CALLS)
async def test_a_chart_has_its_data_and_says_as_of_when(filled: Any, name: str) -> None:
    answer = await filled.ask(name, asOf=AS_OF, timezone="Europe/Berlin", **CALLS[name])
    chart = make_chart(name, answer, make_table(name, answer), "Europe/Berlin")
    assert chart["data"]["values"]
    assert chart["title"]["subtitle"] == "as of 2025-11-08 09:53:20 Europe/Berlin"
    fields = set(chart["data"]["values"][0])
    named = {value["field"] for value in chart["encoding"].values() if isinstance(value, dict)}
    assert named - fields <= {"share", "period", "number"}
    json.dumps(chart)


async def test_a_chart_may_be_as_of_a_time_that_no_clock_shows(filled: Any) -> None:
    answer = await filled.ask("counts", asOf=253_402_300_800_000)
    chart = make_chart("counts", answer, make_table("counts", answer), "Europe/Berlin")
    assert chart["title"]["subtitle"] == "as of 253402300800000 ms Europe/Berlin"


async def test_pictures_are_drawn_by_a_process_that_ends(filled: Any) -> None:
    answer = await filled.ask("counts", asOf=1)
    chart = make_chart("counts", answer, make_table("counts", answer), "UTC")
    drawings = Drawings(Settings())
    assert b"<svg" in (await drawings.draw(chart, "svg"))[:200]
    assert (await drawings.draw(chart, "png")).startswith(b"\x89PNG")


async def test_a_picture_that_takes_too_long_is_given_up(tmp_path: Any) -> None:
    endless = tmp_path / "endless.py"
    endless.write_text("import signal\nsignal.pause()\n")
    with pytest.raises(RequestRefused) as caught:
        await Drawings(Settings(usage_chart_timeout_s=1), endless).draw({}, "svg")
    assert caught.value.code is Code.SERVICE_UNAVAILABLE


async def test_a_picture_that_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(RequestRefused) as caught:
        await Drawings(Settings()).draw({"mark": "no such mark"}, "svg")
    assert caught.value.code is Code.REQUEST_GENERAL_FAILURE


async def test_a_field_with_a_carriage_return_is_one_field(place: Any) -> None:
    values = ["a\rb", "a\nb", 'a"b', "a,b", "plain"]
    place.load(*({"context": [value]} for value in values))
    answer = await place.ask("top", key="context1", asOf=AS_OF)
    written = write_csv(make_table("top", answer))
    assert written.count(b'"') == 2 * 4 + 2
    read = list(csv.DictReader(io.StringIO(written.decode(), newline="")))
    assert sorted(row["value"] for row in read) == sorted(values)


async def test_values_that_no_picture_can_have_are_drawn_with_a_mark(place: Any) -> None:
    place.load({"context": ["a\x00b"]}, {"context": ["\x1f\ufffe"]}, {"context": ["tab\tä"]})
    answer = await place.ask("top", key="context1", asOf=AS_OF)
    chart = make_chart("top", answer, make_table("top", answer), "UTC")
    values = {record["value"] for record in chart["data"]["values"]}
    assert values == {"a\ufffdb", "\ufffd\ufffd", "tab\tä"}
    picture = await Drawings(Settings()).draw(chart, "svg")
    assert b"tab" in picture


async def test_a_value_that_a_spreadsheet_would_run_is_marked_where_that_is_asked_for(place: Any) -> None:
    values = ["=1+1", "+1", "-1", "@a", "'a", "\t=", "\uff1d1", "plain", "a=1"]
    place.load(*({"context": [value]} for value in values))
    table = make_table("top", await place.ask("top", key="context1", asOf=AS_OF))
    for safe in (False, True):
        read = list(csv.DictReader(io.StringIO(write_csv(table, safe=safe).decode(), newline="")))
        marked = {row["value"] for row in read}
        assert marked == {f"'{value}" if safe and value not in ("plain", "a=1") else value for value in values}
        assert {row["events"] for row in read} == {"1"}
