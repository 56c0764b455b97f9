"""What strangers send, made at random: each reader takes it or refuses it in its own way, and agrees with a model.

A run of the suite makes a few examples of each. `make fuzz` goes on for an hour, with the fuzzers of the event body
(tests/ingest) and of the door against the ordinary way (tests/web) beside these.
"""

import base64
import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.accounts.credentials import parse_authorization, parse_key
from footfall.accounts.keys import is_key
from footfall.errors import RequestRefused
from footfall.journal import Damage, Frame, end_of_frames, measure, walk
from footfall.journal.frames import MAGIC, Compressor
from footfall.plan import PlanInvalid, compile_plan, load_plan
from footfall.plan.file import parse_plan
from footfall.reports.files import content_disposition, is_link_valid, sign_link
from footfall.settings import Settings
from footfall.state import User
from footfall.usage import parse_condition
from footfall.usage.counts import parse_counts
from footfall.usage.event_list import parse_events, parse_types
from footfall.usage.funnel import parse_funnel
from footfall.usage.paths import parse_paths, parse_top
from footfall.usage.request import ParameterReader
from footfall.usage.retention import parse_retention
from footfall.usage.summary import parse_comparison, parse_summary
from footfall.usage.uniques import parse_uniques
from footfall.web.calls.downloads import ByteRange, RangeUnsatisfiable, select_range

SETTINGS, PLAN = Settings(), load_plan(None)
GOOD_PLAN = b"""customers = ["ACME", "OTHER"]
[products.SHOP]
actor = "user"
columns = ["user", "article", "note"]
[products.SHOP.types]
OPENED = ["user"]
BOUGHT = ["user", "article", "note?"]
[[rules]]
customers = ["ACME"]
keys = ["article"]
matches = "[a-z]+"
"""
OWNER = User(id="ann", password_hash="", created_ms=0, account="a", security_stamp="s")


def spoilt(good: bytes) -> st.SearchStrategy[bytes]:
    """The bytes with pieces replaced, taken out, doubled or cut off."""
    changes = st.lists(
        st.tuples(st.integers(0, len(good)), st.integers(0, 40), st.binary(max_size=12) | st.just(good[:30])),
        max_size=3,
    )

    def spoil(wanted: list[tuple[int, int, bytes]]) -> bytes:
        data = good
        for at, length, instead in wanted:
            data = data[:at] + instead + data[at + length :]
        return data

    return changes.map(spoil)


@given(data=spoilt(GOOD_PLAN) | st.text().map(lambda text: GOOD_PLAN + text.encode("utf-8", "replace")))
def test_a_plan_is_read_or_refused_by_its_lines(data: bytes) -> None:
    try:
        plan = parse_plan(data, "plan.toml")
    except PlanInvalid as refused:
        lines = str(refused).splitlines()
    else:
        lines = []
        compile_plan(plan, SETTINGS)
    assert all(re.match(r"plan\.toml:\d+: ", line) for line in lines), lines


@given(
    frames=st.lists(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=3), max_size=4),
    between=st.lists(st.binary(max_size=30) | st.just(MAGIC), max_size=5),
    flipped=st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), max_size=2),
)
def test_of_a_segment_every_byte_is_a_frame_or_damage(
    frames: list[list[bytes]], between: list[bytes], flipped: list[tuple[int, int]]
) -> None:
    compressor = Compressor()
    whole = [compressor.compress(b"\n".join(lines)) for lines in frames]
    pieces = [piece for at, frame in enumerate(whole) for piece in (*between[at : at + 1], frame)]
    data = bytearray(b"".join([*pieces, *between[len(whole) :]]))
    is_untouched = not any(between) and not flipped
    for at, bits in flipped:
        if data:
            data[at % len(data)] ^= bits
    found = list(walk(bytes(data)))
    assert b"".join(bytes(data[part.offset : part.offset + part.size]) for part in found) == bytes(data)
    assert not any(isinstance(one, Damage) and isinstance(two, Damage) for one, two in pairwise(found))
    lines = [part.lines for part in found if isinstance(part, Frame)]
    if is_untouched:
        assert lines == [b"\n".join(each) for each in frames]
        assert measure(bytes(data)) == sum(map(len, lines))
    if not flipped:
        assert {b"\n".join(each) for each in frames} <= set(lines)
    assert 0 <= end_of_frames(bytes(data), 0) <= len(data)


HEADER = st.text(max_size=60) | st.builds(
    "{} {}".format,
    st.sampled_from(("Basic", "bearer", "BEARER", "Digest", "")),
    st.text(max_size=60)
    | st.binary(max_size=40).map(lambda data: base64.b64encode(data).decode())
    | st.text(max_size=30).map(lambda text: base64.b64encode(f"ann:{text}".encode("utf-8", "replace")).decode()),
)


@given(header=st.none() | HEADER)
def test_an_authorization_is_a_key_or_a_password_or_nothing(header: str | None) -> None:
    key, credentials = parse_key(header), parse_authorization(header)
    if key is not None:
        assert is_key(key.text)
    if credentials is not None:
        assert repr(credentials) == f"Credentials(user_id={credentials.user_id!r})"


NUMBER = st.integers(0, 30).map(str) | st.sampled_from(("", "9" * 5000, "00", "٣", "-1", " 1", "1e3"))


@given(
    first=NUMBER,
    last=NUMBER,
    unit=st.sampled_from(("bytes=", "bytes =", "Bytes=", "items=", "")),
    size=st.integers(0, 20),
)
def test_a_range_is_what_the_standard_says(first: str, last: str, unit: str, size: int) -> None:
    found = select_range(f"{unit}{first}-{last}", size)
    if isinstance(found, ByteRange):
        assert 0 <= found.start < found.end <= size
    numbers = [int(text) for text in (first, last) if re.fullmatch(r"[0-9]{1,9}", text)]
    if unit != "bytes=" or len(numbers) != 2:
        return
    start, end = numbers
    whole = bytes(range(size))
    if end < start:
        assert found is None
    elif isinstance(found, ByteRange):
        assert whole[found.start : found.end] == whole[start : end + 1]
    else:
        assert isinstance(found, RangeUnsatisfiable)
        assert start >= size


@given(spec=st.text(max_size=40), size=st.integers(0, 20))
def test_any_text_asks_for_a_part_of_the_file_or_for_all(spec: str, size: int) -> None:
    found = select_range(spec, size)
    assert not isinstance(found, ByteRange) or 0 <= found.start < found.end <= size


@given(data=st.data(), source=st.text(max_size=10), name=st.text(max_size=10), expires_ms=st.integers(0, 10**15))
def test_no_change_of_a_link_opens_a_file(data: Any, source: str, name: str, expires_ms: int) -> None:
    token = sign_link(b"s" * 32, OWNER, source, name, expires_ms)
    other = (
        data.draw(spoilt(token.encode())).decode("utf-8", "replace")
        if data.draw(st.booleans())
        else data.draw(st.text())
    )
    assert is_link_valid(b"s" * 32, OWNER, source, name, token, expires_ms - 1)
    assert other == token or not is_link_valid(b"s" * 32, OWNER, source, name, other, 0)
    assert not re.search(r"[\r\n]", content_disposition(name))
    assert content_disposition(name).isascii()


VALUES = st.text(max_size=20) | st.sampled_from(
    [
        *("*", "BARCHART", "WATCHLIST", "WATCHLIST-*", "day", "Europe/Berlin", "30d", "true", "userId", "userId:is:a"),
        *("x:one of:a,b", "0", "-1", "9" * 30, "1e9", "type", "../x", "\0", "\ud800", "2026-02-30", "customer", "2h"),
        *("WATCHLIST-CREATED", "after", "before", "strict", "week", "previous", "7d", "2026-01-01", "1767225600000"),
    ]
)
PARSERS = (
    *(parse_counts, parse_events, parse_types, parse_funnel, parse_paths, parse_top, parse_retention),
    *(parse_summary, parse_comparison, parse_uniques),
)


def parameters(parse: Any) -> list[str]:
    """The parameters that the call has: those that its parser looks for."""
    reader = ParameterReader({}, SETTINGS, PLAN)
    parse(reader)
    return sorted(reader.names_read)


NAMES = {parse: parameters(parse) for parse in PARSERS}


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
@given(data=st.data())
def test_a_selection_is_read_or_refused(parse: Any, data: Any) -> None:
    names, values = st.sampled_from(NAMES[parse]), st.lists(VALUES, min_size=1, max_size=3)
    given_values = data.draw(st.dictionaries(names, values, max_size=8))
    reader = ParameterReader({"customer": ["BARCHART"], "product": ["WATCHLIST"], **given_values}, SETTINGS, PLAN)
    try:
        parse(reader)
        reader.refuse()
    except RequestRefused:
        return


@given(text=st.text(max_size=40) | st.builds("{}:{}:{}".format, st.text(max_size=8), VALUES, VALUES))
def test_a_condition_says_again_what_it_read(text: str) -> None:
    found = parse_condition(text)
    assert found is None or parse_condition(str(found)) == found
