"""A report is the same file after the store was rebuilt from the archive."""

import pytest
from checked import NOON, MakeNode, event
from made import hashes

from footfall.reports.query.columnar import GroupSizes
from footfall.reports.worker.attempt import AttemptOptions

GROUPS = AttemptOptions(groups=GroupSizes(rows=1_000, step_rows=100))


@pytest.mark.parametrize("mode", ["keep", "drop"])
def test_a_report_of_a_rebuilt_store_is_the_same_file(node: MakeNode, mode: str) -> None:
    there = node()
    requests = [[event(number, sequence=number + 1) for number in range(at, at + 500)] for at in range(0, 3_000, 500)]
    twice = [event(number, batch="00000000-0000-0000-0000-000000000009") for number in range(0, 900, 3)]
    there.collect(*requests[:4])
    there.collect(twice, *requests[4:])
    wanted = {"customer": "C", "product": "P", "watermark": there.clock.ms}
    there.clock.ms += 1_000
    before = hashes(there.settings, there.store, wanted, GROUPS, duplicates=mode)
    there.collect(requests[0], [event(number) for number in range(3_000, 3_200)])
    there.sql("DELETE FROM events WHERE sequence % 7 = 3")
    assert hashes(there.settings, there.store, wanted, GROUPS, duplicates=mode) != before
    there.rebuild()
    assert there.clock.ms > wanted["watermark"] > NOON
    assert hashes(there.settings, there.store, wanted, GROUPS, duplicates=mode) == before
