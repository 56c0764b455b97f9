"""The faults: each does its worst to a running service, for a while, and then heals what it did."""

import asyncio
import contextlib
import errno
import fcntl
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import torture_damage
from torture_service import Service, Shim, SmallDisk

HOUR_MS = 3_600_000
# The name of `fail_cut`, whose survivors are counted by themselves.
KNOWN_LIMIT = "EIO on sync and cut and a kill"


@dataclass
class Stage:
    """What faults act upon. `pace` scales how long they last; `away_most_s` bounds how long the store is away."""

    service: Service
    shim: Shim | None
    disk: SmallDisk | None
    pace: float = 1.0
    away_most_s: float = 60.0
    damage: torture_damage.Damaged = field(default_factory=torture_damage.Damaged)
    note: str = ""

    async def last(self, chance: random.Random, least_s: float, most_s: float) -> None:
        """Let a fault last for a time between the two."""
        await asyncio.sleep(chance.uniform(least_s, most_s) * self.pace)


Fault = Callable[[Stage, random.Random], Awaitable[None]]


def kill(command: str) -> Fault:
    """kill -9 of the processes that run a command, up to three times in a row; the supervisor starts them again."""

    async def fault(stage: Stage, chance: random.Random) -> None:
        for _ in range(chance.randint(1, 3)):
            for pid in await stage.service.wait_pids(command):
                # One of two web processes, or both.
                if chance.random() < 0.7:
                    _signal(pid, signal.SIGKILL)
            await stage.last(chance, 0, 1)

    return fault


async def kill_everything(stage: Stage, chance: random.Random) -> None:
    """kill -9 of the whole group at once, then a start on what it left."""
    await stage.service.kill()
    await stage.last(chance, 0, 0.5)
    await stage.service.start(disk_free_bytes_min=chance.choice((0, 8 << 20)))


async def kill_supervisor(stage: Stage, chance: random.Random) -> None:
    """kill -9 of the supervisor alone; its children stop by themselves."""
    for pid in await stage.service.wait_pids("serve"):
        _signal(pid, signal.SIGKILL)
    await stage.service.wait_gone()
    await stage.last(chance, 0, 0.5)
    await stage.service.start()


async def stop_in_order(stage: Stage, chance: random.Random) -> None:
    """SIGTERM, with requests under way, and a start."""
    status = await stage.service.stop()
    assert status == 0, f"the service ended with status {status}:\n{stage.service.tail()}"
    await stage.service.start(disk_free_bytes_min=chance.choice((0, 8 << 20)))


def suspend(command: str, least_s: float, most_s: float) -> Fault:
    """SIGSTOP, and SIGCONT after a while."""

    async def fault(stage: Stage, chance: random.Random) -> None:
        most = min(most_s, max(least_s, stage.away_most_s))
        async with suspended(stage, command):
            await stage.last(chance, least_s, most)

    return fault


@contextlib.asynccontextmanager
async def suspended(stage: Stage, command: str) -> AsyncIterator[None]:
    """Meanwhile the processes that run a command stand still."""
    pids = await stage.service.wait_pids(command)
    for pid in pids:
        _signal(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            _signal(pid, signal.SIGCONT)


async def fill_disk(stage: Stage, chance: random.Random) -> None:
    """Not one byte is left below the data folder; perhaps a process is killed meanwhile."""
    assert stage.disk is not None
    try:
        await asyncio.to_thread(stage.disk.fill)
        await kill_perhaps(stage, chance)
        await stage.last(chance, 1, 4)
    finally:
        stage.disk.free()


async def limit_files(stage: Stage, chance: random.Random) -> None:
    """Without a disk that fills up: no file of the web processes may grow past a few KiB."""
    import resource  # noqa: PLC0415 - not on every system

    pids = await stage.service.wait_pids("web")
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (chance.randint(1, 1024), resource.RLIM_INFINITY))
    await stage.last(chance, 1, 4)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def fail(**fields: int) -> Fault:
    """Calls on the journal's files fail, all of them or some; perhaps a process is killed meanwhile."""

    async def fault(stage: Stage, chance: random.Random) -> None:
        assert stage.shim is not None
        try:
            stage.shim.set(every=chance.choice((1, 2, 3, 7)), **fields)
            await stage.last(chance, 0.5, 2)
            await kill_perhaps(stage, chance)
            await stage.last(chance, 0.2, 1)
            stage.note = f"{stage.shim.hits} calls failed"
        finally:
            stage.shim.set()

    return fault


async def fail_cut(stage: Stage, chance: random.Random) -> None:
    """The one known limit: writes fail, the disk refuses to cut them off too, and then everything is killed."""
    assert stage.shim is not None
    try:
        stage.shim.set(sync_error=errno.EIO, cut_error=errno.EIO)
        await stage.last(chance, 0.5, 2)
        await stage.service.kill()
    finally:
        stage.shim.set()
    await stage.service.start()


async def step_clock(stage: Stage, chance: random.Random) -> None:
    """The wall clock goes an hour forth and back, some times; it ends where it began."""
    assert stage.shim is not None
    try:
        for _ in range(chance.randint(2, 4)):
            stage.shim.set(clock_offset_ms=chance.choice((-HOUR_MS, HOUR_MS, 0)))
            await stage.last(chance, 0.3, 1.5)
    finally:
        stage.shim.set(clock_offset_ms=0)


async def block_spool(stage: Stage, chance: random.Random) -> None:
    """The engine cannot write down what it is sent, and so refuses every insert."""
    spool = stage.service.data / "engine" / "spool"
    moved = spool.with_name("spool-elsewhere")
    await stage.service.wait_pids("engine")
    spool.rename(moved)
    spool.touch()
    try:
        await stage.last(chance, 2, min(20, stage.away_most_s))
    finally:
        spool.unlink()
        moved.rename(spool)


async def keep_engine_away(stage: Stage, chance: random.Random) -> None:
    """The engine is killed, and cannot start again for a while."""
    async with engine_away(stage):
        await stage.last(chance, 2, min(20, stage.away_most_s))


@contextlib.asynccontextmanager
async def engine_away(stage: Stage) -> AsyncIterator[None]:
    """Meanwhile there is no engine: somebody else holds its lock."""
    file = os.open(stage.service.data / "engine" / "lock", os.O_RDWR)
    try:
        while True:
            for pid in stage.service.pids("engine"):
                _signal(pid, signal.SIGKILL)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.01)
        yield
    finally:
        os.close(file)


async def kill_perhaps(stage: Stage, chance: random.Random) -> None:
    """In half of all cases, kill -9 of one kind of process while another fault is in force."""
    if chance.random() < 0.5:
        for pid in stage.service.pids(chance.choice(("web", "worker", "engine"))):
            _signal(pid, signal.SIGKILL)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def table(stage: Stage, *, cuts_fail: bool) -> dict[str, Fault]:
    """Every fault that this machine allows."""
    faults: dict[str, Fault] = {
        "kill -9 web": kill("web"),
        "kill -9 worker": kill("worker"),
        "kill -9 engine": kill("engine"),
        "kill -9 serve alone": kill_supervisor,
        "kill -9 everything": kill_everything,
        "SIGTERM and a start": stop_in_order,
        "SIGSTOP web": suspend("web", 1, 4),
        "SIGSTOP worker": suspend("worker", 1, 4),
        "SIGSTOP engine": suspend("engine", 2, 60),
        "engine cannot start": keep_engine_away,
        "engine's spool unwritable": block_spool,
        "torn tail": _with(torture_damage.tear_tails),
        "bits flipped in a sealed segment": _with(torture_damage.flip_sealed),
        "bits flipped in a dead writer's segment": _with(torture_damage.flip_orphan),
        "disk full": fill_disk if stage.disk else limit_files,
    }
    if stage.shim:
        faults |= {
            "EIO on write": fail(write_error=errno.EIO),
            "ENOSPC on write": fail(write_error=errno.ENOSPC),
            "short writes": fail(write_short=11),
            "EIO on sync": fail(sync_error=errno.EIO),
            "EIO on sync of the folder": fail(folder_error=errno.EIO),
            "EIO on rename and unlink": fail(name_error=errno.EIO),
            "clock steps by an hour": step_clock,
        }
        if cuts_fail:
            faults[KNOWN_LIMIT] = fail_cut
    return faults


def _with(damage: Callable[[Service, torture_damage.Damaged, random.Random], Awaitable[None]]) -> Fault:
    async def fault(stage: Stage, chance: random.Random) -> None:
        await damage(stage.service, stage.damage, chance)

    return fault


def mend(stage: Stage) -> None:
    """Take away whatever a fault that was cut short has left."""
    if stage.shim:
        stage.shim.set(clock_offset_ms=0)
    if stage.disk:
        stage.disk.free()
    for pid in stage.service.pids():
        _signal(pid, signal.SIGCONT)
