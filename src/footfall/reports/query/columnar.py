"""Parquet and Arrow files from the engine's Arrow streams, one stream for each span of the report.

The engine could write both formats, but its row groups follow the parts of the table: after a merge the same report
would be another file. And one file would be one statement, which reads all months at once. So this module puts the rows
into groups that depend on nothing but the rows.
"""

import io
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from msgspec import Struct, structs

from footfall.store import StoreMemory


class GroupSizes(Struct, frozen=True):
    """The size of row groups, and of what is held while they are made.

    A group has `rows`, fewer when its values are long: it ends with `bytes_max`. It is in memory whole, and readers can
    skip it. Groups grow in steps of `step_rows`: smaller steps take more time, larger ones more memory where values are
    long. A step ends earlier with the row that brings it to `step_bytes_max`: a row may have 64 values of 65,536
    characters. A block of the engine is in memory whole; one of more than `block_bytes_max` is not read, because a
    statement with fewer rows in a block gives the same file. Two of the longest rows fit, with Arrow's overhead.
    """

    rows: int = 131_072
    bytes_max: int = 32 * 1024 * 1024
    step_rows: int = 2_048
    step_bytes_max: int = 32 * 1024 * 1024
    block_bytes_max: int = 64 * 1024 * 1024


ORDINARY_SIZES = GroupSizes()


class _Writer(Protocol):
    def write_table(self, table: Any) -> None: ...
    def close(self) -> None: ...


class Columnar:
    """Writes one file: takes streams of rows and yields the file's bytes. `rows` counts the rows so far.

    With `any_block` it takes blocks of the engine of any size, for a statement whose blocks cannot be smaller.
    """

    def __init__(
        self, file_format: str, compression: str, sizes: GroupSizes = ORDINARY_SIZES, *, any_block: bool = False
    ) -> None:
        self._format = file_format
        self._sizes = structs.replace(sizes, block_bytes_max=sys.maxsize) if any_block else sizes
        self._compression = None if compression == "none" else compression
        self._out = WrittenBytes()
        self._writer: _Writer | None = None
        self._group: list[Any] = []
        self._group_rows = 0
        self._group_bytes = 0
        self._pending: list[Any] = []
        self._pending_rows = 0
        self._pending_bytes = 0
        self._schema: Any = None
        self.rows = 0
        # Every text is whole.
        self.cut_cells = 0

    def begin(self, names: Iterable[str]) -> None:
        """Nothing: the streams have the names of the columns."""

    def add(self, stream: Iterable[bytes]) -> Iterator[bytes]:
        """Take the rows of one stream, and yield the bytes of the file that are ready.

        Raises what the stream raises, and StoreMemory for a block larger than the sizes allow.
        """
        import pyarrow as pa  # noqa: PLC0415 - it takes 60 MiB, which a service without such files saves

        blocks = iter(stream)
        with pa.ipc.open_stream(pa.PythonFile(_In(blocks, self._sizes.block_bytes_max), mode="r")) as batches:
            self._schema = self._schema or batches.schema
            for batch in batches:
                self.rows += batch.num_rows
                self._pending.append(batch)
                self._pending_rows += batch.num_rows
                self._pending_bytes += _value_bytes(batch.columns)
                while rows := self._whole_step():
                    self._step(rows)
                    if self._group_rows >= self._sizes.rows or self._group_bytes >= self._sizes.bytes_max:
                        yield from self._flush()
        # An engine that fails still ends its Arrow stream in order; the error follows it.
        for _ in blocks:
            pass

    def end(self) -> Iterator[bytes]:
        """Yield the rest of the file. At least one stream must have been added, for its columns."""
        if self._pending_rows:
            self._step(self._pending_rows)
        yield from self._flush()
        assert self._writer is not None  # noqa: S101 - our own mistake
        self._writer.close()
        yield from self._out.take()

    def _whole_step(self) -> int:
        """The number of rows of the next step, which depends on the rows alone; 0 while some are missing."""
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute as pc  # noqa: PLC0415

        sizes = self._sizes
        if self._pending_bytes >= sizes.step_bytes_max:
            ahead = pa.Table.from_batches(self._pending).slice(0, sizes.step_rows)
            lengths = pa.array([0] * ahead.num_rows, pa.int64())
            for column in _texts(ahead.columns):
                lengths = pc.add(lengths, pc.fill_null(pc.binary_length(column), 0).cast(pa.int64()))
            reached = pc.index(pc.greater_equal(pc.cumulative_sum(lengths), sizes.step_bytes_max), True).as_py()
            if reached >= 0:
                return int(reached) + 1
        return sizes.step_rows if self._pending_rows >= sizes.step_rows else 0

    def _step(self, rows: int) -> None:
        """Move rows into the group, copied into one chunk: how they arrived must not change the file."""
        import pyarrow as pa  # noqa: PLC0415

        table = pa.Table.from_batches(self._pending)
        step = table.slice(0, rows).combine_chunks()
        size = _value_bytes(step.columns)
        self._pending = table.slice(rows).to_batches()
        self._pending_rows -= rows
        self._pending_bytes -= size
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
        """Write the group and release it."""
        import pyarrow as pa  # noqa: PLC0415

        # Beside an empty chunk, a single chunk is copied as several are. Otherwise an Arrow file's padding would be the
        # bytes behind the chunk in the block that it was cut from.
        table = pa.concat_tables([*self._group, self._group[0].slice(0, 0)]).combine_chunks()
        # Release the chunks before the copy is written.
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
    """The bytes of all texts in the columns."""
    import pyarrow.compute as pc  # noqa: PLC0415

    lengths = (pc.sum(pc.binary_length(column)).as_py() for column in _texts(columns))
    return sum(length or 0 for length in lengths)


def _texts(columns: Iterable[Any]) -> Iterator[Any]:
    """The columns that hold texts, and no times."""
    import pyarrow as pa  # noqa: PLC0415

    return (column for column in columns if not pa.types.is_primitive(column.type))


class WrittenBytes(io.RawIOBase):
    """Collects the bytes of a writer until they are taken."""

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
    """Blocks as a file to read once."""

    def __init__(self, blocks: Iterator[bytes], block_bytes_max: int) -> None:
        self._blocks = blocks
        self._block_bytes_max = block_bytes_max
        self._unread = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytearray:
        """Read `size` bytes; fewer only at the end, because Arrow takes fewer for the end.

        Arrow reads a whole block at once. Raises StoreMemory when it is larger than `block_bytes_max`.
        """
        if size > self._block_bytes_max:
            raise StoreMemory(f"a block of the engine has {size} bytes, and {self._block_bytes_max} may be held")
        # Append each block as it arrives; keeping them until all are there would take the memory twice.
        found = bytearray()
        wanted = size if size >= 0 else 1 << 62
        while wanted:
            if not self._unread:
                self._unread = memoryview(next(self._blocks, b""))
                if not self._unread:
                    break
            piece = self._unread[:wanted]
            found += piece
            self._unread = self._unread[wanted:]
            wanted -= len(piece)
        return found
