"""Loading segments: what is counted, what is refused, and that only a segment's own fault is held against it."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from footfall.store import Store, StoreRefused, StoreShort, StoreUnavailable
from footfall.store.errors import DATA_CODES, explain_load
from footfall.store.stream import check_taken
from footfall.system import zstd

COUNT = "SELECT count() FROM events FINAL"
CHECKSUM = {zstd.CompressionParameter.checksum_flag: 1}


def encode(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_segment_loaded_twice_counts_once(store, make_event, make_segment, tmp_path: Path) -> None:
    segment = make_segment(tmp_path / "1", [make_event(n) for n in range(1, 2501)])
    assert store.load(segment) == 2500
    assert store.load(segment) == 2500
    assert store.rows(COUNT, {}) == [(2500,)]


def test_every_value_comes_back_as_it_was(store, make_event, make_segment, tmp_path: Path) -> None:
    context = [
        "",
        "a|b",
        'say "hi"',
        "two\nlines\ttab",
        "back\\slash",
        "caf\u00e9 \u2713 \U0001f600",
        "nul\0nul",
        "x" * 65_536,
    ]
    event = make_event(7, version="1.2", context=context, timestamp=946_684_800_001, received=20, admitted=30)
    store.load(make_segment(tmp_path / "1", [event]))
    (row,) = store.rows("SELECT * EXCEPT loaded, precedence FROM events FINAL", {})
    expected = ("C", "P", "T", "1.2", 946_684_800_001, context, 7, UUID(event["batch"]), 20, 30, 2**63 - 1 - 30)
    assert row == expected


def test_a_missing_version_is_empty(store, make_event, make_segment, tmp_path: Path) -> None:
    store.load(make_segment(tmp_path / "1", [make_event(1), make_event(2, version="9")]))
    assert store.rows("SELECT version FROM events FINAL ORDER BY sequence", {}) == [("",), ("9",)]


@pytest.mark.parametrize("order", [(10, 20), (20, 10)])
def test_of_equal_events_the_first_admitted_stays(
    store, make_event, make_segment, tmp_path: Path, order: tuple[int, int]
) -> None:
    for admitted in order:
        store.load(make_segment(tmp_path / str(admitted), [make_event(admitted=admitted)]))
    assert store.rows("SELECT admitted FROM events FINAL", {}) == [(10,)]
    # The same when the parts have been merged on disk.
    store.rows("SELECT 1", {})
    store._connection(60).client.command("OPTIMIZE TABLE events FINAL")
    assert store.rows("SELECT admitted FROM events", {}) == [(10,)]


def test_equal_events_of_one_segment_count_once_and_are_left_to_merges(
    store, make_event, make_segment, tmp_path: Path
) -> None:
    store.load(make_segment(tmp_path / "1", [make_event(admitted=20), make_event(admitted=10)]))
    assert store.rows("SELECT admitted FROM events FINAL", {}) == [(10,)]
    assert store.rows("SELECT count() FROM events", {}) == [(2,)]
    store._connection(60).client.command("OPTIMIZE TABLE events FINAL")
    assert store.rows("SELECT admitted FROM events", {}) == [(10,)]


def test_a_part_of_one_load_has_few_files(store, make_event, make_segment, tmp_path: Path) -> None:
    store.load(make_segment(tmp_path / "1", [make_event(n, context=["x" * 65_536]) for n in range(1, 301)]))
    found = store.rows(
        "SELECT part_type FROM system.parts WHERE database = currentDatabase() AND table = 'events' AND active", {}
    )
    assert found == [("Compact",)]


def test_one_segment_may_hold_events_of_many_months(store, make_event, make_segment, tmp_path: Path) -> None:
    months = [make_event(n, timestamp=946_684_800_000 + n * 31 * 86_400_000) for n in range(1, 151)]
    store.load(make_segment(tmp_path / "1", months))
    assert store.rows("SELECT count(), uniqExact(_partition_id) FROM events FINAL", {}) == [(150, 150)]


def test_rows_are_held_against_lines(store, make_event, tmp_path: Path) -> None:
    line = encode(make_event(1))
    for number, data in enumerate((line + b"\n", line[:-1] + line)):
        with pytest.raises(StoreShort):
            store.load(write(tmp_path / str(number), zstd.compress(data, options=CHECKSUM)))
    check_taken(3, {})
    check_taken(3, {"read_rows": "6", "written_rows": "3"})
    for summary in ({"read_rows": "0"}, {"read_rows": "2", "written_rows": "0"}):
        with pytest.raises(StoreShort):
            check_taken(3, summary)


def test_a_view_that_copies_what_is_loaded_changes_no_count(store, make_event, make_segment, tmp_path: Path) -> None:
    segment = make_segment(tmp_path / "1", [make_event(n) for n in range(1, 11)])
    store.run_table_script("rebuild_make", mark="a test")
    assert store.load(segment) == 10
    line = encode(make_event(11))
    with pytest.raises(StoreShort):
        store.load(write(tmp_path / "2", zstd.compress(line + b"\n", options=CHECKSUM)))
    store.run_table_script("rebuild_part")
    assert store.load(segment) == 10
    assert store.rows(COUNT, {}) == store.rows("SELECT count() FROM events_rebuilt FINAL", {}) == [(11,)]


def test_an_empty_segment_loads_nothing(store, tmp_path: Path) -> None:
    store.load(write(tmp_path / "1", b""))
    store.load(write(tmp_path / "2", zstd.compress(b"")))
    assert store.rows(COUNT, {}) == [(0,)]


@pytest.mark.parametrize(
    "changes",
    [
        {"surprise": 1},
        {"customer": None},
        {"context": ["a", None]},
        {"context": "a"},
        {"batch": "no-uuid"},
        {"batch": "00000000-0000-0000-0000-000000000000"},
        {"sequence": 0},
        {"sequence": -1},
        {"admitted": 0},
        {"timestamp": 1.5},
        {"timestamp": "yesterday"},
    ],
)
def test_a_line_with_a_fault_is_refused(
    store, make_event, make_segment, tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(StoreRefused):
        store.load(make_segment(tmp_path / "1", [make_event(1), make_event(2) | changes]))


def test_lines_that_are_cut_or_no_text_are_refused(store, make_event, tmp_path: Path) -> None:
    line = encode(make_event())
    for number, data in enumerate((line[:-20], line[:1], b"hello\n", line.replace(b"batch", b"\xff\xfe"), b'{"a":')):
        with pytest.raises(StoreRefused):
            store.load(write(tmp_path / str(number), zstd.compress(data, options=CHECKSUM)))


def test_damaged_compression_is_refused(store, make_event, tmp_path: Path) -> None:
    whole = zstd.compress(encode(*(make_event(n, context=[str(n)]) for n in range(1, 3000))), options=CHECKSUM)
    flipped, checksum = bytearray(whole), bytearray(whole)
    flipped[len(whole) // 2] ^= 0x40
    checksum[-1] ^= 1
    cases = {
        "flipped bit": bytes(flipped),
        "wrong checksum": bytes(checksum),
        "cut in its only frame": whole[: len(whole) // 2],
        # ClickHouse by itself would drop the cut frame without a word.
        "cut in its second frame": whole + whole[:20],
        "garbage behind": whole + b"garbage",
        "zeros behind": whole + bytes(512),
        "no zstd": b"hello world",
    }
    for name, data in cases.items():
        with pytest.raises(StoreRefused):
            store.load(write(tmp_path / name, data))
    store.load(write(tmp_path / "whole", whole))
    assert store.rows(COUNT, {}) == [(2999,)]


def test_nothing_is_stored_of_a_segment_whose_last_frame_is_damaged(store, make_event, tmp_path: Path) -> None:
    """Three times as many lines as the engine makes a block of by itself: it would store the first before the end."""
    frame = zstd.compress(encode(make_event(context=[])) * 100_000, options=CHECKSUM)
    damaged = bytearray(frame * 33)
    damaged[-1] ^= 1
    with pytest.raises(StoreRefused):
        store.load(write(tmp_path / "1", bytes(damaged)))
    assert store.rows("SELECT count() FROM events", {}) == [(0,)]


def test_a_missing_table_is_an_outage(engine, make_event, make_segment, tmp_path: Path) -> None:
    store = Store(engine.settings(is_empty=True))
    segment = make_segment(tmp_path / "1", [make_event()])
    with pytest.raises(StoreUnavailable):
        store.load(segment)
    store.migrate()
    store.load(segment)
    assert store.rows(COUNT, {}) == [(1,)]
    store.close()


def test_only_codes_about_the_data_refuse_a_segment(store) -> None:
    names = store.rows("SELECT number, errorCodeToName(number) FROM numbers(2000)", {})
    known = {code: name for code, name in names if name}
    assert DATA_CODES.items() <= known.items()
    for code in known.keys() | {99_999}:
        expected = StoreRefused if code in DATA_CODES else StoreUnavailable
        assert type(explain_load(DatabaseError("x", code=code))) is expected, known.get(code)
    assert type(explain_load(OperationalError("reset"))) is StoreUnavailable


def test_a_missing_file_is_no_fault_of_the_store(store, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.load(tmp_path / "nothing")
