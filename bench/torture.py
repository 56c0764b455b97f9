"""Torture a real service while clients remember every answer, then hold the store against what they remember.

    python bench/torture.py --seed 7 --faults 200      # faults one after the other, with calm between them
    python bench/torture.py --outage 60                # the engine away for a minute, twice, under load

Exits with 1 when one acknowledged event is lost, one is there twice, one that was refused is there, or a report that
says COMPLETE lacks one. docs/reliability.md tells what the figures mean. It takes Linux; with root it mounts a small
disk of its own, and with a C compiler it makes the journal's system calls fail and the clock step.
"""

import argparse
import asyncio
import platform
import random
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import torture_checks as checks
import torture_outage
from torture_clients import Ledger, clients
from torture_faults import KNOWN_LIMIT, Fault, Stage, mend, table
from torture_service import Missing, Service, Shim, SmallDisk

DISK_BYTES = 1 << 30
CLIENTS = 24
CALM_LIMIT_S = 120


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seed", type=int, default=None, help="of the schedule and the clients; a random one if not given"
    )
    parser.add_argument("--faults", type=int, default=200, help="how many, one after the other")
    parser.add_argument("--only", default="", help="names of faults, separated by commas, done in this order")
    parser.add_argument("--pace", type=float, default=1.0, help="scales how long faults last")
    parser.add_argument("--away", type=float, default=60.0, help="seconds that the store is away at the most")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--cuts-fail", action="store_true", help="add the one known limit, which is counted by itself")
    parser.add_argument("--outage", type=float, metavar="SECONDS", help="measure an outage of the engine instead")
    parser.add_argument("--rate", type=int, default=5000, help="events a second during --outage")
    parser.add_argument("--keep", type=Path, help="keep the log and all data in this folder")
    return parser.parse_args()


def schedule(faults: dict[str, Fault], count: int, seed: int) -> list[str]:
    """Names of faults: all of them in one order, then in another, and so on, so that each comes equally often."""
    chance = random.Random(seed)  # noqa: S311 - seeded on purpose
    names: list[str] = []
    while len(names) < count:
        names += chance.sample(sorted(faults), len(faults))
    return names[:count]


async def calm(stage: Stage, ledger: Ledger) -> None:
    """Wait until a request that was sent after the fault has been acknowledged."""
    healed_s = time.monotonic()
    while ledger.healthy_s < healed_s:
        assert time.monotonic() - healed_s < CALM_LIMIT_S, f"it does not heal:\n{stage.service.tail()}"
        await asyncio.sleep(0.02)


async def play(stage: Stage, ledger: Ledger, names: list[str], faults: dict[str, Fault], seed: int) -> None:
    """All faults, one after the other; requests that are sent from then on until the next count for a fault."""
    await calm(stage, ledger)
    await asyncio.sleep(2 * stage.pace)
    for number, name in enumerate(names, 1):
        chance = random.Random(f"{seed} fault {number}")  # noqa: S311 - seeded on purpose
        started_s = time.monotonic()
        ledger.phase = number
        stage.note = ""
        await faults[name](stage, chance)
        lasted_s = time.monotonic() - started_s
        await calm(stage, ledger)
        await asyncio.sleep(chance.uniform(0.2, 1) * stage.pace)
        healed_s = time.monotonic() - started_s - lasted_s
        print(
            f"{number:4} of {len(names)}  {name:40} {lasted_s:6.1f} s, calm {healed_s:4.1f} s  {stage.note}", flush=True
        )


async def torture(stage: Stage, names: list[str], faults: dict[str, Fault], options: argparse.Namespace) -> bool:
    """Start, torture, heal, check; returns whether all was right."""
    service, ledger, fire = stage.service, Ledger(), checks.UnderFire()
    await service.start()
    stop = asyncio.Event()
    senders = clients(ledger, lambda: service.port, options.seed, options.clients, events_max=20, pause_s=0.2)
    running = [asyncio.create_task(sender.run(stop)) for sender in senders]
    for number in range(2):
        chance = random.Random(f"{options.seed} reports {number}")  # noqa: S311 - seeded on purpose
        running.append(asyncio.create_task(checks.ask(service, ledger, stage.damage, fire, stop, chance)))
    playing = asyncio.create_task(play(stage, ledger, names, faults, options.seed))
    try:
        # A client that fell would leave the torture without pain.
        await asyncio.wait([playing, *running], return_when=asyncio.FIRST_COMPLETED)
        assert playing.done(), [task.exception() for task in running if task.done()]
        await playing
    finally:
        playing.cancel()
        mend(stage)
        stop.set()
        await asyncio.gather(*running, return_exceptions=True)
    loaded_s = await checks.wait_loaded(service)
    print(f"\nall healed; the last was loaded {loaded_s:.1f} s after the last client had stopped\n")
    wrong = [text for sender in senders for text in sender.wrong] + fire.wrong
    return await conclude(stage, ledger, names, fire, wrong)


async def conclude(stage: Stage, ledger: Ledger, names: list[str], fire: checks.UnderFire, wrong: list[str]) -> bool:
    """Hold the store and its reports against the ledger, and print what comes out."""
    service = stage.service
    stored, odd = await asyncio.to_thread(checks.count_store, service)
    rows, different = await checks.compare_reports(service, stored, ledger)
    wrong += odd + different
    lines = {"calm, before the first": checks.Sums()} | {name: checks.Sums() for name in sorted(set(names))}
    for name in names:
        lines[name].times += 1
    phases: Counter[int] = Counter()
    for sent in ledger.sent:
        name = names[sent.phase - 1] if sent.phase else "calm, before the first"
        phases[sent.phase] += lines[name].add(sent, stored.pop(sent.name, checks.Holding()))
    if +phases:
        print(f"wrong events by the number of the fault: {dict(sorted((+phases).items()))}")
    wrong += [f"{name} is in the store, and nobody sent it" for name in stored]
    print(checks.markdown(lines))
    total = sum(sent.count for sent in ledger.sent)
    print(f"\n{total} events in {len(ledger.sent)} requests were sent; the service was started {service.starts} times")
    print(f"{rows} events in the store and, the same ones, in the final reports")
    print(f"reports under fire: {dict(fire.ended)}; {fire.checked_events} events were looked up in them")
    aside = {path.name: path for path in (service.data / "aside").glob("*")}
    if aside.keys() != stage.damage.names:
        wrong.append(f"aside lies {sorted(aside)}, damaged was {sorted(stage.damage.names)}")
    print(f"{len(aside)} damaged segments set aside, {stage.damage.torn} torn tails cut off")
    for path in aside.values():  # The good copy of each has been put back, and is loaded.
        path.unlink()
    said, content = await asyncio.to_thread(checks.verify, service)
    print(said)
    status = await service.stop()
    if status != 0 or any((service.data / "journal").iterdir()):
        wrong.append(f"the last stop: status {status}, left {list((service.data / 'journal').iterdir())}")
    for text in wrong[:50]:
        print(f"WRONG: {text}")
    limit = lines.get(KNOWN_LIMIT)
    if limit is not None:
        print(f"the known limit: {limit.refused_but_stored} refused events survived a disk that would not cut them off")
        limit.refused_but_stored = 0
    return content and not wrong and not any(sums.wrong() for sums in lines.values())


def prepare(home: Path, options: argparse.Namespace) -> Stage:
    """The stage, with all that this machine allows; says what it does not."""
    shim = disk = None
    try:
        shim = Shim(home)
    except Missing as error:
        print(error)
    try:
        disk = SmallDisk(home / "disk", DISK_BYTES)
    except Missing as error:
        print(f"{error}; instead, files of the web processes may not grow")
    service = Service(
        home,
        home / "disk" / "data",
        shim,
        web_processes=2,
        disk_free_bytes_min=0,
        report_lease_s=5,
        report_barrier_timeout_s=60,
    )
    return Stage(service, shim, disk, options.pace, options.away)


def run_torture(options: argparse.Namespace, home: Path) -> bool:
    """The whole of it, with the traces removed."""
    stage = prepare(home, options)
    faults = table(stage, cuts_fail=options.cuts_fail)
    asked = [name.strip() for name in options.only.split(",") if name.strip()]
    if unknown := set(asked) - faults.keys():
        print(f"not on this machine: {', '.join(sorted(unknown))}")
    names = [name for name in asked if name in faults] or schedule(faults, options.faults, options.seed)
    began_s = time.monotonic()
    try:
        return asyncio.run(torture(stage, names, faults, options))
    finally:
        mend(stage)
        stage.service.end()
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):
                shutil.copy(stage.service.log, options.keep / "log")
                shutil.copytree(stage.service.data, options.keep / "data", dirs_exist_ok=True)
        if stage.disk:
            stage.disk.close()
        print(f"{len(names)} faults in {(time.monotonic() - began_s) / 60:.1f} minutes, seed {options.seed}")


def main() -> None:
    options = read_options()
    # Whoever ends the torture ends what it has started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    options.seed = secrets.randbelow(1 << 32) if options.seed is None else options.seed
    print(f"seed {options.seed}; {platform.platform()}, Python {platform.python_version()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="footfall-torture-") as name:
        home = Path(name)
        good = torture_outage.run(options, home) if options.outage else run_torture(options, home)
    print("all is as it was promised" if good else "PROMISES WERE BROKEN")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
