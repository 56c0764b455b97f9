"""What outboxes and clients raise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from footfall_client.answers import Problem


class OutboxError(Exception):
    """The outbox cannot do what it was asked for."""


class OutboxFull(OutboxError):
    """There is no room: the bound of the outbox is reached, or the disk is full. The events were not taken."""


class OutboxClosed(OutboxError):
    """The outbox was closed. The events were not taken."""


class OutboxBroken(OutboxError):
    """The file is no outbox, or it is damaged. The events were not taken."""


class ServiceError(Exception):
    """The service refused a request. `problems` are the places that it named, each with its reason."""

    def __init__(self, status: int, code: str, message: str, problems: Sequence[Problem] = ()) -> None:
        reasons = "; ".join(problem.reason for problem in problems[:3])
        super().__init__(f"{status} {code}: {message}" + (f" ({reasons})" if reasons else ""))
        self.status = status
        self.code = code
        self.message = message
        self.problems = tuple(problems)


class ReportFailed(Exception):
    """A report ended without a file, or was not ended in time."""


class DownloadDamaged(Exception):
    """The bytes of a file are not those that the service wrote. They were removed."""
