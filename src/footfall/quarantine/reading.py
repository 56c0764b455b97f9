"""Results of the store as records, in blocks, so that memory does not grow with the result."""

from collections.abc import Generator, Mapping
from typing import Any, TypeVar

from msgspec import json

from footfall.store import Store

Record = TypeVar("Record")


def read(
    store: Store,
    statement: str,
    parameters: Mapping[str, Any],
    decoder: json.Decoder[Record],
    settings: Mapping[str, Any] | None = None,
) -> Generator[list[Record]]:
    """The rows of a statement with FORMAT JSONEachRow, some thousand at once.

    Raises what `Store.stream` raises. Leaving early, or closing the iterator, cancels the statement.
    """
    with store.stream(statement, parameters, settings) as blocks:
        rest = b""
        for block in blocks:
            whole, newline, rest = (rest + block).rpartition(b"\n")
            if newline:
                yield decoder.decode_lines(whole)
        assert not rest, "a row without its end"  # noqa: S101 - JSONEachRow ends each row
