"""Removes events that are past the time for which their product and type are kept (the setting `retention_rules`).

**The rule.** The first rule that takes an event's product and type says for how many days it stays, by the event's own
time. Days are whole ones in UTC: an event of Monday that stays for two days is gone when Thursday begins. So all views
lose the same events at the same moment, and a day is counted anew once.

**Cutoffs.** Each rule has a row in the state (`footfall.state.RetentionCutoff`), which says up to when its events are
past. It is raised as each day begins, and never lowered. When a rule is changed or dropped, its cutoff stays for what
was received until then, which is gone and must not come back; what is received later is under the rules of its time.

**What is past stays away.** The loader leaves out what comes later, by the filter that keeps erased persons away
(`footfall.tombstones`): late events, retries, segments that were put back, releases. A restore and a rebuild have the
same filter; the cutoffs are left beside backups.

**The work** (`expirer`) is a background task of each worker, in steps that are safe to repeat:

1. Each node cleans its own files (`node_files`), in slices with rests: the journal's sealed segments, the archive, what
   was set aside. A segment is read once, and then again when something in it is past.
2. One node cleans the store (`store_work`), once all nodes that are there filter what they load. What it is about to
   remove is written down first, so that after a `kill -9` the same days are counted anew. One statement removes what is
   past by all rules, because it writes whole months again.
3. Then it leaves the cutoffs beside the backups.
"""

from footfall.expiry.expirer import Expirer, ExpirerDependencies
from footfall.expiry.rules import RuleStatus, cutoffs_of, look_at_rules, until_of

__all__ = ["Expirer", "ExpirerDependencies", "RuleStatus", "cutoffs_of", "look_at_rules", "until_of"]
