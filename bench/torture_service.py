"""What the torture is done to: a whole `footfall serve`, the disk below it, and the shim inside its processes."""

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parent.parent / "src"
START_LIMIT_S = 120
STOP_LIMIT_S = 90

PLAN = """\
customers = ["ACME", "GLOBEX", "INITECH", "UMBRELLA"]

[products.SHOP]
columns = ["request", "place"]
[products.SHOP.types]
SHOP-TOLD = ["request", "place"]

[products.DESK]
columns = ["desk", "request", "place"]
[products.DESK.types]
DESK-TOLD = ["request", "place"]
"""


class Missing(Exception):
    """What this machine does not let the torture do, and why."""


class Shim:
    """The preloaded library of faults.c, and the fields of its control file."""

    _FIELDS = struct.Struct("<q7i2I")
    _NAMES = (
        "clock_offset_ms",
        "write_error",
        "write_short",
        "sync_error",
        "folder_error",
        "name_error",
        "cut_error",
        "every",
        "calls",
        "hits",
    )

    def __init__(self, folder: Path) -> None:
        """Compile it. Raises Missing."""
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if sys.platform != "linux" or compiler is None:
            raise Missing("no preloaded shim: it needs Linux and a C compiler")
        self.library = folder / "faults.so"
        source = Path(__file__).with_name("faults.c")
        made = subprocess.run(
            [compiler, "-O2", "-shared", "-fPIC", "-o", self.library, source, "-ldl"],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise Missing(f"no preloaded shim: {compiler} failed: {made.stderr.strip()[:200]}")
        self._control = folder / "control"
        self._control.write_bytes(bytes(self._FIELDS.size))

    def environment(self, journal: Path) -> dict[str, str]:
        """What the service's processes need to have the shim in them."""
        return {
            "LD_PRELOAD": str(self.library),
            "TORTURE_CONTROL": str(self._control),
            "TORTURE_JOURNAL": str(journal),
        }

    def set(self, **fields: int) -> None:
        """Put faults in force; what is not named is as it should be, but for the clock, which stays where it was."""
        values = dict.fromkeys(self._NAMES, 0) | {"clock_offset_ms": self._read()["clock_offset_ms"]} | fields
        with self._control.open("r+b") as file:
            file.write(self._FIELDS.pack(*(values[name] for name in self._NAMES)))

    @property
    def hits(self) -> int:
        """How many calls have failed since `set`."""
        return self._read()["hits"]

    def _read(self) -> dict[str, int]:
        return dict(zip(self._NAMES, self._FIELDS.unpack(self._control.read_bytes()), strict=True))


class SmallDisk:
    """A file system of its own in memory, that can be filled up and freed."""

    def __init__(self, folder: Path, size_bytes: int) -> None:
        """Mount it. Raises Missing."""
        self.path = folder
        self._ballast = folder / "ballast"
        folder.mkdir()
        if os.geteuid() != 0:
            raise Missing("no disk that fills up: mounting one takes root")
        command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=0700", "footfall-torture", str(folder)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise Missing(f"no disk that fills up: {made.stderr.strip()}")

    def fill(self) -> None:
        """Leave not one byte."""
        with self._ballast.open("ab", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            room = os.statvfs(self.path)
            with contextlib.suppress(OSError):
                os.posix_fallocate(file.fileno(), size, room.f_bavail * room.f_frsize)
            file.seek(0, os.SEEK_END)
            chunk = bytes(1 << 16)
            while chunk:
                try:
                    file.write(chunk)
                except OSError:
                    chunk = chunk[: len(chunk) // 2]

    def free(self) -> None:
        """Give back what `fill` took."""
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount it."""
        subprocess.run(["umount", "--lazy", str(self.path)], check=False)  # noqa: S607 - where it lies differs


class Service:
    """`footfall serve` in a process group of its own, on one data folder and one port, started again and again."""

    def __init__(self, home: Path, data: Path, shim: Shim | None, **settings: Any) -> None:
        self.data = data
        self.password = secrets.token_urlsafe(12)
        self.port = 0
        self.starts = 0
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        self._group = 0
        plan = home / "plan.toml"
        plan.write_text(PLAN, encoding="utf-8")
        self._settings = {"data_dir": data, "plan": plan} | settings
        self._shim = shim.environment(data / "journal") if shim else {}

    @property
    def log(self) -> Path:
        """What all of its processes have logged, in all of their runs."""
        return self._home / "log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """The service's settings, for a command of its own."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
        settings = {**self._settings, "port": self.port}
        inside = {f"FOOTFALL_{name.upper()}": str(value) for name, value in settings.items()}
        return {**outside, **inside, "PYTHONPATH": str(SOURCE), "FOOTFALL_ADMIN_PASSWORD": self.password}

    async def start(self, **settings: Any) -> None:
        """Start it and wait until it listens; `settings` stay in force from now on."""
        self._settings |= settings
        self.starts += 1
        said = self._home / "banner"
        with self.log.open("ab") as log, said.open("wb") as banner:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it takes a moment, and is waited for in the end
                [sys.executable, "-m", "footfall", "serve"],
                env={**self.environment(), **self._shim},
                stdout=banner,
                stderr=log,
                start_new_session=True,
            )
        self._group = self._process.pid
        end_s = time.monotonic() + START_LIMIT_S
        while not (found := re.search(r"listening on http://[^\s:]+:(\d+)", said.read_text(encoding="utf-8"))):
            if self._process.poll() is not None or time.monotonic() > end_s:
                raise RuntimeError(f"the service did not start:\n{self.tail()}")
            await asyncio.sleep(0.02)
        self.port = int(found.group(1))

    def pids(self, *commands: str) -> list[int]:
        """Its living processes that run these commands; all of them without any."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                state, _, group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except (OSError, ValueError):
                continue
            if (
                int(group) == self._group
                and state != "Z"
                and (not commands or (len(words) > 1 and words[-2].decode() in commands))
            ):
                found.append(int(entry.name))
        return found

    async def wait_pids(self, *commands: str, limit_s: float = 60) -> list[int]:
        """The same, once there is one of each command."""
        end_s = time.monotonic() + limit_s
        while True:
            found = {command: self.pids(command) for command in commands}
            if all(found.values()):
                return [pid for pids in found.values() for pid in pids]
            if time.monotonic() > end_s:
                raise RuntimeError(f"no {' or '.join(commands)} process in {limit_s} s:\n{self.tail()}")
            await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """kill -9 of the whole group; returns when nothing of it is left."""
        os.killpg(self._group, signal.SIGKILL)
        await self.wait_gone()

    async def stop(self) -> int:
        """SIGTERM to the supervisor; returns its exit status."""
        assert self._process is not None
        self._process.terminate()
        await self.wait_gone()
        return self._process.wait()

    async def wait_gone(self) -> None:
        """Wait until no process of the group is left."""
        assert self._process is not None
        end_s = time.monotonic() + STOP_LIMIT_S
        while self._process.poll() is None or self.pids():
            if time.monotonic() > end_s:
                raise RuntimeError(f"processes are left: {self.pids()}\n{self.tail()}")
            await asyncio.sleep(0.02)

    def end(self) -> None:
        """Leave nothing running, whatever has happened."""
        if self._process is not None:
            for pid in self.pids():
                os.kill(pid, signal.SIGKILL)
            self._process.wait()

    def tail(self) -> str:
        """The last that it logged."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:]
