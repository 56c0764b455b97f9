"""Schedules: reports that come by themselves, one for each hour, day, week or month that has closed.

`Schedules` is the service of the API and the command line. `Scheduler` runs in the worker and starts the reports, which
are then made like all others. They meet only in the state database. These promises hold:

- Windows tile time: every instant is in one report and no more, whatever the clocks of the time zone do (`windows`).
- A window is started once, however many workers there are: its run, its job and the step to the next window are one
  transaction.
- Nothing is skipped: after an outage or a pause every missed window gets its report, in order, a bounded number at a
  time.
- A report that failed is tried again a bounded number of times, and then shown as failed.
- Events that came too late for a report are found and corrected for as long as the schedule says; a correction never
  overwrites what was delivered before (`jobs.key_problems`).
- A schedule that cannot go on, because its owner or the owner's right is gone, is paused, and says why.

`request` reads a schedule with the code that reads a report's request. `jobs` makes each report from the same body, as
if a user had sent it, and decides, in pure functions, when to look for late events and when to correct a report.
"""

from footfall.schedules.request import ScheduleRequest
from footfall.schedules.scheduler import Scheduler
from footfall.schedules.service import Schedules, ScheduleShown, SchedulesPage, ShownRun

__all__ = [
    "ScheduleRequest",
    "ScheduleShown",
    "Scheduler",
    "Schedules",
    "SchedulesPage",
    "ShownRun",
]
