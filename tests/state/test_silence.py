"""A state database that takes connections and swallows what is sent to it."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from footfall.state import State, StateUnavailable

CALLERS = 12


def test_whoever_asks_a_silent_database_hears_that_it_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        state = State(f"postgresql://u:p@127.0.0.1:{listening.getsockname()[1]}/footfall?connect_timeout=2")

        def ask(_: int) -> float:
            start = time.monotonic()
            with pytest.raises(StateUnavailable):
                state.jobs.get("JOB")
            return time.monotonic() - start

        with ThreadPoolExecutor(CALLERS) as pool:
            waited = list(pool.map(ask, range(CALLERS)))
        # One behind the other, the last one would have waited for twelve times two seconds.
        assert max(waited) < CALLERS
        state.close()
