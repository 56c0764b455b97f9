"""The node's clock, which never goes back."""

import subprocess
import sys
import time

from footfall.clock import NodeClock


class Wall:
    def __init__(self, now_ms: int) -> None:
        self.now = now_ms

    def now_ms(self) -> int:
        return self.now


def test_it_stands_still_while_the_wall_is_behind(tmp_path):
    wall = Wall(1000)
    clock = NodeClock(tmp_path / "clock", wall)
    assert clock.now_ms() == 1000
    wall.now = 400
    assert clock.now_ms() == 1000
    wall.now = 1001
    assert clock.now_ms() == 1001
    clock.close()


def test_its_floor_is_shared_and_outlives_a_restart(tmp_path):
    first, second = NodeClock(tmp_path / "clock", Wall(5000)), NodeClock(tmp_path / "clock", Wall(10))
    assert (first.now_ms(), second.now_ms()) == (5000, 5000)
    first.close()
    second.close()
    third = NodeClock(tmp_path / "clock", Wall(1))
    assert third.now_ms() == 5000
    third.close()


def test_processes_never_see_it_go_back(tmp_path):
    program = (
        "import sys; from pathlib import Path; from footfall.clock import NodeClock\n"
        "clock = NodeClock(Path(sys.argv[1]))\n"
        "for _ in range(2000): print(clock.now_ms())\n"
    )
    before = time.time_ns() // 1_000_000
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "clock")], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in processes:
        output, _ = process.communicate()
        times = [int(text) for text in output.split()]
        assert times == sorted(times)
        assert times[0] >= before
