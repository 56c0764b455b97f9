"""What an outbox raises."""


class OutboxError(Exception):
    """The outbox cannot do what it was asked for."""


class OutboxFull(OutboxError):
    """There is no room: the bound of the outbox is reached, or the disk is full. The events were not taken."""


class OutboxClosed(OutboxError):
    """The outbox was closed. The events were not taken."""


class OutboxBroken(OutboxError):
    """The file is no outbox, or it is damaged. The events were not taken."""
