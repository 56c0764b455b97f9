"""Fourteen years of ten customers: counts, distinct actors and cohorts by month are those of DuckDB."""

import contextlib
import json
import random
import uuid
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
from rolled_up import count_days

from footfall.system.clock import SystemClock
from footfall.usage import RollupKeeper

EVENTS = 3_000
FIRST_MS, LAST_MS = 1_325_376_000_000, 1_777_000_000_000
CUSTOMERS = (
    *("ASTRAL", "DATASETTE", "GOATCOUNTER", "LITESTAR", "MATOMO"),
    *("PYPI", "STARLETTE", "TIGERBEETLE", "UMAMI", "VECTOR"),
)
TYPES = ("FILE-MODIFIED", "COMMIT-AUTHORED", "FILE-ADDED", "FILE-DELETED", "FILE-RENAMED")
PLAN = (Path(__file__).parents[1] / "plan" / "git.toml").read_text()
ZONE = "America/New_York"
# The instant at which the month of an event begins by the zone's clock.
MONTH = "epoch_ms(date_trunc('month', make_timestamptz(timestamp * 1000)))"


def make_lines(path: Path, number: int) -> None:
    """Commits and their files: few customers and types have most of them, in bursts of one instant, newest first."""
    chance = random.Random(14)
    lines: list[dict[str, Any]] = []
    while len(lines) < number:
        (customer,) = chance.choices(CUSTOMERS, [1 / place for place in range(1, len(CUSTOMERS) + 1)])
        author = f"u{min(int(chance.paretovariate(0.8)), 400):03d}"
        one = {"customer": customer, "product": "GIT", "timestamp": chance.randrange(FIRST_MS, LAST_MS, 1000)}
        commit = f"{chance.getrandbits(40):010x}"
        lines.append({**one, "type": "COMMIT-AUTHORED", "context": [author, commit]})
        for file in range(min(int(chance.paretovariate(0.9)) - 1, 60)):
            (kind,) = chance.choices(TYPES[:1] + TYPES[2:], [1, 1 / 2, 1 / 3, 1 / 4])
            names = [f"src/ä {file}.py", *(["old name"] if kind == "FILE-RENAMED" else [])]
            lines.append({**one, "type": kind, "context": [author, commit, *names]})
    lines.sort(key=lambda line: (line["customer"], -line["timestamp"]))
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


class Outside:
    """What DuckDB says of a file of JSON lines."""

    def __init__(self, lines: Path, zone: str) -> None:
        self._database = duckdb.connect()
        self._database.execute(f"SET TimeZone = '{zone}'")
        columns = (
            "{customer: 'VARCHAR', product: 'VARCHAR', type: 'VARCHAR', timestamp: 'BIGINT', context: 'VARCHAR[]'}"
        )
        self._database.execute(
            f"CREATE TABLE lines AS SELECT *, context[1] AS actor, {MONTH} AS month FROM read_json('{lines}',"  # noqa: S608 - our own
            f" format = 'newline_delimited', columns = {columns})"
        )

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self._database.execute(statement).fetchall()

    def close(self) -> None:
        self._database.close()


def load(place: Any, lines: Path, at_once: int = 10_000) -> None:
    """Load the lines in requests of some thousand events."""
    with lines.open(encoding="utf-8") as opened:
        number = 0
        while some := [*islice(opened, at_once)]:
            number += 1
            stamp = {"batch": str(uuid.UUID(int=number)), "received": LAST_MS, "admitted": LAST_MS}
            place.load(*({**json.loads(line), **stamp, "sequence": at} for at, line in enumerate(some, 1)))


async def compare(place: Any, outside: Outside, zone: str, *, people: tuple[str, ...], periods: int) -> int:
    """Compare the counts of all customers, and the people of some of them; gives how many events there are."""
    asked = {"product": "GIT", "timezone": zone, "asOf": LAST_MS}
    by_month = outside.rows("SELECT customer, month, type, count(*) FROM lines GROUP BY ALL")
    every = await place.count(customer="*", **asked, interval="month", by=["customer", "type"])
    assert {(row.customer, row.start, row.type): row.events for row in every.counts} == {
        (customer, month, kind): events for customer, month, kind, events in by_month
    }
    actors = outside.rows("SELECT customer, month, count(DISTINCT actor) FROM lines GROUP BY ALL")
    in_all = outside.rows("SELECT customer, type, count(*) FROM lines GROUP BY ALL")
    cohorts = outside.rows(
        "SELECT customer, cohort, month, count(DISTINCT actor) FROM lines JOIN"
        " (SELECT customer, actor, min(month) AS cohort FROM lines GROUP BY ALL) USING (customer, actor) GROUP BY ALL"
    )
    for customer in CUSTOMERS:
        mine = {"customer": customer, **asked}
        counts = await place.count(**mine, interval="month")
        assert {(row.start, row.type): row.events for row in counts.counts} == {
            (month, kind): events for one, month, kind, events in by_month if one == customer
        }
        types = await place.count(**mine, interval="all")
        assert {row.type: row.events for row in types.counts} == {
            kind: events for one, kind, events in in_all if one == customer
        }
        if customer not in people:
            continue
        uniques = await place.ask("uniques", **mine, interval="month", key="authorId")
        assert {row.start: row.uniques for row in uniques.uniques} == {
            month: found for one, month, found in actors if one == customer
        }
        retention = await place.ask("retention", **mine, interval="month", key="authorId", periods=periods)
        back = {(cohort, month): found for one, cohort, month, found in cohorts if one == customer}
        assert {row.start: row.actors for row in retention.retention} == {
            cohort: found for (cohort, month), found in back.items() if cohort == month
        }
        assert all(
            period.actors == back.get((row.start, period.start), 0)
            for row in retention.retention
            for period in row.periods
        )
    return int(every.total.events)


async def test_numbers_by_month_are_those_of_duckdb(make_place: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("footfall.usage.numbers.FEW_MAX", 300)
    lines = tmp_path / "lines.jsonl"
    make_lines(lines, EVENTS)
    (tmp_path / "plan.toml").write_text(PLAN)
    place = make_place(plan=str(tmp_path / "plan.toml"), usage_cache_bytes_max=0)
    load(place, lines)
    with contextlib.closing(Outside(lines, ZONE)) as outside:
        # From the events, and then from the rollups.
        assert await compare(place, outside, ZONE, people=CUSTOMERS[:2], periods=24) >= EVENTS
        count_days(RollupKeeper(place.state, place.store, place.settings, SystemClock(), "here"))
        assert await compare(place, outside, ZONE, people=(), periods=1) >= EVENTS
