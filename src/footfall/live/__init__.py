"""The live stream: events as they are accepted, told to those who listen, from the files of the node's journal.

A web process reads the segments of all web processes of its node, so that whoever listens sees every event that the
node takes. Nothing of `POST /events` knows of it: while nobody listens, nothing is read; and what reading, choosing and
telling take of the event loop's time is bounded (`service`).
"""

from footfall.live.listener import STOPPING, USER_CHANGED, Listener
from footfall.live.service import Live

__all__ = [
    "STOPPING",
    "USER_CHANGED",
    "Listener",
    "Live",
]
