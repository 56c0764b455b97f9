"""A scheduler that is killed in the transaction that starts a window."""

import os
import signal
import sys

from footfall.schedules import Scheduler
from footfall.settings.schema import Settings
from footfall.state import State, schedules
from footfall.store import Store
from footfall.system.clock import SystemClock


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


schedules.add_job = die
settings = Settings(data_dir=sys.argv[2])
Scheduler(State(sys.argv[1]), Store(settings), settings, SystemClock()).tick()
