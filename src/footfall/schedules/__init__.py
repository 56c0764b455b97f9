"""Schedules: reports that come by themselves, one for each hour, day, week or month that has closed.

`Schedules` is the desk that the API and the command line ask. `Scheduler` is the worker that starts the reports, which
are then made like all others. Between them is only the state database. These promises hold:

- Windows tile time: every instant is in one report and no more, whatever the clocks of the time zone do (`windows`).
- A window is started once, however many workers look: its run, its job and the step to the next window are one change.
- Nothing is skipped: after an outage or a pause every window is made up for, in order, a bounded number at a time.
- A report that failed is tried again, a bounded number of times, and is seen to have failed afterwards.
- Events that came too late for a report are found and corrected for as long as the schedule says; a correction never
  overwrites what was delivered before (`keys`).
- What cannot go on, because its owner or their right is gone, is paused, and says why.

`request` reads what is asked for with the code of `reports`, and `orders` makes each report from the same body, as if a
user had sent it. `late` decides, as pure functions, when to look for late events and when to correct.
"""

from footfall.schedules.scheduler import Scheduler
from footfall.schedules.service import Schedules, ScheduleShown, SchedulesPage, ShownRun

__all__ = [
    "ScheduleShown",
    "Scheduler",
    "Schedules",
    "SchedulesPage",
    "ShownRun",
]
