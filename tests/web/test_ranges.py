"""Which bytes a Range header asks for, and what the conditions mean."""

import pytest

from footfall.web.calls.downloads import ByteRange, RangeUnsatisfiable, is_unchanged, range_applies, select_range

TAG = '"abc"'


@pytest.mark.parametrize(
    ("spec", "size", "expected"),
    [
        (None, 10, None),
        ("bytes=0-", 10, ByteRange(0, 10)),
        ("bytes=0-0", 10, ByteRange(0, 1)),
        ("bytes=3-5", 10, ByteRange(3, 6)),
        ("BYTES = 3 - 5", 10, ByteRange(3, 6)),
        ("bytes=9-", 10, ByteRange(9, 10)),
        ("bytes=3-99", 10, ByteRange(3, 10)),
        ("bytes=3-" + "9" * 5000, 10, ByteRange(3, 10)),
        ("bytes=-3", 10, ByteRange(7, 10)),
        ("bytes=-99", 10, ByteRange(0, 10)),
        ("bytes=10-", 10, RangeUnsatisfiable()),
        ("bytes=10-12", 10, RangeUnsatisfiable()),
        ("bytes=" + "9" * 5000 + "-", 10, RangeUnsatisfiable()),
        ("bytes=-0", 10, RangeUnsatisfiable()),
        ("bytes=0-", 0, RangeUnsatisfiable()),
        # Served whole: other units, several ranges, and what cannot be read.
        ("bytes=-5", 0, None),
        ("bytes=5-3", 10, None),
        ("bytes=-", 10, None),
        ("bytes=0-1,3-4", 10, None),
        ("bytes=x-", 10, None),
        ("bytes=\u0663-", 10, None),
        ("items=0-1", 10, None),
        ("", 10, None),
    ],
)
def test_select(spec: str | None, size: int, expected: ByteRange | RangeUnsatisfiable | None) -> None:
    assert select_range(spec, size) == expected
    assert type(select_range(spec, size)) is type(expected)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        (TAG, True),
        ("*", True),
        ('W/"abc"', True),
        ('"x", "abc"', True),
        ('"x"', False),
        ("abc", False),
        ('"ABC"', False),
    ],
)
def test_unchanged_compares_weakly(header: str | None, expected: bool) -> None:
    assert is_unchanged(header, TAG) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, True),
        (TAG, True),
        ('"x"', False),
        ('W/"abc"', False),
        # There are no modification times, so none can be the same.
        ("Wed, 21 Oct 2015 07:28:00 GMT", False),
    ],
)
def test_a_range_applies_only_to_the_very_same_content(header: str | None, expected: bool) -> None:
    assert range_applies(header, TAG) is expected
