"""Reports' files, read back with the programs that people read them with."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
from pyarrow import parquet

from footfall.reports import encoding
from footfall.system import zstd

Row = tuple[Any, ...]


def plainly(rows: list[Row]) -> list[Row]:
    """The rows as CSV can say them: nothing is the empty string."""
    return [tuple("" if value is None else value for value in row) for row in rows]


def unpacked(file: Path, compression: str) -> bytes:
    data = file.read_bytes()
    if compression == "gzip":
        return gzip.decompress(data)
    return zstd.ZstdDecompressor().decompress(data) if compression == "zstd" else data


def by_python(file: Path, file_format: str, compression: str, names: list[str], delimiter: str = "|") -> list[Row]:
    """What the formats' own definitions read: the standard library, and Arrow."""
    if file_format == "csv":
        text = io.StringIO(unpacked(file, compression).decode(), newline="")
        return [(int(row[0]), *row[1:]) for row in csv.reader(text, delimiter=delimiter, strict=True)]
    if file_format == "jsonl":
        lines = unpacked(file, compression).decode().removesuffix("\n").split("\n")
        found = [json.loads(line) for line in lines if line]
        assert all(list(row) == names for row in found)
        return [tuple(row.values()) for row in found]
    table = parquet.read_table(file) if file_format == "parquet" else pa.ipc.open_file(file).read_all()
    return table_rows(table)


def table_rows(table: Any) -> list[Row]:
    """The rows of an Arrow table, with times as ms."""
    times = table.column(0).cast(pa.int64()).to_pylist()
    return list(zip(times, *(column.to_pylist() for column in table.columns[1:]), strict=True))


def by_duckdb(file: Path, file_format: str, compression: str, names: list[str], delimiter: str = "|") -> list[Row]:
    """Where the format has types, the time is one, else a number."""
    with duckdb.connect() as database:
        types = dict.fromkeys(names, "VARCHAR") | {names[0]: "BIGINT"}
        match file_format:
            case "csv":
                read = database.read_csv(
                    str(file),
                    header=False,
                    columns=types,
                    delimiter=delimiter,
                    quotechar='"',
                    escapechar='"',
                    compression=compression,
                    auto_detect=False,
                    # An empty field is an empty string, not nothing.
                    force_not_null=names[1:],
                )
            case "jsonl":
                read = database.read_json(
                    str(file),
                    columns=types,
                    format="newline_delimited",
                    compression=compression,
                    maximum_object_size=1 << 24,
                )
            case "parquet":
                read = database.read_parquet(str(file))
            case _:
                table = pa.ipc.open_file(file).read_all()
                read = database.from_arrow(table)
        if file_format in ("parquet", "arrow"):
            first = '"' + read.columns[0].replace('"', '""') + '"'
            rest = ", ".join('"' + name.replace('"', '""') + '"' for name in read.columns[1:])
            read = read.project(f"epoch_ms({first}), {rest}")
        return read.fetchall()


def by_pandas(file: Path, file_format: str, compression: str, names: list[str], delimiter: str = "|") -> list[Row]:
    packed = {"none": None, "gzip": "gzip", "zstd": None}[compression]
    is_zstd = file_format in encoding.TEXTS and compression == "zstd"
    source = io.BytesIO(unpacked(file, compression)) if is_zstd else file
    match file_format:
        case "csv":
            engine = "c" if delimiter.isascii() else "python"
            frame = pd.read_csv(
                source,
                sep=delimiter,
                header=None,
                names=names,
                dtype=str,
                keep_default_na=False,
                compression=packed,
                engine=engine,
                lineterminator="\n" if engine == "c" else None,
            )
            frame[names[0]] = frame[names[0]].astype("int64")
        case "jsonl":
            frame = pd.read_json(source, lines=True, dtype=False, convert_axes=False, compression=packed)
        case "parquet":
            frame = pd.read_parquet(file)
        case _:
            frame = pd.read_feather(file)
    if file_format in ("parquet", "arrow"):
        assert str(frame[names[0]].dtype) == "datetime64[ms, UTC]"
        frame[names[0]] = frame[names[0]].astype("int64")
    frame = frame.astype(object).where(frame.notna(), None)
    return list(frame.itertuples(index=False, name=None))


def by_polars(file: Path, file_format: str, compression: str, names: list[str], delimiter: str = "|") -> list[Row]:
    source = io.BytesIO(unpacked(file, compression)) if file_format in encoding.TEXTS else file
    strings = dict.fromkeys(names[1:], pl.String)
    match file_format:
        case "csv":
            frame = pl.read_csv(
                source,
                separator=delimiter,
                has_header=False,
                schema={names[0]: pl.Int64} | strings,
            )
        case "jsonl":
            frame = pl.read_ndjson(source, schema={names[0]: pl.Int64} | strings)
        case "parquet":
            frame = pl.read_parquet(file)
        case _:
            frame = pl.read_ipc(file)
    if file_format in ("parquet", "arrow"):
        assert frame.schema[names[0]] == pl.Datetime("ms", "UTC")
        frame = frame.with_columns(pl.col(names[0]).dt.timestamp("ms"))
    return frame.rows()


READERS = [by_python, by_duckdb, by_pandas, by_polars]
