"""Waits at a terminal for the request to stop."""

import asyncio
import contextlib
import logging
import pathlib
import signal
import sys

from footfall.service.supervisor import StopRequest
from footfall.system.terminal import Terminal


async def main():
    told = pathlib.Path(sys.argv[1])
    with contextlib.closing(Terminal()) as terminal:
        stop = StopRequest(terminal)
        told.write_text("ready")  # noqa: ASYNC240 - nothing else is done meanwhile
        await stop.wait()


logging.basicConfig(filename=sys.argv[1] + ".log", level="INFO")
if "nohup" in sys.argv:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
asyncio.run(main())
