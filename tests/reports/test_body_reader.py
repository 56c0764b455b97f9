"""The lines with which docs/reports.md reads each format."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

DOCS = Path(__file__).parents[2] / "docs" / "reports.md"
BLOCK = re.search(r"```python\nimport duckdb.*?\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
LINES = [line for line in BLOCK[1].splitlines() if line and not line.startswith("#")] if BLOCK else []
VALUES = ["007", "", 'say "hi"', "a|b\nc", "NULL", "nan", "=1", " x "]
FILES: dict[str, dict[str, Any]] = {
    "report.csv.gz": {"format": "csv", "compression": "gzip", "header": True},
    "report.jsonl.gz": {"format": "jsonl", "compression": "gzip"},
    "report.parquet": {"format": "parquet"},
    "report.arrow": {"format": "arrow"},
}
TO_ROWS: tuple[tuple[type, Callable[[Any], list[tuple[Any, ...]]]], ...] = (
    (duckdb.DuckDBPyRelation, lambda read: read.pl().rows()),
    (pd.DataFrame, lambda read: list(read.itertuples(index=False, name=None))),
    (pl.DataFrame, lambda read: read.rows()),
)


def test_there_is_a_line_for_each_format_and_program() -> None:
    assert [name for line in LINES for name in FILES if name in line] == [name for name in FILES for _ in range(3)]


async def test_every_line_reads_what_was_sent(place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.load({"timestamp": 1_700_000_000_000 + n, "context": [value]} for n, value in enumerate(VALUES))
    for name, output in FILES.items():
        (tmp_path / name).write_bytes(await place.read(await place.make(output=output)))
    monkeypatch.chdir(tmp_path)
    for line in LINES:
        read = eval(line, {"duckdb": duckdb, "pandas": pd, "polars": pl, "pyarrow": pa})  # noqa: S307 - our own words
        rows = next(to_rows(read) for kind, to_rows in TO_ROWS if isinstance(read, kind))
        # Only an empty field of CSV is nothing to some.
        found = [(kind, "" if ".csv" in line and value is None else value) for _, kind, value in rows]
        assert found == [("T", value) for value in VALUES], line
