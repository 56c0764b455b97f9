"""Where each report's file goes, is found, and is removed: the place of all files, or the report's destination."""

import logging
from collections.abc import Iterator

from msgspec import Struct

from footfall.reports import names
from footfall.reports.files import OWNER, Files, FilesFailed
from footfall.reports.status import media_type
from footfall.settings import Settings
from footfall.state import Job

log = logging.getLogger(__name__)


class Spot(Struct, frozen=True):
    """Where a report's file is, or will be."""

    files: Files
    path: str


class Destinations:
    """The places for files, all opened; everything blocks and belongs on a thread, and raises FilesFailed.

    A report without a destination has a path of its own, and a new one for every attempt. One with a destination has
    the path that was asked for, which others may use too: there the last writer wins, as in any bucket. The attempts
    of one report write the same bytes, so that a late one cannot spoil what another has finished (but for a plan that
    was changed in between), and what is there is taken for a report's file only while it says so and has its size.
    """

    def __init__(self, settings: Settings, files: Files) -> None:
        self._settings = settings
        self._files = files
        self._named = {name: Files(settings, name) for name in settings.destinations}

    def spot(self, job: Job) -> Spot:
        """Where the report's file is. Raises FilesFailed where its destination is no longer in the settings."""
        if job.destination is None:
            return Spot(self._files, names.file_path(job))
        files = self._named.get(job.destination)
        if files is None or job.destination_key is None:
            raise FilesFailed(f"the destination {job.destination!r} is no longer configured")
        return Spot(files, job.destination_key)

    def put(self, job: Job, blocks: Iterator[bytes]) -> int:
        """Write the report's file, as `Files.put` does, where the settings still let this customer's go."""
        spot = self.spot(job)
        if job.destination is not None and not self._settings.destinations[job.destination].takes(job.filter.customer):
            raise FilesFailed(f"the destination {job.destination!r} is no longer for this customer")
        kept = {
            "Content-Type": media_type(job),
            "Content-Disposition": names.disposition(spot.path.rpartition("/")[2]),
            OWNER: job.id,
        }
        return spot.files.put(spot.path, blocks, kept)

    def find(self, job: Job) -> Spot | None:
        """Where the finished report's file is, if it is there as it was made, and no other report's in its place."""
        spot = self.spot(job)
        found = spot.files.find(spot.path)
        return spot if found is not None and found.size == job.bytes and found.owner in (None, job.id) else None

    def discard(self, job: Job, attempt: int) -> None:
        """Remove what an attempt has left in the place of all report files, and half written at its destination."""
        self._files.delete(names.attempt_folder(job.id, attempt))
        if job.destination in self._named:
            spot = self.spot(job)
            spot.files.sweep(spot.path)

    def expire(self, job: Job) -> None:
        """Remove what is kept of a report that is past its days; what was delivered belongs to its destination."""
        self._files.delete(names.folder(job.id))

    def remove(self, job: Job) -> None:
        """Remove all that there is of a report, at its destination too, unless another's file is there by now."""
        self.expire(job)
        if job.destination is None:
            return
        if job.destination not in self._named:
            log.warning("report %s: its destination %r is not configured: its file stays", job.id, job.destination)
        else:
            spot = self.spot(job)
            found = spot.files.find(spot.path)
            # In a folder nothing but the size tells whose it is.
            if found is not None and (found.owner == job.id or (found.owner is None and found.size == job.bytes)):
                spot.files.remove(spot.path)
