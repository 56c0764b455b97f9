"""Files and answers in Arrow's formats, as tables of libraries that a program has, each imported when it is used."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any


def read_arrow(path: Path) -> Any:
    """The table of a file."""
    return module("pyarrow.ipc").open_file(module("pyarrow").memory_map(str(path))).read_all()


def read_pandas(path: Path) -> Any:
    """The frame of a file."""
    return module("pandas").read_feather(path)


def read_polars(path: Path) -> Any:
    """The frame of a file."""
    return module("polars").read_ipc(path.read_bytes())  # of which nothing stays mapped when the file goes


def arrow_of(body: bytes) -> Any:
    """The table of an answer in the format of a stream."""
    return module("pyarrow.ipc").open_stream(body).read_all()


def pandas_of(body: bytes) -> Any:
    """The frame of an answer in the format of a stream."""
    module("pandas")
    return arrow_of(body).to_pandas()


def polars_of(body: bytes) -> Any:
    """The frame of an answer in the format of a stream."""
    return module("polars").read_ipc_stream(body)


def module(name: str) -> Any:
    """A library, or an ImportError that says how to get it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        message = f"this needs {package}: pip install {package}"
        raise ImportError(message) from error
