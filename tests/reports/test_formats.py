"""Every format in every compression, read back with the programs that people read them with."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from read_back import READERS, Row, by_python, plainly, unpacked

from footfall import plan as plans
from footfall.errors import RequestRefused
from footfall.reports import encoding
from footfall.state import Job, JobStatus

NOW_MS = 1_760_000_000_000
DAY_MS = 86_400_000
YEAR_2000_MS = 946_684_800_000
# Spreadsheets have tests of their own.
FORMATS = [name for name in encoding.FORMATS if name != "xlsx"]
PAIRS = [(name, how) for name in FORMATS for how in encoding.COMPRESSIONS[name]]
ALERT = {"customer": "BARCHART", "product": "ALERT"}
ALERT_COLUMNS = ["timestamp", "type", "userId", "alertId", "symbol"]
LONG = "".join(chr(0x4E00 + n % 5000) for n in range(65_536 // 3))
VALUES = [
    "",
    " ",
    " leading and trailing ",
    "a|b,c;d\te",
    'say "hi"',
    '"',
    '""',
    "'",
    "line\nfeed",
    "\n",
    "carriage\rreturn",
    "both\r\nof them",
    "\r\n",
    "\ttab",
    "back\\slash\\n",
    "\\N",
    "NULL",
    "null",
    "NaN",
    "true",
    "007",
    "1e5",
    "2020-01-01",
    "😀 👩‍👩‍👧 é e\u0301",
    "\u2028\u2029\ufeff\u200b",
    "\x01\x1f\x7f",
    "</script>/",
    "{}",
    "a" * 65_536,
    LONG,
]


async def make(place: Any, output: dict[str, Any], **wanted: Any) -> tuple[Job, bytes]:
    """A finished report and its file; what is said of it agrees with what it is."""
    job = await place.make(output=output, **wanted)
    assert job.status is JobStatus.COMPLETE, job.reason
    return job, await place.read(job)


def events_of_alerts() -> tuple[list[dict[str, Any]], list[Row]]:
    """Events of a product in the plan, in several months, and the rows they make."""
    events: list[dict[str, Any]] = []
    rows: list[Row] = []
    places = [NOW_MS - DAY_MS * 40 * (n % 3) + n for n in range(len(VALUES))]
    for time_ms, value in zip(places, VALUES, strict=True):
        events.append(ALERT | {"type": "ALERT-CREATED", "timestamp": time_ms, "context": [value, "id", value]})
        rows.append((time_ms, "ALERT-CREATED", value, "id", value))
    for number, (kind, context, shown) in enumerate(
        [
            ("ALERT-APPLICATION-LOADED", ["ann"], ("ann", None, None)),
            ("ALERT-DELETED", ["ann", "id"], ("ann", "id", "")),  # the optional symbol was left out
            ("ALERT-DELETED", ["ann", "id", ""], ("ann", "id", "")),  # or null
            ("ALERT-NO-LONGER-IN-THE-PLAN", ["ann"], (None, None, None)),
            ("ALERT-STARTED", [], ("", "", "")),
        ]
    ):
        time_ms = YEAR_2000_MS + number
        events.append(ALERT | {"type": kind, "timestamp": time_ms, "context": context})
        rows.append((time_ms, kind, *shown))
    ahead = NOW_MS + DAY_MS
    events.append(ALERT | {"type": "ALERT-STOPPED-ALL", "timestamp": ahead, "context": ["of tomorrow"]})
    rows.append((ahead, "ALERT-STOPPED-ALL", "of tomorrow", None, None))
    return events, sorted(rows, key=lambda row: row[0])


@pytest.mark.parametrize(("file_format", "compression"), PAIRS)
async def test_every_reader_reads_what_was_sent(place, tmp_path: Path, file_format: str, compression: str) -> None:
    events, expected = events_of_alerts()
    place.load(events)
    job, data = await make(place, {"format": file_format, "compression": compression}, **ALERT)
    manifest = json.loads(job.manifest)
    assert (job.rows, manifest["rows"]["total"]) == (len(expected), len(expected))
    assert (job.bytes, manifest["bytes"]) == (len(data), len(data))
    file = tmp_path / job.file
    file.write_bytes(data)
    wanted = plainly(expected) if file_format == "csv" else expected
    for reader in READERS:
        found = reader(file, file_format, compression, ALERT_COLUMNS)
        assert (plainly(found) if file_format == "csv" else found) == wanted, reader.__name__


@pytest.mark.parametrize("compression", encoding.COMPRESSIONS["jsonl"])
@pytest.mark.parametrize("file_format", encoding.FORMATS)
async def test_a_compression_is_given_or_refused(place, file_format: str, compression: str) -> None:
    wanted = {"format": file_format.upper(), "compression": compression}
    if compression in encoding.COMPRESSIONS[file_format]:
        assert (await place.order(output=wanted)).compression == compression
        return
    with pytest.raises(RequestRefused) as caught:
        await place.order(output=wanted)
    assert [str(problem) for problem in caught.value.problems] == [
        f"output.compression: must be one of: {', '.join(encoding.COMPRESSIONS[file_format])}"
    ]


@pytest.mark.parametrize(("file_format", "compression"), PAIRS)
async def test_an_unknown_product_has_the_columns_of_its_longest_context(
    place, tmp_path: Path, file_format: str, compression: str
) -> None:
    contexts: list[list[str]] = [[], [""], ["a", "", "c"], ["a", "b"], ["", "", "", ""]]
    place.load({"timestamp": NOW_MS - 5 + n, "context": context} for n, context in enumerate(contexts))
    job, data = await make(place, {"format": file_format, "compression": compression})
    file = tmp_path / job.file
    file.write_bytes(data)
    names = ["timestamp", "type", *(f"context{n}" for n in range(1, 5))]
    expected: list[Row] = [
        (NOW_MS - 5 + n, "T", *context, *[None] * (4 - len(context))) for n, context in enumerate(contexts)
    ]
    wanted = plainly(expected) if file_format == "csv" else expected
    for reader in READERS:
        found = reader(file, file_format, compression, names)
        assert (plainly(found) if file_format == "csv" else found) == wanted, reader.__name__


@pytest.mark.parametrize(("file_format", "compression"), PAIRS)
@pytest.mark.parametrize("known", [True, False])
async def test_a_report_without_events_has_its_columns_all_the_same(
    place, tmp_path: Path, file_format: str, compression: str, known: bool
) -> None:
    wanted = ALERT if known else {"customer": "C", "product": "P"}
    job, data = await make(place, {"format": file_format, "compression": compression}, **wanted)
    assert (job.rows, json.loads(job.manifest)["rows"]) == (0, {"total": 0, "byType": {}})
    file = tmp_path / job.file
    file.write_bytes(data)
    names = ALERT_COLUMNS if known else ALERT_COLUMNS[:2]
    if file_format in encoding.TEXTS:
        assert unpacked(file, compression) == b""
        return
    for reader in READERS:
        assert reader(file, file_format, compression, names) == []
    schema = parquet.read_schema(file) if file_format == "parquet" else pa.ipc.open_file(file).schema
    assert schema.names == names


@pytest.mark.parametrize("file_format", ["parquet", "arrow"])
async def test_times_are_typed_and_all_else_is_text(place, tmp_path: Path, file_format: str) -> None:
    place.load([ALERT | {"type": "ALERT-CREATED", "context": ["a", "b", "c"]}])
    for wanted in (ALERT, ALERT | {"end": 0}):
        job, data = await make(place, {"format": file_format}, **wanted)
        file = tmp_path / job.file
        file.write_bytes(data)
        schema = parquet.read_schema(file) if file_format == "parquet" else pa.ipc.open_file(file).schema
        assert [str(field.type) for field in schema] == ["timestamp[ms, tz=UTC]", *["string"] * 4]


ODD_KEYS = [
    "timestamp",
    "type",
    "context.type",
    "context",
    "customer",
    "batch",
    "sequence",
    "received",
    "admitted",
    "line",
    "cell0",
    "_place",
    "x_place",
    "NULL",
    "a b",
    "`tick`",
    'say "hi"',
    "O'Brien",
    "back\\slash\\n",
    "%s %% {x:String}",
    "{{format}}{{undoubled}}{{shown}}",
    "|,;",
    "ünï😀",
    "-- comment /*",
]


@pytest.mark.parametrize("file_format", FORMATS)
async def test_keys_of_any_name_have_their_column(place, tmp_path: Path, file_format: str) -> None:
    keys = json.dumps(ODD_KEYS, ensure_ascii=False)
    own = tmp_path / "plan.toml"
    own.write_text(f'[products."ODD"]\ncolumns = {keys}\n[products."ODD".types]\n"A" = {keys}\n"B" = ["NULL"]\n')
    place.plan = plans.LivePlan(own, place.settings)
    values = [f"value {n}" for n in range(len(ODD_KEYS))]
    at = {"customer": "C", "product": "ODD"}
    place.load(
        [
            at | {"type": "A", "timestamp": NOW_MS - 2, "context": values},
            at | {"type": "B", "timestamp": NOW_MS - 1, "context": ["null"]},
        ]
    )
    lone = ["null" if key == "NULL" else None for key in ODD_KEYS]
    # In CSV a column is called as in the plan; elsewhere each has another name.
    renamed = {"timestamp": "context.timestamp", "type": "context.type", "context.type": "context.context.type"}
    is_csv = file_format == "csv"
    names = ["timestamp", "type", *(ODD_KEYS if is_csv else [renamed.get(key, key) for key in ODD_KEYS])]
    job, data = await make(place, {"format": file_format, "compression": "none", "header": True}, **at)
    file = tmp_path / job.file
    file.write_bytes(data)
    assert [column["name"] for column in json.loads(job.manifest)["columns"]] == names
    if is_csv:
        header, *rows = csv.reader(io.StringIO(data.decode(), newline=""), delimiter="|", strict=True)
        assert header == names
        assert rows == [[str(NOW_MS - 2), "A", *values], [str(NOW_MS - 1), "B", *(value or "" for value in lone)]]
        return
    expected = [(NOW_MS - 2, "A", *values), (NOW_MS - 1, "B", *lone)]
    for reader in READERS:
        assert reader(file, file_format, "none", names) == expected, reader.__name__
    if file_format != "jsonl":
        schema = parquet.read_schema(file) if file_format == "parquet" else pa.ipc.open_file(file).schema
        assert schema.names == names


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "1", "é", " ", "T"])
async def test_a_delimited_file_is_read_by_all_programs(place, tmp_path: Path, delimiter: str, header: bool) -> None:
    values = ["", delimiter, f"a{delimiter}b", delimiter * 3, f'"{delimiter}"', "\n", "plain"]
    place.load([{"timestamp": NOW_MS - 1, "type": "T1", "context": values}])
    job, data = await make(place, {"delimiter": delimiter, "header": header, "compression": "gzip"})
    names = ["timestamp", "type", *(f"context{n}" for n in range(1, 8))]
    if header:
        first, data = gzip.decompress(data).split(b"\n", 1)
        assert next(csv.reader([first.decode()], delimiter=delimiter)) == names
        data = gzip.compress(data)
    file = tmp_path / job.file
    file.write_bytes(data)
    # Polars takes delimiters of one byte.
    for reader in READERS if delimiter.isascii() else READERS[:3]:
        found = plainly(reader(file, "csv", "gzip", names, delimiter))
        assert found == [(NOW_MS - 1, "T1", *values)], reader.__name__


@pytest.mark.parametrize("file_format", encoding.TEXTS)
async def test_times_as_text_have_their_milliseconds(place, file_format: str) -> None:
    times = {
        YEAR_2000_MS: "2000-01-01T00:00:00.000Z",
        1_709_208_000_007: "2024-02-29T12:00:00.007Z",
        NOW_MS + DAY_MS: "2025-10-10T08:53:20.000Z",
    }
    place.load({"timestamp": time_ms, "context": []} for time_ms in times)
    _, data = await make(place, {"format": file_format, "times": "rfc3339"})
    if file_format == "csv":
        assert data.decode() == "".join(f"{text}|T\n" for text in times.values())
    else:
        assert data.decode() == "".join(f'{{"timestamp":"{text}","type":"T"}}\n' for text in times.values())


@pytest.mark.parametrize(("file_format", "compression"), PAIRS)
async def test_a_nul_is_a_character_like_any_other(place, tmp_path: Path, file_format: str, compression: str) -> None:
    value = "\0before\0and after\0"
    place.load([{"timestamp": NOW_MS - 1, "type": value, "context": [value]}])
    job, data = await make(place, {"format": file_format, "compression": compression})
    file = tmp_path / job.file
    file.write_bytes(data)
    names = ["timestamp", "type", "context1"]
    assert by_python(file, file_format, compression, names) == [(NOW_MS - 1, value, value)]
