"""The ClickHouse engine that footfall carries, by itself: lines posted to it over HTTP, each request an insert.

The table has the columns, the order and the syncing of footfall's own, but keeps equal rows, because the load sends
the same events over and over. It is `footfall engine`: chDB behind a front of HTTP that runs one insert at a time.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import msgspec

from footfall.store.connections import Endpoint

_TABLE = """
CREATE TABLE plain (customer LowCardinality(String), product LowCardinality(String), type LowCardinality(String),
    version String, timestamp Int64, context Array(String), sequence UInt32, batch UUID, received Int64, admitted Int64)
ENGINE = MergeTree PARTITION BY toYYYYMM(fromUnixTimestamp64Milli(timestamp, 'UTC'))
ORDER BY (customer, product, timestamp, batch, sequence)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1
"""


class Engine:
    """A running engine with the table in it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._url = f"http://{endpoint.host}:{endpoint.port}"
        self._headers = {"x-clickhouse-user": endpoint.user, "x-clickhouse-key": endpoint.password}

    @property
    def insert_url(self) -> str:
        query = {"query": "INSERT INTO plain FORMAT JSONEachRow", "database": "default"}
        return f"{self._url}/?{urlencode(query)}"

    @property
    def headers(self) -> dict[str, str]:
        return self._headers

    def run(self, statement: str) -> str:
        answer = httpx.post(self._url, content=statement, headers=self._headers, params={"database": "default"})
        return answer.raise_for_status().text


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Engine]:
    place = folder / "run" / "engine.json"
    command = [sys.executable, "-m", "footfall", "--set", f"data_dir={folder}", "engine"]
    with folder.with_suffix(".log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"FOOTFALL_BACKGROUND_NICE": "0"})
    try:
        for _ in range(600):
            if place.exists():
                break
            if process.poll() is not None:
                sys.exit(f"the engine did not start: see {log.name}")
            time.sleep(0.1)
        engine = Engine(msgspec.json.decode(place.read_bytes(), type=Endpoint))
        engine.run(_TABLE)
        yield engine
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
