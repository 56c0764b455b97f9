"""Makes one report and prints its rows, bytes and peak of memory."""

import sys
import time

import msgspec
from peak_memory import peak_bytes

from footfall.files import Files
from footfall.reports import Destinations
from footfall.reports.worker.attempt import Attempt
from footfall.settings.schema import Settings
from footfall.state import Job
from footfall.store import Store

settings = msgspec.json.decode(sys.argv[1], type=Settings, strict=False)
job = msgspec.json.decode(sys.argv[2], type=Job)
store, files = Store(settings), Files(settings)
store.ping()
before = peak_bytes()
done = Attempt(job, None, store, Destinations(settings, files), time.monotonic() + 600).run()
print(done.rows, done.bytes, peak_bytes() - before)
store.close()
