"""Parquet and Arrow files from the engine's Arrow streams, one stream for each span of the report.

The engine could write both itself, but its row groups follow the parts from which it reads: after a merge the same
report would be another file. And one file would be one statement, which reads all months at once. So the rows are put
together here, in groups that depend on nothing but the rows.
"""

import io
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Protocol

from footfall.store import StoreMemory

# A group has so many rows, or less when its values are long: it is what is in memory at once, and what readers skip.
GROUP_ROWS = 131_072
GROUP_BYTES_MAX = 32 * 1024 * 1024
# Groups are filled in these steps: smaller ones cost more time, larger ones more memory where values are long. A step
# ends before with the row that brings it to so many bytes: one row may have 64 values of 65,536 characters.
STEP_ROWS = 2_048
STEP_BYTES_MAX = 32 * 1024 * 1024
# A block of the engine is in memory whole. One larger than this is not read at all: a statement with fewer rows in each
# block gives the same file. Two of the longest rows that there can be fit in, with what Arrow puts beside them.
BLOCK_BYTES_MAX = 64 * 1024 * 1024


class _Writer(Protocol):
    def write_table(self, table: Any) -> None: ...
    def close(self) -> None: ...


class Columnar:
    """Writes one file; feed it streams, and it gives the file's bytes. `rows` have gone into it so far.

    With `any_block` it takes blocks of the engine however large: one that was asked for the fewest rows does not
    give smaller ones.
    """

    def __init__(self, file_format: str, compression: str, *, any_block: bool = False) -> None:
        self._format = file_format
        self._any_block = any_block
        self._compression = None if compression == "none" else compression
        self._out = _Out()
        self._writer: _Writer | None = None
        self._group: list[Any] = []
        self._group_rows = 0
        self._group_bytes = 0
        self._rest: list[Any] = []
        self._rest_rows = 0
        self._rest_bytes = 0
        self._schema: Any = None
        self.rows = 0

    def add(self, stream: Iterable[bytes]) -> Iterator[bytes]:
        """Take the rows of one stream, to its end; gives what of the file is ready.

        Raises what the stream raises, and StoreMemory where a block of it is larger than what may be held.
        """
        import pyarrow as pa  # noqa: PLC0415 - it takes 60 MiB, which a service that makes no such files need not have

        blocks = iter(stream)
        with pa.ipc.open_stream(pa.PythonFile(_In(blocks, any_block=self._any_block), mode="r")) as batches:
            self._schema = self._schema or batches.schema
            for batch in batches:
                self.rows += batch.num_rows
                self._rest.append(batch)
                self._rest_rows += batch.num_rows
                self._rest_bytes += _value_bytes(batch.columns)
                while rows := self._whole_step():
                    self._step(rows)
                    if self._group_rows >= GROUP_ROWS or self._group_bytes >= GROUP_BYTES_MAX:
                        yield from self._flush()
        # An engine that fails ends what it writes in good order; why it did stands behind.
        for _ in blocks:
            pass

    def end(self) -> Iterator[bytes]:
        """The rest of the file. At least one stream was added, or the file has no columns."""
        if self._rest_rows:
            self._step(self._rest_rows)
        yield from self._flush()
        assert self._writer is not None  # noqa: S101 - our own mistake
        self._writer.close()
        yield from self._out.take()

    def _whole_step(self) -> int:
        """The rows of the next step; 0 while not all of them have come. It follows from the rows alone."""
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute as pc  # noqa: PLC0415

        if self._rest_bytes >= STEP_BYTES_MAX:
            ahead = pa.Table.from_batches(self._rest).slice(0, STEP_ROWS)
            sizes = pa.array([0] * ahead.num_rows, pa.int64())
            for column in ahead.columns[1:]:
                sizes = pc.add(sizes, pc.fill_null(pc.binary_length(column), 0).cast(pa.int64()))
            reached = pc.index(pc.greater_equal(pc.cumulative_sum(sizes), STEP_BYTES_MAX), True).as_py()
            if reached >= 0:
                return int(reached) + 1
        return STEP_ROWS if self._rest_rows >= STEP_ROWS else 0

    def _step(self, rows: int) -> None:
        """Move so many rows into the group, as one piece each: how they came must not show in the file."""
        import pyarrow as pa  # noqa: PLC0415

        table = pa.Table.from_batches(self._rest)
        step = table.slice(0, rows).combine_chunks()
        size = _value_bytes(step.columns)
        self._rest = table.slice(rows).to_batches()
        self._rest_rows -= rows
        self._rest_bytes -= size
        self._group.append(step)
        self._group_rows += rows
        self._group_bytes += size

    def _flush(self) -> Iterator[bytes]:
        if self._writer is None:
            self._writer = self._open()
        if self._group:
            self._write(self._writer)
        yield from self._out.take()

    def _write(self, writer: _Writer) -> None:
        """Write the group; nothing of it is held any more when this returns."""
        import pyarrow as pa  # noqa: PLC0415

        # With an empty piece beside it, a single one is copied as several are. Otherwise what stands behind its end, in
        # the memory of the block that it was cut from, would be written where a file of Arrow pads.
        table = pa.concat_tables([*self._group, self._group[0].slice(0, 0)]).combine_chunks()
        # What was copied need not be held while it is written.
        self._group, self._group_rows, self._group_bytes = [], 0, 0
        writer.write_table(table)

    def _open(self) -> _Writer:
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415

        if self._format == "parquet":
            made: _Writer = parquet.ParquetWriter(self._out, self._schema, compression=self._compression or "none")
        else:
            options = pa.ipc.IpcWriteOptions(compression=self._compression)
            made = pa.ipc.new_file(self._out, self._schema, options=options)
        return made


def _value_bytes(columns: Iterable[Any]) -> int:
    """The bytes of the texts in columns of which the first one has times."""
    import pyarrow.compute as pc  # noqa: PLC0415

    lengths = (pc.sum(pc.binary_length(column)).as_py() for column in islice(columns, 1, None))
    return sum(length or 0 for length in lengths)


class _Out(io.RawIOBase):
    """Where a writer puts its bytes, until they are taken."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        data = bytes(block)
        self._blocks.append(data)
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at

    def take(self) -> Iterator[bytes]:
        blocks, self._blocks = self._blocks, []
        yield from blocks


class _In(io.RawIOBase):
    """Blocks as a file that is read once."""

    def __init__(self, blocks: Iterator[bytes], *, any_block: bool) -> None:
        self._blocks = blocks
        self._any_block = any_block
        self._held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytearray:
        """At least one byte, unless there are no more; all that `size` asks for, for Arrow takes less for the end.

        Arrow asks for a block at once, by its size. Raises StoreMemory where that is larger than what may be held.
        """
        if size > BLOCK_BYTES_MAX and not self._any_block:
            raise StoreMemory(f"a block of the engine has {size} bytes, and {BLOCK_BYTES_MAX} may be held")
        # What has come is put in its place, not kept until all is there: that would be in memory twice.
        found = bytearray()
        wanted = size if size >= 0 else 1 << 62
        while wanted:
            if not self._held:
                self._held = memoryview(next(self._blocks, b""))
                if not self._held:
                    break
            piece = self._held[:wanted]
            found += piece
            self._held = self._held[wanted:]
            wanted -= len(piece)
        return found
