"""Counts seven events and is killed, so that only its first snapshot is left."""

import os
import signal
import sys
from pathlib import Path

from footfall.metrics import SharedMetrics

metrics = SharedMetrics(Path(sys.argv[1]), "web", lambda: {("footfall_events_accepted_total",): 7})
print("ready", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
