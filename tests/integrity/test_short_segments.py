"""What verify says of a segment that the store does not read line by line."""

from checked import MakeNode, event

from footfall.system import zstd


def test_a_segment_of_which_the_store_reads_too_few_lines_is_a_fault(node: MakeNode) -> None:
    there = node()
    there.collect(event(number) for number in range(4))
    (segment,) = there.archived()
    segment.write_bytes(segment.read_bytes() + zstd.compress(b"\n"))
    verdict = there.verify()
    assert verdict.problems == {"damaged": 1}
    (harm,) = verdict.harms
    assert "was handed 5 lines and took 4 rows" in harm.reason
