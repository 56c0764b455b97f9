"""Lines are cut into pieces of bounded size, and none is lost, cut or counted twice."""

import pytest

from footfall.backup.saving import compress_lines, decompress_lines, split_lines

LINES = b"".join(b'{"n":%d,"text":"%s"}\n' % (n, b"x" * (n % 50)) for n in range(500))


@pytest.mark.parametrize("block", [1, 7, 1000, len(LINES)])
@pytest.mark.parametrize("most", [1, 10, 500, 10**9])
def test_pieces_are_whole_lines_in_order(block, most):
    blocks = [LINES[at : at + block] for at in range(0, len(LINES), block)]
    found = list(split_lines(blocks, most))
    assert b"".join(lines for lines, _ in found) == LINES
    assert sum(rows for _, rows in found) == 500
    assert all(lines.endswith(b"\n") and lines.count(b"\n") == rows for lines, rows in found)
    assert all(len(lines) <= most + block + 70 for lines, _ in found)


def test_no_blocks_make_no_pieces():
    assert list(split_lines([])) == []


def test_the_same_lines_give_the_same_bytes():
    assert compress_lines(LINES) == compress_lines(LINES)
    assert decompress_lines(compress_lines(LINES)) == LINES.splitlines()
