"""Quarantine: events that broke the tracking plan are kept, looked at, and released when a better plan takes them.

**The way of an event.** With `plan_mode = "quarantine"` a request's good events go the way of all events. A line for
each bad one, with the reason and who sent it, is made durable in the same commit of the journal (`hold`), and loaded
into the table `quarantine`. There it is *held* until it is *released* into the events or *dropped*.

**Identity.** Batch and sequence name an event, here as among the events. A retry with an `Idempotency-Key` is the same
event, and is held once.

**States.** Being stored goes over everything: what is among the events is released, whatever its record says, because
a request may be sent again under a plan that takes what another held, or the reverse. That is settled when quarantine
is read, so that neither requests nor reports look anything up. What happens to an event in each state:

    state      refused again   taken when sent again   release    drop
    nowhere    held            stored                  -          -
    held       held            released                released   dropped
    dropped    dropped         released                dropped    dropped
    stored     released        stored                  stored     stored
    released   released        released                released   released

A change of state is another line in the journal, never a change in place. The table keeps the furthest
state of each event, so that lines may be loaded twice, late, and in any order, and so that the store can be rebuilt
from the archive with what was dropped still dropped. When its state changes, an event's content goes: it is among the
events now, or nobody wants it.

**Release.** The event keeps its batch, sequence and time of receipt, and is admitted now: it is missing from every
report that was started before, as it was then, and in every one that starts later. The event and its change of state
are one commit, events first. When a crash comes between the two, the event is released all the same, because it
is among the events; and released twice it counts once, because its identity is the same.

`Quarantine` is the desk for the API and the command line; `check_history` asks what a changed plan would have refused
of the events that are stored.
"""

from footfall.quarantine.history import History, HistoryResult, check_history
from footfall.quarantine.journal_lines import Sender, hold
from footfall.quarantine.records import Broken, Group, Held, Outcome, Page, Standing
from footfall.quarantine.selection import START, Cursor, Selection, identify
from footfall.quarantine.service import Quarantine

__all__ = [
    "START",
    "Broken",
    "Cursor",
    "Group",
    "Held",
    "History",
    "HistoryResult",
    "Outcome",
    "Page",
    "Quarantine",
    "Selection",
    "Sender",
    "Standing",
    "check_history",
    "hold",
    "identify",
]
