"""Quarantine: events that broke the tracking plan are held, examined, and released when a better plan accepts them.

**The way of an event.** With `plan_mode = "quarantine"` a request's good events go the way of all events. A line for
each bad one, with the reason and who sent it, is made durable in the same commit of the journal (`hold_refused`), and
loaded into the table `quarantine`. There it is *held* until it is *released* into the events or *dropped*.

**Identity.** Batch and sequence name an event, here as among the events. A retry with an `Idempotency-Key` is the same
event, and is held once.

**States.** An event that is among the stored events counts as released, whatever its record says, because a request
may be sent again under a plan that accepts what an earlier plan did not, or the reverse. The statements that read
quarantine decide this, so that neither requests nor reports look anything up. What happens to an event in each state:

    state      refused again   taken when sent again   release    drop
    nowhere    held            stored                  -          -
    held       held            released                released   dropped
    dropped    dropped         released                dropped    dropped
    stored     released        stored                  stored     stored
    released   released        released                released   released

A change of state is another line in the journal, never a change in place. The table keeps the furthest
state of each event, so that lines may be loaded twice, late, and in any order, and so that the store can be rebuilt
from the archive with what was dropped still dropped. When its state changes, the record loses the event's content: the
event is stored now, or nobody wants it.

**Release.** The event keeps its batch, sequence and time of receipt, and is admitted now: reports that were started
before do not have it, reports that start later do. The event and its change of state are one commit, the event first.
After a crash between the two the event counts as released, because it is stored. An event that is released twice
counts once, because its identity is the same.

**SQL.** Each statement in `store/queries/quarantine_*.sql` is whole, so that it can be pasted into a client. The
selection and the states stand in several of them; a test keeps these parts equal.
"""

from footfall.quarantine.history import HistoryRange, HistoryResult, check_history, read_history
from footfall.quarantine.journal_lines import hold_refused
from footfall.quarantine.records import Broken, ChangeOutcome, Held, HeldGroup, Page
from footfall.quarantine.selection import START, Cursor, Selection, event_id
from footfall.quarantine.service import HeldCounter, Quarantine

__all__ = [
    "START",
    "Broken",
    "ChangeOutcome",
    "Cursor",
    "Held",
    "HeldCounter",
    "HeldGroup",
    "HistoryRange",
    "HistoryResult",
    "Page",
    "Quarantine",
    "Selection",
    "check_history",
    "event_id",
    "hold_refused",
    "read_history",
]
