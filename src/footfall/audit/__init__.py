"""Who did what, when, from where and with which key: a log to which entries are only added.

What is written down before a call is answered: reads of reports and of single events, and every change of users, keys,
schedules, quarantine and links. When it cannot be written, the call is refused, or answered with an error when it has
had its effect; the log of the process then has the entry. Sign-ins do not wait for it. `POST /events` is not written
down, so that collecting does not slow.

Strangers can cause entries by failing to sign in, and users by asking for the same again and again. Both are bounded:
`Floods` adds up failures within a minute, and the same read by the same user counts once in a minute.

`footfall.state.audit` has the chain of hashes and its promise.
"""

from footfall.audit.chain import Verdict, entries, verify
from footfall.audit.event import AuditEvent
from footfall.audit.following import ChainBroken, ChainFollower
from footfall.audit.recorder import Audit, prune, write_down

__all__ = ["Audit", "AuditEvent", "ChainBroken", "ChainFollower", "Verdict", "entries", "prune", "verify", "write_down"]
