"""For how many seconds a store that gives nothing is waited for: each use by its own limit, not by the longest of all.

A store that hangs takes what it is sent and never answers. Its own limit of a statement does not end that.
"""

from footfall.settings import Settings

# Seconds that a statement may overrun its own limit before the connection is given up.
GRACE_S = 30
# Seconds of looks whose limit is no setting: those into quarantine, and those for late events.
_LOOK_S = 60
# Seconds after which a store that is asked about a statement has given no answer: nobody waits for it any longer.
_CONTROL_S = 5


class Waits:
    """The seconds of each use. They are few, because connections are kept for each: theirs is a read timeout."""

    def __init__(self, settings: Settings) -> None:
        self._limits_s = sorted(
            {
                settings.codes_timeout_s,
                settings.estimate_timeout_s,
                settings.receipt_timeout_s,
                settings.usage_timeout_s,
                settings.report_timeout_s,
                _LOOK_S,
            }
        )
        # Of what has no limit of its own.
        self.unlimited = settings.report_timeout_s + GRACE_S
        self.load = settings.store_load_timeout_s
        self.control = _CONTROL_S

    def read(self, limit_s: float) -> int:
        """For a statement with this limit, of which 0 is none; one in between counts as the next longer of a use."""
        if limit_s <= 0:
            return self.unlimited
        return next((known_s for known_s in self._limits_s if limit_s <= known_s), self._limits_s[-1]) + GRACE_S
