"""A person is erased: nothing of them is left anywhere, everything else is there once, and they stay away."""

import json
import logging
from collections import Counter
from typing import Any

import pytest
from erased import OTHER, VALUE, unpacked

OTHERS = [OTHER] * 6


async def test_nothing_of_a_person_is_left_and_all_others_are_there_once(
    node: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    here = node()
    async with here.open():
        await here.fill()
        with_person = here.make_report("with")
        without = here.make_report("without", filter=with_person.filter.__class__(customer="D", product="SHOP"))
        # The search finds the value where it is: in the archive, in the report, in the store's parts.
        before = here.places(VALUE)
        assert {name.partition("/")[0] for name in before if "/" in name} >= {"archive", "files"}
        assert any(name.endswith(".bin") for name in before)
        told = await here.erase()
        assert here.places(VALUE) == []
        assert here.stored_people() == OTHERS
        held = [one.context for one in await here.held()]
        assert held == [["?", OTHER]]
    archived = Counter(line for path in here.archived() for line in read_people(path))
    assert archived == {OTHER: 7}
    assert [(one.customer, one.events) for one in told.receipt.events] == [("C", 6)]
    assert [(one.customer, one.events) for one in told.receipt.quarantined] == [("C", 1)]
    assert told.receipt.nodes[here.name].events == 7
    assert [(one.source, one.file) for one in told.receipt.reports] == [("JOB-with", "removed")]
    assert (here.has_file(with_person), here.has_file(without)) == (False, True)
    assert here.state.jobs.get("with").erased_ms is not None
    assert here.state.jobs.get("without").erased_ms is None
    assert VALUE not in str(told)
    # Nor is it in the log, with all that footfall says.
    assert "is done" in caplog.text
    assert VALUE not in "".join(line for line in caplog.text.splitlines(True) if "footfall" in line)


def read_people(path: Any) -> list[str]:
    lines = [line for content in list(unpacked(path.read_bytes()))[1:2] for line in content.splitlines()]
    return [json.loads(line)["context"][-1 if "quarantine" in path.name else 0] for line in lines]
