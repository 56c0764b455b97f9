"""The size of a file that is made of a sample of rows, and not kept."""

from collections.abc import Callable, Iterator
from itertools import chain

from footfall.reports.encoding import CsvRowCounter, JsonRowCounter, compress_text
from footfall.reports.query.columnar import GroupSizes
from footfall.reports.query.xlsx import open_writer
from footfall.state import Job
from footfall.usage import TimeSpan

# Takes the header and the streams of rows; returns the bytes of their file, and the number of rows.
MeasureFile = Callable[[bytes, list[Iterator[bytes]]], tuple[int, int]]


def measure_file(
    job: Job,
    names: tuple[str, ...],
    groups: GroupSizes,
    header: bytes,
    streams: list[Iterator[bytes]],
    *,
    any_block: bool,
) -> tuple[int, int]:
    """The bytes of a file of these rows, and the number of rows."""
    if (writer := open_writer(job, groups, any_block=any_block)) is not None:
        writer.begin(names)
        size = sum(len(block) for stream in streams for block in writer.add(stream))
        return size + sum(len(block) for block in writer.end()), writer.rows
    counter = JsonRowCounter() if job.format == "jsonl" else CsvRowCounter()

    def content() -> Iterator[bytes]:
        yield header
        for block in chain.from_iterable(streams):
            counter.add(block)
            yield block

    return sum(len(block) for block in compress_text(content(), job.compression)), counter.rows


def pieces_of(span: TimeSpan, count: int) -> Iterator[TimeSpan]:
    """A span of time in so many even pieces, whose rows are not known."""
    width = (span.last_ms - span.first_ms) // count + 1
    for first_ms in range(span.first_ms, span.last_ms + 1, width):
        yield TimeSpan(first_ms, min(first_ms + width - 1, span.last_ms), 0)
