"""Why lines are not in the journal."""


class JournalError(Exception):
    """The lines are not in the journal; trying again later may work."""


class JournalBusy(JournalError):
    """More bytes wait for the disk than may."""


class JournalFull(JournalError):
    """The disk has less free space than it must keep, the journal is as long as it may be, or a write was refused."""
