"""Reading plans of many types and columns."""

from footfall.plan.node import PlanNode
from footfall.plan.problems import Findings
from footfall.plan.reader import read_plan


class Compared(str):
    """A name that counts how often it is compared with another."""

    __slots__ = ()
    times = 0

    def __eq__(self, other):
        Compared.times += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__

    def removesuffix(self, suffix, /):
        assert not self.endswith(suffix)
        return self


def test_the_work_of_reading_does_not_grow_with_types_times_columns():
    columns = [Compared(f"c{number}") for number in range(1_000)]
    types = {f"T{number}": [Compared(f"c{number + place}") for place in range(64)] for number in range(500)}
    findings = Findings("")
    product = {"columns": columns, "types": types}
    rule = {"keys": [Compared(name) for name in columns], "non_empty": True}
    plan = read_plan(PlanNode({"products": {"P": product}, "rules": [rule]}, (), findings), "", "")
    assert findings.listed() == ()
    assert len(plan.types) == 500
    # Through the columns one by one it was ten million times.
    assert Compared.times < 10 * 64 * 500


def test_a_plan_that_is_wrong_everywhere_is_told_in_full_and_soon(monkeypatch):
    looks = []
    monkeypatch.setattr("footfall.plan.node.get_close_matches", lambda *_, **__: looks.append(1) or [])
    findings = Findings("")
    types = {f"T{number}": [f"wrong{number}"] for number in range(2_000)}
    read_plan(PlanNode({"products": {"P": {"columns": ["a"] * 11, "types": types}}}, (), findings), "", "")
    assert len(findings.listed()) == 2_000 + 10
    assert 0 < len(looks) <= 100
