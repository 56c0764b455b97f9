"""A report's file: its name, its place, its removal, and links that open it without credentials until they expire."""

import base64
import hashlib
import hmac
import json
import logging
import re
from collections.abc import Iterator
from urllib.parse import quote

from msgspec import UNSET, Struct

from footfall.files import OWNER, Files, FilesFailed
from footfall.reports.selection import filter_customers, filter_products
from footfall.reports.status import media_type, utc_day
from footfall.settings import Settings
from footfall.settings.object_stores import Destination
from footfall.state import Job, State, User
from footfall.usage import EVERY
from footfall.wire import ReportFilter

log = logging.getLogger(__name__)

NAME_PART_CHARS_MAX = 60  # File systems take 255 bytes for the whole name.
# S3 takes 1,024 bytes for a key with the prefix of its destination, and file systems 255 for each part of it.
KEY_BYTES_MAX = 800
KEY_PART_BYTES_MAX = 200
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
# The end of an unfinished file's name in a folder.
_UNFINISHED = re.compile(r"#\d+$")


def file_name(job_id: str, wanted: ReportFilter, started_ms: int, suffix: str) -> str:
    """The name of a report's file, in ASCII, such as `footfall-BARCHART-PORTFOLIO-2019-10-14-0527e342.csv`.

    Several customers or products are counted: `footfall-3-customers-all-products-2019-10-14-0527e342.csv`.
    """
    customer = _name_part(filter_customers(wanted), "customers", is_one=wanted.customer is not UNSET)
    product = _name_part(filter_products(wanted), "products", is_one=wanted.product is not UNSET)
    return f"footfall-{customer}-{product}-{utc_day(started_ms)}-{job_id[:8]}.{suffix}"


def _name_part(names: tuple[str, ...], kind: str, *, is_one: bool) -> str:
    if not is_one and (EVERY in names or len(names) != 1):
        return f"all-{kind}" if EVERY in names else f"{len(names)}-{kind}"
    return _UNSAFE.sub("_", names[0])[:NAME_PART_CHARS_MAX]


def report_folder(job_id: str) -> str:
    """The folder of all files of a report."""
    return job_id


def attempt_folder(job_id: str, attempt: int) -> str:
    """The folder of one claim's file: each claim has its own, so that none can touch what another has finished."""
    return f"{report_folder(job_id)}/{attempt}"


def attempt_path(job_id: str, attempt: int, name: str) -> str:
    """The path of the file of one claim; a finished report's file is that of its last claim."""
    return f"{attempt_folder(job_id, attempt)}/{name}"


def file_path(job: Job) -> str:
    """The path of a finished report's file."""
    return attempt_path(job.id, job.tries, job.file)


def key_problem(key: str) -> str | None:
    """Why a destination refuses a file with this key; None when it takes it. Such a key stays within its prefix."""
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


def takes_all(destination: Destination, wanted: ReportFilter) -> bool:
    """Whether a destination is for all customers of a filter; one that is for some is not for a `*`."""
    return all(map(destination.takes, filter_customers(wanted)))


class FileLocation(Struct, frozen=True):
    """Where a report's file is, or will be."""

    files: Files
    path: str


class Destinations:
    """The object stores of report files, all opened. Every method blocks, belongs on a thread, and raises FilesFailed.

    A report without a destination has a path for each claim. A report with a destination has the key that its user
    asked for, which other reports may use too: the last writer wins, as in any bucket. All attempts at one report write
    the same bytes, unless the plan was changed in between, so a late one does no harm. An object counts as the report's
    file only while its metadata name the report and its size is right.
    """

    def __init__(self, settings: Settings, files: Files) -> None:
        self._settings = settings
        self._files = files
        self._named = {name: Files(settings, name) for name in settings.destinations}

    def locate(self, job: Job) -> FileLocation:
        """Where the report's file is. Raises FilesFailed where its destination is no longer in the settings."""
        if job.destination is None:
            return FileLocation(self._files, file_path(job))
        files = self._named.get(job.destination)
        if files is None or job.destination_key is None:
            raise FilesFailed(f"the destination {job.destination!r} is no longer configured")
        return FileLocation(files, job.destination_key)

    def put(self, job: Job, blocks: Iterator[bytes]) -> int:
        """Write the report's file, as `Files.put` does. Raises FilesFailed where the destination refuses it."""
        location = self.locate(job)
        if job.destination is not None and not takes_all(self._settings.destinations[job.destination], job.filter):
            raise FilesFailed(f"the destination {job.destination!r} is no longer for this customer")
        attributes = {
            "Content-Type": media_type(job),
            "Content-Disposition": content_disposition(location.path.rpartition("/")[2]),
            OWNER: job.id,
        }
        return location.files.put(location.path, blocks, attributes)

    def find(self, job: Job) -> FileLocation | None:
        """Where the finished report's file is; None when it is gone, or another file is in its place."""
        location = self.locate(job)
        found = location.files.find(location.path)
        return location if found is not None and found.size == job.bytes and found.owner in (None, job.id) else None

    def is_configured(self, name: str) -> bool:
        """Whether the settings have this destination."""
        return name in self._named

    def discard(self, job: Job, attempt: int) -> None:
        """Remove what a claim has written to its folder, and unfinished files at its destination."""
        self._files.delete(attempt_folder(job.id, attempt))
        if job.destination in self._named:
            location = self.locate(job)
            location.files.sweep(location.path)

    def expire(self, job: Job) -> None:
        """Remove the files of an expired report, except the one at its destination, which belongs to others."""
        self._files.delete(report_folder(job.id))

    def remove(self, job: Job) -> None:
        """Remove all files of a report, at its destination too, unless the file there is another report's by now."""
        self.expire(job)
        if job.destination is None:
            return
        if job.destination not in self._named:
            log.warning("report %s: its destination %r is not configured: its file stays", job.id, job.destination)
        else:
            location = self.locate(job)
            found = location.files.find(location.path)
            # A folder keeps no owner: there the size has to do.
            if found is not None and (found.owner == job.id or (found.owner is None and found.size == job.bytes)):
                location.files.remove(location.path)


def remove_files(job: Job, files: Destinations, state: State, *, delivered: bool) -> None:
    """Remove an ended report's files, with `delivered` at its destination too. Blocks; raises what both raise.

    First links are closed, then the files go, then that is recorded. So no link leads to a missing file; and when the
    process dies in between, retention finds the job again.
    """
    state.jobs.expire(job.id)
    if delivered:
        files.remove(job)
    else:
        files.expire(job)
    state.jobs.record_removal(job.id)


def sign_link(secret: bytes, owner: User, source: str, name: str, expires_ms: int) -> str:
    """The token of a link to the file `name` of the report `source`: its time of expiry, and a signature.

    The signature also covers the owner's account and password stamp, so that a link ends when the owner is removed or
    has another password.
    """
    return f"{expires_ms}-{_signature(secret, owner, source, name, expires_ms)}"


def is_link_valid(secret: bytes, owner: User, source: str, name: str, token: str, now_ms: int) -> bool:
    """Whether the token was signed with this secret, for this file and this owner as they are, and has not expired."""
    expires, _, signature = token.partition("-")
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 16 and signature.isascii()):
        return False
    expected = _signature(secret, owner, source, name, int(expires))
    # Compare in constant time, and before the time is read: until then it may be forged.
    return hmac.compare_digest(expected, signature) and now_ms < int(expires)


def content_disposition(name: str) -> str:
    """The Content-Disposition of a download (RFC 6266): the name in ASCII for old clients, and whole."""
    plain = "".join(char if " " <= char <= "~" and char not in '"\\%' else "_" for char in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _signature(secret: bytes, owner: User, source: str, name: str, expires_ms: int) -> str:
    # JSON keeps the parts apart, whatever characters they have: no two files sign the same message.
    message = json.dumps([source, name, expires_ms, owner.account, owner.security_stamp]).encode()
    digest = hmac.digest(secret, message, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
