"""Pictures of charts: drawn by a process of its own for each, which ends."""

import asyncio
import contextlib
import importlib.util
import logging
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from footfall.errors import Code, RequestRefused
from footfall.settings import Settings

log = logging.getLogger("footfall.usage")

# A file, because the package would load 100 MB of libraries that drawing does not need.
_PROGRAM: Final = "footfall.usage.drawing_program"
# The Retry-After of a picture that cannot be drawn now, in seconds.
RETRY_AFTER_S: Final = 5
_SAID_CHARS_MAX: Final = 300


class Drawings:
    """Draws specifications, so many at once; others wait for their turn, as long as a picture may take."""

    def __init__(self, settings: Settings, program: Path | None = None) -> None:
        """`program` draws, instead of the one that footfall has."""
        self._program = program or _program_path()
        self._timeout_s = settings.usage_chart_timeout_s
        self._turns = asyncio.Semaphore(settings.usage_charts_at_once_max)

    async def draw(self, specification: dict[str, Any], kind: str) -> bytes:
        """The picture, `svg` or `png`. Raises RequestRefused when it takes too long or cannot be drawn."""
        try:
            async with asyncio.timeout(self._timeout_s), self._turns:
                return await _run(self._program, msgspec.json.encode(specification), kind)
        except TimeoutError as error:
            why = f"the picture took longer than {self._timeout_s} s"
            raise RequestRefused(Code.SERVICE_UNAVAILABLE, why, retry_after_s=RETRY_AFTER_S) from error


def _program_path() -> Path:
    found = importlib.util.find_spec(_PROGRAM)
    assert found is not None and found.origin is not None  # noqa: S101, PT018 - our own file
    return Path(found.origin)


async def _run(path: Path, specification: bytes, kind: str) -> bytes:
    pipe = asyncio.subprocess.PIPE
    # -I: the process sees no other module than those that are installed.
    program = sys.executable, "-I", str(path), kind
    child = await asyncio.create_subprocess_exec(*program, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        picture, said = await child.communicate(specification)
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if child.returncode:
        log.error("a chart could not be drawn: %s", said.decode(errors="replace")[-_SAID_CHARS_MAX:].strip())
        raise RequestRefused(Code.REQUEST_GENERAL_FAILURE, "the picture could not be drawn; the log says why")
    return picture
