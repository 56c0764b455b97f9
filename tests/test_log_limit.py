"""What is logged when the same thing happens again and again."""

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from footfall.system.log import PLACES_MAX, LogRateLimit

log = logging.getLogger("footfall.test")


class Clock:
    s = 0.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def lines() -> Iterator[tuple[list[str], Clock, Callable[[], None]]]:
    """The lines that get through a limit of three a minute, its clock, and something that warns."""
    found: list[str] = []
    clock = Clock()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    handler, root = Handler(), logging.getLogger("footfall")
    handler.addFilter(LogRateLimit(3, clock))
    root.addHandler(handler)
    yield found, clock, lambda: log.warning("a client sent %d bytes", 7)
    root.removeHandler(handler)


def test_lines_that_repeat_are_counted_and_told_a_minute_later(lines) -> None:
    found, clock, warn = lines
    for _ in range(1000):
        warn()
    told = "a client sent 7 bytes (more of these are counted for a minute, not written)"
    assert found == ["a client sent 7 bytes", "a client sent 7 bytes", told]
    clock.s = 61
    log.warning("something else")
    assert len(found) == 5
    assert found[3] == "997 more lines in a minute, the last of them: a client sent 7 bytes"
    assert found[4] == "something else"
    warn()
    assert found[5:] == ["a client sent 7 bytes"]


def test_another_line_is_not_kept_back_by_those(lines) -> None:
    found, _, warn = lines
    for _ in range(10):
        warn()
    log.error("the disk is full")
    assert found[3:] == ["the disk is full"]


def test_what_is_no_warning_is_always_written(lines) -> None:
    found, _, _ = lines
    log.setLevel(logging.INFO)
    for _ in range(10):
        log.info("a report is complete")
    assert len(found) == 10


def test_few_lines_are_told_apart() -> None:
    limit = LogRateLimit(1, Clock())
    for line in range(2 * PLACES_MAX):
        record = logging.LogRecord("footfall.test", logging.WARNING, "x.py", line, "text", None, None)
        assert limit.filter(record)
    assert len(limit._counts) == PLACES_MAX


def test_a_process_of_the_service_has_the_limit() -> None:
    code = (
        "import logging; from footfall.system.log import start_log; from footfall.settings.schema import Settings\n"
        "start_log(Settings(log_repeats_max=5), 'web')\n"
        "for _ in range(1000): logging.getLogger('x').error('no')"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    assert len(said.splitlines()) == 5
