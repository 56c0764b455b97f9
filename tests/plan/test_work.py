"""What expressions do for one body has an end."""

import pytest

from footfall.plan import ClientLeft, TooMuchWork, Work
from footfall.plan.expressions import LEFT_CPU_S, LOOK_STEPS


class Core:
    """The time that a thread has spent: one look at it costs `look_s`."""

    def __init__(self, look_s):
        self.spent_s, self.looks, self._look_s = 0, 0, look_s

    def __call__(self):
        self.looks += 1
        self.spent_s += self._look_s
        return self.spent_s


def test_time_is_looked_at_after_so_many_steps():
    core = Core(0)
    work = Work(5, core)
    for _ in range(1000):
        work.spend(LOOK_STEPS // 100)
    assert core.looks == 10


def test_work_ends_when_it_took_its_time():
    work = Work(5, Core(1))
    for _ in range(5):
        work.spend(LOOK_STEPS)
    with pytest.raises(TooMuchWork):
        work.spend(LOOK_STEPS)


def test_work_for_a_client_that_has_left_ends_soon():
    work = Work(5, Core(LEFT_CPU_S / 2))
    work.leave()
    work.spend(LOOK_STEPS)
    work.spend(LOOK_STEPS)
    with pytest.raises(ClientLeft):
        work.spend(LOOK_STEPS)
