"""The end of the terminal that the service was started from stops it; a SIGHUP of somebody else does not."""

import os
import pty
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from programs import program


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class OnTerminal:
    """The supervisor's handling of signals, on a terminal of its own."""

    def __init__(self, told: Path, *arguments: str) -> None:
        self._told = told
        self.pid, self.terminal = pty.fork()
        if not self.pid:
            os.execv(sys.executable, [sys.executable, program("wait_for_a_stop"), str(told), *arguments])  # noqa: S606 - our own
        until(lambda: told.exists() and told.read_text() == "ready")

    def log(self) -> str:
        return self._told.with_name("told.log").read_text()

    def status(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def told(tmp_path: Path) -> Path:
    return tmp_path / "told"


def test_the_service_stops_when_its_terminal_hangs_up(told: Path) -> None:
    service = OnTerminal(told)
    # A plan is taken up on this signal as long as the terminal is there.
    os.kill(service.pid, signal.SIGHUP)
    os.close(service.terminal)
    assert service.status() == 0
    assert "the terminal hung up: stopping" in service.log()


def test_a_signal_of_somebody_and_a_terminal_that_nohup_shields_stop_nothing(told: Path) -> None:
    service = OnTerminal(told, "nohup")
    os.close(service.terminal)
    os.kill(service.pid, signal.SIGHUP)
    os.kill(service.pid, signal.SIGTERM)
    assert service.status() == 0
    assert "SIGTERM: stopping" in service.log()
