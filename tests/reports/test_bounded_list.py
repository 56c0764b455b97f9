"""The list of reports has bounded bytes, and starting and cancelling in a loop does not fill the state."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from states import state_url

from footfall.files import Files
from footfall.reports import Reports, report_status
from footfall.reports.status import report_source
from footfall.settings import Settings
from footfall.state import Job, State, User
from footfall.system.clock import SystemClock

USER = User(id="ann", password_hash="", customers=("C",), created_ms=0)
PAGE_BYTES = 100_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=str(tmp_path), reports_page_bytes_max=PAGE_BYTES, reports_ended_chars_max=300_000)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with closing(State(state_url(tmp_path))) as state:
        state.migrate()
        yield state


def order(types: int) -> bytes:
    wanted = {"customer": "C", "product": "P", "types": [f"TYPE-{number:0>30}" for number in range(types)]}
    return json.dumps({"filter": wanted}).encode()


async def started_and_cancelled(desk: Reports, types: list[int]) -> list[str]:
    """The ids of the reports, the newest first."""
    jobs = [await desk.end(USER, report_source(await desk.start(USER, order(number)))) for number in types]
    jobs.sort(key=lambda job: (job.started_ms, job.id), reverse=True)
    return [job.id for job in jobs]


async def pages(desk: Reports, limit: int) -> list[list[Job]]:
    found, given = [], {"limit": [str(limit)]}
    while True:
        listed = await desk.list(USER, given)
        found.append(listed.jobs)
        if listed.next is None:
            return found
        given = {"limit": [str(limit)], "before": [listed.next]}


@pytest.mark.parametrize("limit", [1, 3, 100, 1_000])
async def test_pages_have_so_many_bytes_and_leave_nothing_out(state: State, settings: Settings, limit: int) -> None:
    desk = Reports(
        state, msgspec.structs.replace(settings, reports_ended_chars_max=10**9), SystemClock(), Files(settings)
    )
    started = await started_and_cancelled(desk, [*[1_000, 1, 900] * 4, *[1] * 60, 1_000])
    found = await pages(desk, limit)
    assert [job.id for page in found for job in page] == started
    for page in found:
        assert 1 <= len(page) <= limit
        size = len(msgspec.json.encode([report_status(job) for job in page]))
        assert size <= PAGE_BYTES + 2


async def test_a_report_longer_than_a_page_is_a_page_of_its_own(state: State, settings: Settings) -> None:
    desk = Reports(state, msgspec.structs.replace(settings, reports_page_bytes_max=100), SystemClock(), Files(settings))
    started = await started_and_cancelled(desk, [2, 3, 4])
    found = await pages(desk, 50)
    assert [job.id for page in found for job in page] == started
    assert max(map(len, found)) == 1


async def test_starting_and_cancelling_in_a_loop_does_not_fill_the_state(state: State, settings: Settings) -> None:
    desk = Reports(state, settings, SystemClock(), Files(settings))
    await started_and_cancelled(desk, [1_000] * 60)
    left = state.jobs.newest(USER.account, 1_000, None)
    assert sum(len(msgspec.json.encode(job.filter)) for job in left) < 300_000 + 2 * 40_000
