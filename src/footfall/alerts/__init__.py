"""Alerts: messages to a webhook when something is wrong that people should hear of without asking.

**What is looked for** (`conditions`, pure): a customer or type that is usually there and is silent, a spike, a rise of
refusals, a store that is behind, schedules that failed. Silence and spikes compare the last hour with the same hours of
seven days (`activity`). One node looks at what all nodes share, each at its own refusals and its own lag.

**What is told** (`messages`): that an alert has begun, once, and that it has ended. What was told stands in a file of
the node (`book`), with the messages that wait, so that a restart neither repeats nor loses one. A receiver may still
get a message twice (an answer may be lost) and knows it by its id; the alert itself by its key.

**The receiver is not trusted with our time and memory** (`sender`): one message at a time, bounded in seconds and
bytes, without redirects, tried again after growing pauses for a day; the messages that wait are bounded. A person may
try it with a message that tells of no alert (`trial`).
"""

from footfall.alerts.trial import ReceiverAnswer, try_receiver
from footfall.alerts.watch import AlertWatch, Sources

__all__ = ["AlertWatch", "ReceiverAnswer", "Sources", "try_receiver"]
