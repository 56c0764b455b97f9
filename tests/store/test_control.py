"""Looking at a statement that runs, and breaking it off."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from footfall.store import StoreUnavailable

LONG = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"
STREAM = "SELECT number FROM numbers(1000000000000) FORMAT TSV"


def test_a_statement_that_gives_nothing_is_broken_off_by_its_mark(store: Any) -> None:
    with ThreadPoolExecutor(2) as pool:
        doomed = pool.submit(store.rows, LONG, {}, {"log_comment": "report a 1"})
        other = pool.submit(store.rows, LONG, {}, {"log_comment": "report a 2"})
        while not (0 < store.progress("report a 1") < 1 and store.progress("report a 2")):
            assert not doomed.done()
        store.kill("report a 1")
        with pytest.raises(StoreUnavailable):
            doomed.result(10)
        assert not other.done()
        store.kill("report a 2")
        with pytest.raises(StoreUnavailable):
            other.result(10)
    assert store.progress("report a 1") == 0


def test_a_stream_is_broken_off_by_its_mark(store: Any) -> None:
    with store.stream(STREAM, {}, {"log_comment": "report b 1"}) as blocks:
        next(blocks)
        store.kill("report b 1")
        with pytest.raises(StoreUnavailable):
            list(blocks)


def test_nothing_happens_where_nothing_runs(store: Any) -> None:
    store.kill("report c 1")
    assert store.progress("report c 1") == 0
