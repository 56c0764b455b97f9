"""A report's file: its name, its place, the link that opens it, and its removal."""

import base64
import hashlib
import hmac
import json
import logging
import re
from collections.abc import Iterator
from urllib.parse import quote

from msgspec import Struct

from footfall.files import OWNER, Files, FilesFailed
from footfall.reports.status import day, media_type
from footfall.settings import Settings
from footfall.state import Job, State, User
from footfall.wire import ReportFilter

# How a report's file is called, and where it is kept.


NAME_PART_CHARS_MAX = 60  # File systems take 255 bytes for the whole name.
# S3 takes 1,024 bytes for a key with the prefix of its destination, and file systems 255 for each part of it.
KEY_BYTES_MAX = 800
KEY_PART_BYTES_MAX = 200
_ODD = re.compile(r"[^A-Za-z0-9._-]+")
# The name of an unfinished file in a folder.
_UNFINISHED = re.compile(r"#\d+$")


def file_name(job_id: str, wanted: ReportFilter, started_ms: int, suffix: str) -> str:
    """A telling name in plain ASCII, such as `footfall-BARCHART-PORTFOLIO-2019-10-14-0527e342.csv`."""
    customer, product = (_ODD.sub("_", part)[:NAME_PART_CHARS_MAX] for part in (wanted.customer, wanted.product))
    return f"footfall-{customer}-{product}-{day(started_ms)}-{job_id[:8]}.{suffix}"


def report_folder(job_id: str) -> str:
    """Where all that belongs to a report is kept."""
    return job_id


def attempt_folder(job_id: str, attempt: int) -> str:
    """Each attempt writes to a folder of its own, so that none can touch what another has finished."""
    return f"{report_folder(job_id)}/{attempt}"


def attempt_path(job_id: str, attempt: int, name: str) -> str:
    """Where an attempt writes its file; a finished report's is the last attempt's."""
    return f"{attempt_folder(job_id, attempt)}/{name}"


def file_path(job: Job) -> str:
    """Where a finished report's file is."""
    return attempt_path(job.id, job.tries, job.file)


def key_problem(key: str) -> str | None:
    """Why a destination takes no file by this key; None when it does. A key that passes stays within its prefix."""
    parts = key.split("/")
    if key.startswith("/") or any(part in ("", ".", "..") for part in parts):
        return "must be a relative path such as usage/2025/october.csv, without empty parts, . and .."
    if not key.isprintable():
        return "must have printable characters only"
    if any(_UNFINISHED.search(part) for part in parts):
        return "must have no part that ends in # and digits"
    if len(key.encode()) > KEY_BYTES_MAX or any(len(part.encode()) > KEY_PART_BYTES_MAX for part in parts):
        return f"must have {KEY_BYTES_MAX} bytes at the most, and {KEY_PART_BYTES_MAX} between slashes"
    return None


def disposition(name: str) -> str:
    """A download under this name (RFC 6266): once in ASCII for old clients, once whole."""
    plain = "".join(char if " " <= char <= "~" and char not in '"\\%' else "_" for char in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


# Where each report's file goes, is found, and is removed: the place of all files, or the report's destination.


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
            return Spot(self._files, file_path(job))
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
            "Content-Disposition": disposition(spot.path.rpartition("/")[2]),
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
        self._files.delete(attempt_folder(job.id, attempt))
        if job.destination in self._named:
            spot = self.spot(job)
            spot.files.sweep(spot.path)

    def expire(self, job: Job) -> None:
        """Remove what is kept of a report that is past its days; what was delivered belongs to its destination."""
        self._files.delete(report_folder(job.id))

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


# Links that work without credentials until they expire: what they open stands in them, signed.
#
# A link stands on the account of the report's owner, and on the password that the owner had when it was made: with
# another account or another password its signature holds no more.


def sign_link(secret: bytes, owner: User, source: str, name: str, expires_ms: int) -> str:
    """The token of a link to the file `name` of the report `source`: the time at which it ends, and the signature."""
    return f"{expires_ms}-{_signature(secret, owner, source, name, expires_ms)}"


def link_opens(secret: bytes, owner: User, source: str, name: str, token: str, now_ms: int) -> bool:
    """Whether the token was made for this very file with this secret, while the owner was who they are, and is good."""
    expires, _, signature = token.partition("-")
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 16 and signature.isascii()):
        return False
    expected = _signature(secret, owner, source, name, int(expires))
    # Whether the signature holds is found out in constant time, and before anything is made of the time it covers.
    return hmac.compare_digest(expected, signature) and now_ms < int(expires)


def _signature(secret: bytes, owner: User, source: str, name: str, expires_ms: int) -> str:
    # As JSON, whatever characters an address brings, no two files sign the same text.
    message = json.dumps([source, name, expires_ms, owner.account, owner.security_stamp]).encode()
    digest = hmac.digest(secret, message, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


# Removing what is kept of a report, whoever wants it removed.


def remove_files(job: Job, files: Destinations, state: State, *, delivered: bool) -> None:
    """Remove an ended report's file, with `delivered` at its destination too. Blocks; raises what both raise.

    First it is handed out no more, then it goes, then that is recorded: so no link leads to a file that is missing, and
    should this end in between, retention finds the job again.
    """
    state.jobs.expire(job.id)
    if delivered:
        files.remove(job)
    else:
        files.expire(job)
    state.jobs.record_removal(job.id)
