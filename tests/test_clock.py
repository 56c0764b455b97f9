"""The node's clock, which never goes back."""

import contextlib
import subprocess
import sys
import time

from small_disk import small_disk

from footfall.system.clock import NodeClock


class Wall:
    def __init__(self, now_ms: int) -> None:
        self.now = now_ms

    def now_ms(self) -> int:
        return self.now


def test_it_goes_on_at_half_speed_while_the_wall_is_behind(tmp_path):
    wall, steady = Wall(10_000), Wall(70)
    clock = NodeClock(tmp_path / "clock", wall, steady)
    assert clock.now_ms() == 10_000
    wall.now = 4000
    readings = []
    for _ in range(400):
        wall.now += 1
        steady.now += 1
        readings.append(clock.now_ms())
    assert readings == [10_000 + passed // 2 for passed in range(1, 401)]
    wall.now = 10_201
    assert clock.now_ms() == 10_201
    clock.close()


def test_a_steady_clock_that_begins_anew_moves_it_little(tmp_path):
    steady = Wall(5_000_000)
    clock = NodeClock(tmp_path / "clock", Wall(10_000), steady)
    assert clock.now_ms() == 10_000
    steady.now = 20
    assert clock.now_ms() == 10_000
    steady.now = 30
    assert clock.now_ms() == 10_005
    steady.now = 9_000_000
    assert clock.now_ms() == 10_505
    clock.close()


def test_its_floor_is_shared_and_outlives_a_restart(tmp_path):
    still = Wall(1)
    first, second = NodeClock(tmp_path / "clock", Wall(5000), still), NodeClock(tmp_path / "clock", Wall(10), still)
    assert (first.now_ms(), second.now_ms()) == (5000, 5000)
    first.close()
    second.close()
    third = NodeClock(tmp_path / "clock", Wall(1), still)
    assert third.now_ms() == 5000
    third.close()


def test_a_file_of_eight_bytes_is_taken_on(tmp_path):
    (tmp_path / "clock").write_bytes((5000).to_bytes(8, "little"))
    clock = NodeClock(tmp_path / "clock", Wall(10), Wall(1))
    assert clock.now_ms() == 5000
    clock.close()


def test_processes_never_see_it_go_back(tmp_path):
    program = (
        "import sys; from pathlib import Path; from footfall.system.clock import NodeClock\n"
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


def test_a_full_disk_is_an_error_and_not_the_end_of_the_process(tmp_path):
    with small_disk(tmp_path / "disk", 65_536) as disk:
        with (disk / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while ballast.write(bytes(4_096)):
                pass
        code = (
            "import pathlib, sys; from footfall.system.clock import NodeClock; "
            "NodeClock(pathlib.Path(sys.argv[1])).now_ms()"
        )
        command = [sys.executable, "-c", code, str(disk / "clock")]
        ended = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        assert (ended.returncode, "No space left on device" in ended.stderr) == (1, True)
