"""Files of events that would fill the memory of whoever reads them, or stand in no order that a reader knows."""

import csv
import datetime as dt
import itertools
from collections.abc import Iterator

import click
import pytest

from footfall.cli.remote.event_files import LINE_BYTES_MAX
from footfall.cli.remote.event_rows import Defaults, FileRow, csv_rows
from footfall.cli.remote.exports.mapping import read_mapping
from footfall.cli.remote.exports.records import Record, records
from footfall.cli.remote.exports.translation import Translator

PLAN = {"mode": "strict", "products": {"SHOP": {"actor": "user", "columns": ["user"], "types": {"SEEN": ["user"]}}}}


def sent(lines: Iterator[bytes]) -> Iterator[FileRow]:
    return csv_rows(lines, Defaults(), dict)


def exported(lines: Iterator[bytes]) -> Iterator[Record]:
    return records(lines, "goatcounter")


@pytest.mark.parametrize("ends", [b"\n", b"  \n", b"\t\r\n"])
def test_blank_lines_before_the_first_record_are_not_kept(ends: bytes) -> None:
    """A packed file of 60 KB had 60 million of them, which took gigabytes."""
    taken = itertools.count()
    lines = (ends for _ in range(1_000) if next(taken) >= 0)
    assert next(exported(lines)).raw == ends
    assert next(taken) == 1


def test_a_file_of_blank_lines_has_no_record_and_no_fault() -> None:
    assert [record.fields for record in exported(iter([b"\n", b" \n"]))][:2] == [None, None]


@pytest.mark.parametrize(("rows", "header"), [(sent, b"timestamp,customer,product,type\n"), (exported, b"Date,Path\n")])
def test_a_row_that_does_not_end_is_refused_before_it_fills_the_memory(rows: object, header: bytes) -> None:
    """A packed file of 70 KB was one row of 18 million cells, which took 2.6 GB."""
    piece = b'","' + b" " * 400_000 + b"\n"
    endless = itertools.chain([header, b'"\n'], itertools.repeat(piece))
    found = [next(made) for made in [rows(endless)] for _ in range(2)]  # type: ignore[operator]
    reasons = [row.reason for row in found if row.reason]
    assert len(reasons) == 1
    assert "is a quote missing?" in reasons[0]
    assert max(len(row.raw) for row in found) < LINE_BYTES_MAX + 2 * len(piece)


@pytest.mark.parametrize("rows", [sent, exported])
def test_a_table_whose_lines_end_as_on_old_machines_is_refused_in_words(rows: object) -> None:
    with pytest.raises(click.ClickException, match="its lines must end with a line feed"):
        list(rows(iter([b"timestamp,customer,product,type\r1,C,P,T\r"])))  # type: ignore[operator]
    assert csv.field_size_limit() == LINE_BYTES_MAX


def test_a_reason_has_no_more_of_a_record_than_people_can_read() -> None:
    made = Translator(read_mapping("posthog", None, "C", "SHOP"), PLAN, dt.UTC)
    line = b'{"event":"SEEN","timestamp":"' + b"x" * 100_000 + b'"}\n'
    (row,) = made.rows(records([line], "posthog"))
    assert len(row.reason) <= 500
