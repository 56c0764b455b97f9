"""Parquet and Arrow files from the engine's Arrow streams, one stream for each span of the report.

The engine could write both itself, but its row groups follow the parts from which it reads: after a merge the same
report would be another file. And one file would be one statement, which reads all months at once. So the rows are put
together here, in groups that depend on nothing but the rows.
"""

import io
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

# A group has so many rows, or less when its values are long: it is what is in memory at once, and what readers skip.
GROUP_ROWS = 131_072
GROUP_BYTES_MAX = 32 * 1024 * 1024
# Groups are filled in these steps: smaller ones cost more time, larger ones more memory where values are long.
STEP_ROWS = 2_048


class _Writer(Protocol):
    def write_table(self, table: Any) -> None: ...
    def close(self) -> None: ...


class Columnar:
    """Writes one file; feed it streams, and it gives the file's bytes. `rows` have gone into it so far."""

    def __init__(self, file_format: str, compression: str) -> None:
        self._format = file_format
        self._compression = None if compression == "none" else compression
        self._out = _Out()
        self._writer: _Writer | None = None
        self._group: list[Any] = []
        self._group_rows = 0
        self._group_bytes = 0
        self._rest: list[Any] = []
        self._rest_rows = 0
        self._schema: Any = None
        self.rows = 0

    def add(self, stream: Iterable[bytes]) -> Iterator[bytes]:
        """Take the rows of one stream, to its end; gives what of the file is ready. Raises what the stream raises."""
        import pyarrow as pa  # noqa: PLC0415 - it takes 60 MiB, which a service that makes no such files need not have

        blocks = iter(stream)
        with pa.ipc.open_stream(pa.PythonFile(_In(blocks), mode="r")) as batches:
            self._schema = self._schema or batches.schema
            for batch in batches:
                self.rows += batch.num_rows
                self._rest.append(batch)
                self._rest_rows += batch.num_rows
                while self._rest_rows >= STEP_ROWS:
                    self._step(STEP_ROWS)
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

    def _step(self, rows: int) -> None:
        """Move so many rows into the group, as one piece each: how they came must not show in the file."""
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute as pc  # noqa: PLC0415

        table = pa.Table.from_batches(self._rest)
        step = table.slice(0, rows).combine_chunks()
        self._rest = table.slice(rows).to_batches()
        self._rest_rows -= rows
        self._group.append(step)
        self._group_rows += rows
        lengths = (pc.sum(pc.binary_length(column)).as_py() for column in step.columns[1:])
        self._group_bytes += sum(length or 0 for length in lengths)

    def _flush(self) -> Iterator[bytes]:
        import pyarrow as pa  # noqa: PLC0415

        if self._writer is None:
            self._writer = self._open()
        if self._group:
            table = pa.concat_tables(self._group).combine_chunks()
            # What was copied need not be held while it is written.
            self._group, self._group_rows, self._group_bytes = [], 0, 0
            self._writer.write_table(table)
        yield from self._out.take()

    def _open(self) -> _Writer:
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415

        if self._format == "parquet":
            made: _Writer = parquet.ParquetWriter(self._out, self._schema, compression=self._compression or "none")
        else:
            options = pa.ipc.IpcWriteOptions(compression=self._compression)
            made = pa.ipc.new_file(self._out, self._schema, options=options)
        return made


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

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """At least one byte, unless there are no more; all that `size` asks for, for Arrow takes less for the end."""
        found: list[memoryview] = []
        wanted = size if size >= 0 else 1 << 62
        while wanted:
            if not self._held:
                self._held = memoryview(next(self._blocks, b""))
                if not self._held:
                    break
            found.append(self._held[:wanted])
            self._held = self._held[wanted:]
            wanted -= len(found[-1])
        return b"".join(found)
