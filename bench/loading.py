"""What an event costs on its way into the store, by process, while events come in at a fixed rate.

    python bench/loading.py [--seconds 30] [--rate 2050] [--events 100] [--set NAME=VALUE ...]

Starts footfall with two web processes, posts at the rate, and prints how many events the store has 5 seconds after the
last answer, and the microseconds of a core an accepted event took in each process until then. On a machine whose cores
are all busy they are half as many again as on an idle one.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import endurance
import latency
import service
from contestants import on_footfall

_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rate", type=float, default=endurance.SUSTAINED_RATE, help="requests a second")
    parser.add_argument("--events", type=int, default=endurance.SUSTAINED_SIZE, help="of each request")
    parser.add_argument("--set", action="append", default=[], help="a setting of footfall, as NAME=VALUE")
    given = parser.parse_args()
    settings = {"web_processes": 2} | dict(word.split("=", 1) for word in given.set)
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as folder:
        measure(given.seconds, given.rate, given.events, settings, Path(folder))


def measure(seconds: float, rate: float, size: int, settings: dict[str, object], work: Path) -> None:
    """Post for some seconds, and print what that took."""
    with service.serving(work / "data", **settings) as running:
        target = on_footfall(running, int(time.time() * 1000))
        processes, before = running.children(), {pid: _seconds(pid) for _, pid in running.children()}
        with latency.posting(target.url(size), target.bodies(size), rate, seconds, work) as process:
            seen = latency.read(process)
        time.sleep(endurance.VISIBLE_S)
        stored, answered = running.stored(), (seen["answers"] - seen["refused"]) * size
        costs = {"generator": seen["core"] * seen["seconds"]}
        for role, pid in processes:
            costs[role] = costs.get(role, 0) + _seconds(pid) - before[pid]
        late = running.settle()
    print(f"{answered:,} events answered in {seen['seconds']:.1f} s, {seen['refused']} requests refused")
    print(f"{stored:,} in the store {endurance.VISIBLE_S} s later, all of them {late:.1f} s after that")
    print("ms to the answer: " + ", ".join(f"{name} {seen[name]:.1f}" for name in ("p50", "p99", "p999", "most")))
    print("us of a core an event: " + ", ".join(f"{role} {cost / answered * 1e6:.2f}" for role, cost in costs.items()))


def _seconds(pid: int) -> float:
    """The time that a process has had of a core so far."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / _TICKS


if __name__ == "__main__":
    main()
