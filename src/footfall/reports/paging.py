"""The pages of a user's list of reports: how many there are on one, and where the next begins."""

import re
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from footfall.errors import Code, Problem, RequestRefused
from footfall.reports.status import status
from footfall.state import Job

LIMIT = 50
_CURSOR = re.compile(r"([0-9]{1,16})-([!-~]{1,100})")
_NUMBER = re.compile(r"[0-9]{1,9}")


class Wanted(Struct, frozen=True):
    """A page of so many reports, of those that come behind `before`: when that one was started, and its id."""

    limit: int
    before: tuple[int, str] | None


def parse(given: Mapping[str, Sequence[str]], limit_max: int) -> Wanted:
    """Read the parameters of the list. Raises RequestRefused, naming everything that is wrong."""
    limit, before = (given.get(name, [""])[-1] for name in ("limit", "before"))
    found = _CURSOR.fullmatch(before)
    wrong: list[Problem] = []
    if limit and not (_NUMBER.fullmatch(limit) and 1 <= int(limit) <= limit_max):
        wrong.append(_problem("limit", f"must be a number from 1 to {limit_max}"))
    if before and found is None:
        wrong.append(_problem("before", "must be that of the `next` link of another page"))
    if wrong:
        count = "one thing is" if len(wrong) == 1 else "2 things are"
        raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, f"the list cannot be made: {count} wrong", tuple(wrong))
    return Wanted(min(int(limit or LIMIT), limit_max), (int(found[1]), found[2]) if found else None)


def fitting(jobs: Sequence[Job], bytes_left: int) -> tuple[int, int]:
    """How many of the reports' statuses have so many bytes at the most, and what is left; below 0 if not all have."""
    for at, job in enumerate(jobs):
        bytes_left -= len(msgspec.json.encode(status(job))) + 1
        if bytes_left < 0:
            return at, bytes_left
    return len(jobs), bytes_left


def cursor(job: Job) -> str:
    """Where the next page begins, as `before` takes it: exact also among reports of the same millisecond."""
    return f"{job.started_ms}-{job.id}"


def _problem(where: str, why: str) -> Problem:
    return Problem(Code.REQUEST_PARAMETER_MALFORMED, where, why)
