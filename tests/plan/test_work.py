"""What expressions do for one body has an end."""

import pytest

from footfall.plan import ClientLeft, RegexBudget, RegexBudgetSpent
from footfall.plan.expressions import CLOCK_STEPS, LEFT_CPU_S


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
    work = RegexBudget(5, core)
    for _ in range(1000):
        work.spend(CLOCK_STEPS // 100)
    assert core.looks == 10


def test_work_ends_when_it_took_its_time():
    work = RegexBudget(5, Core(1))
    for _ in range(5):
        work.spend(CLOCK_STEPS)
    with pytest.raises(RegexBudgetSpent):
        work.spend(CLOCK_STEPS)


def test_work_for_a_client_that_has_left_ends_soon():
    work = RegexBudget(5, Core(LEFT_CPU_S / 2))
    work.client_left()
    work.spend(CLOCK_STEPS)
    work.spend(CLOCK_STEPS)
    with pytest.raises(ClientLeft):
        work.spend(CLOCK_STEPS)
