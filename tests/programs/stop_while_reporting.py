"""A worker that stops in the middle of a report's rows."""

import asyncio
import contextlib
import sys
import threading
from types import SimpleNamespace

import msgspec

from footfall.files import Files
from footfall.plan import LivePlan
from footfall.reports import Runner
from footfall.settings.schema import Settings
from footfall.state import State
from footfall.store import Store
from footfall.system.clock import SystemClock


class Stuck(Store):
    @contextlib.contextmanager
    def stream(self, query, parameters, settings=None):
        with super().stream(query, parameters, settings) as blocks:
            yield self._pass(blocks)

    def _pass(self, blocks):
        yield next(blocks)
        threading.Event().wait()


settings = msgspec.json.decode(sys.argv[1], type=Settings)
state = State("sqlite:///" + str(settings.data / "state.db"))
loaded = SimpleNamespace(loaded_through_ms=2**60)
plan, files, clock = LivePlan(None, settings), Files(settings), SystemClock()
asyncio.run(Runner(state, Stuck(settings), plan, loaded, settings, clock, files, "stuck").run(asyncio.Event()))
