"""Damage to segments: torn tails that nobody was told were safe, and flipped bits, healed from a good copy."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from torture_service import Service

from footfall.journal import OPEN, SEALED, Frame, walk

LOAD_LIMIT_S = 120


@dataclass
class Damaged:
    """What was damaged on purpose: the names that have to lie aside in the end. While `now`, events are missing."""

    names: set[str] = field(default_factory=set)
    torn: int = 0
    rounds: int = 0
    now: bool = False


async def tear_tails(service: Service, damaged: Damaged, chance: random.Random) -> None:
    """Everything is killed, and behind the last whole frame of each open segment lies what a power cut may leave."""
    await service.kill()
    for path in sorted(_journal(service).glob(f"*{OPEN}")):
        data = path.read_bytes()
        with path.open("r+b") as file:
            file.seek(max((frame.offset + frame.size for frame in _frames(data)), default=0))
            file.write(_tail(data, chance))
        damaged.torn += 1
    # A writer may also die before its first frame is whole.
    stem = f"{time.time_ns() // 1_000_000:013d}-{chance.getrandbits(32):08x}-000001"
    (_journal(service) / f"{stem}{OPEN}").write_bytes(_tail(b"", chance))
    await service.start()


def _tail(data: bytes, chance: random.Random) -> bytes:
    frames = _frames(data)
    kind = chance.choice(("noise", "zeros", "part", "spoilt"))
    if kind == "zeros" or (kind == "noise" and not frames):
        return bytes(chance.randint(1, 5000))
    if kind == "noise" or not frames:
        return b"\x28\xb5\x2f\xfd"[: chance.randint(0, 4)] + chance.randbytes(chance.randint(1, 3000))
    frame = chance.choice(frames)
    whole = data[frame.offset : frame.offset + frame.size]
    if kind == "part":
        return whole[: chance.randrange(1, len(whole))]
    return whole[:-1] + bytes((whole[-1] ^ 1,))


async def flip_sealed(service: Service, damaged: Damaged, chance: random.Random) -> None:
    """A bit flips in a sealed segment before it is loaded; later the good copy is put back."""
    (worker,) = await service.wait_pids("worker")
    before = set(_journal(service).iterdir())
    os.kill(worker, signal.SIGSTOP)
    try:
        path = await _wait_sealed(service, before)
        good = path.read_bytes()
        with _missing(damaged, path.name):
            spoilt, keeps = _flip(good, chance, first=True)
            with path.open("r+b") as file:
                file.write(spoilt)
            os.kill(worker, signal.SIGCONT)
            await _heal(service, path.name, path.name, good, keeps)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGCONT)


async def flip_orphan(service: Service, damaged: Damaged, chance: random.Random) -> None:
    """A bit flips in a segment whose writer was killed, before its last frame: there, damage would be a torn tail."""
    until = time.monotonic() + LOAD_LIMIT_S
    while time.monotonic() < until:
        await _wait_frames(service, until)
        await service.kill()
        # By now it may have been sealed, and another opened.
        for path in sorted(_journal(service).glob(f"*{OPEN}")):
            data = path.read_bytes()
            frames = _frames(data)
            if len(frames) > 1:
                good = data[: frames[-1].offset + frames[-1].size]
                with _missing(damaged, path.name):
                    spoilt, keeps = _flip(good, chance, first=False)
                    path.write_bytes(spoilt + data[len(good) :])
                    await service.start()
                    await _heal(service, path.name, path.name.removesuffix(".open"), good, keeps)
                return
        await service.start()
    raise AssertionError(f"no kill within {LOAD_LIMIT_S} s left an open segment of two frames")


async def _wait_frames(service: Service, until: float) -> None:
    """Wait for an open segment of two frames, for which clients and the machine take their time."""
    while time.monotonic() < until:
        for path in _journal(service).glob(f"*{OPEN}"):
            with contextlib.suppress(FileNotFoundError):
                if len(_frames(path.read_bytes())) > 1:
                    return
        await asyncio.sleep(0.02)


def _frames(data: bytes) -> list[Frame]:
    return [part for part in walk(data) if isinstance(part, Frame)]


def _flip(good: bytes, chance: random.Random, *, first: bool) -> tuple[bytes, bool]:
    """The data with one bit turned that matters, and whether a frame of it is still whole.

    A few bits of a frame's head mean nothing; without `first`, the last frame stays as it is.
    """
    frames = _frames(good)
    lines, last = [frame.lines for frame in frames], frames[-1]
    while True:
        spoilt = bytearray(good)
        spoilt[chance.randrange(len(good) if first else last.offset)] ^= 1 << chance.randrange(8)
        kept = [part.lines for part in walk(bytes(spoilt)) if isinstance(part, Frame)]
        assert set(kept) <= set(lines), "a frame with a flipped bit was taken for a whole one"
        if kept != lines:
            return bytes(spoilt), bool(kept)


async def _wait_sealed(service: Service, before: set[Path]) -> Path:
    """A sealed segment that the worker, which stands still, cannot have begun to load."""
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s:
        for path in sorted(_journal(service).glob(f"*{SEALED}")):
            if path not in before:
                return path
        await asyncio.sleep(0.05)
    raise AssertionError("no segment was sealed in a minute")


async def _heal(service: Service, name: str, sealed: str, good: bytes, keeps: bool) -> None:
    """Wait until the damage is set aside and told of, and the rest is loaded; then put the good copy back."""
    aside = service.data / "aside" / name
    stem = sealed.partition(".")[0]
    await _until(aside.exists, f"{name} is damaged and not set aside")
    assert not (_journal(service) / name).exists()
    kept = f"{stem}-salvaged{SEALED}"
    if keeps:
        await _until(lambda: _archived(service, kept), f"{kept} is not loaded")
    assert _is_told(service, stem), f"the log does not tell of {name}"
    draft = service.data / "draft"
    draft.write_bytes(good)
    draft.rename(_journal(service) / sealed)
    await _until(lambda: _archived(service, sealed), f"{sealed} was put back and is not loaded")


def _is_told(service: Service, stem: str) -> bool:
    """Whether an error in the log names this segment."""
    with service.log.open(encoding="utf-8", errors="replace") as lines:
        return any(" ERROR " in line and stem in line for line in lines)


@contextlib.contextmanager
def _missing(damaged: Damaged, name: str) -> Iterator[None]:
    """Meanwhile events that were acknowledged are destroyed, so that no report can be complete."""
    damaged.now = True
    damaged.rounds += 1
    damaged.names.add(name)
    yield
    damaged.now = False


async def _until(is_so: Callable[[], object], what: str) -> None:
    end_s = time.monotonic() + LOAD_LIMIT_S
    while not is_so():
        assert time.monotonic() < end_s, what
        await asyncio.sleep(0.05)


def _archived(service: Service, name: str) -> bool:
    return any((service.data / "archive").glob(f"*/{name}"))


def _journal(service: Service) -> Path:
    return service.data / "journal"
