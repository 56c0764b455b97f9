"""An hour of ordinary life of a real service, in real time, in which nothing may grow but the events.

    python bench/soak.py --minutes 60 --work soak
    python bench/soak.py --judge soak/samples.jsonl --picture docs/images/soak.svg

Events arrive, some of them wrong; people walk through the pages with sessions; programs ask for statistics and reports
with keys that are rotated; schedules come and go; the tracking plan is loaded again and again; whatever is held in
quarantine is released or dropped; reports are removed. Every 30 seconds the memory, the descriptors and the threads of
each process are written down, and the files of the data folder. Ends with 1 when something grew, or a call failed.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import service
import soak_life
import soak_samples

SEED = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--work", type=Path, default=Path("soak"), help="a new folder, which stays")
    parser.add_argument("--period", type=float, default=30, help="seconds between two samples")
    parser.add_argument("--judge", type=Path, help="do nothing but judge the samples of a run")
    parser.add_argument("--picture", type=Path, help="where the curves go, as SVG")
    given = parser.parse_args()
    if given.judge:
        sys.exit(soak_samples.report(given.judge, given.picture))
    given.work.mkdir(parents=True)
    plan = given.work / "plan.toml"
    soak_life.write_plan(plan, 0)
    settings = {
        "plan": plan,
        "plan_mode": "quarantine",
        # Segments go when they are loaded: what stays of an event is in the store alone.
        "archive_days": 0,
        "segment_bytes_max": 262_144,
        "rollup_quiet_s": 60,
        "schedule_look_s": 60,
        "web_processes": 2,
    }
    with service.serving(given.work / "data", **settings) as running:
        failures = asyncio.run(_live(running, plan, given.minutes * 60, given.period, given.work / "samples.jsonl"))
    print(f"failures: {failures}" if failures else "no call failed")
    grown = soak_samples.report(given.work / "samples.jsonl", given.picture)
    sys.exit(1 if grown or failures else 0)


async def _live(running: service.Service, plan: Path, seconds: float, period_s: float, samples: Path) -> dict[str, int]:
    """Everybody lives for so long, and samples are written; gives the failures by their text."""
    chance = random.Random(SEED)  # noqa: S311 - seeded on purpose
    life = soak_life.Life(running.url, chance)
    await life.begin()
    tasks = [asyncio.create_task(each) for each in (*life.everybody(), _reload(running, plan))]
    begin, number = time.monotonic(), 0
    with samples.open("w") as file:
        while (passed := time.monotonic() - begin) <= seconds:
            found = await soak_samples.sample(running)
            file.write(json.dumps({"at": round(passed, 1), "events": life.sent, "calls": life.calls, **found}) + "\n")
            file.flush()
            number += 1
            done, _ = await asyncio.wait(tasks, timeout=begin + number * period_s - time.monotonic())
            for task in done:
                task.result()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return dict(life.failures)


async def _reload(running: service.Service, plan: Path) -> None:
    """A changed tracking plan every 45 seconds."""
    number = 0
    while True:
        await asyncio.sleep(45)
        number += 1
        soak_life.write_plan(plan, number)
        os.kill(running.pid, signal.SIGHUP)


if __name__ == "__main__":
    main()
