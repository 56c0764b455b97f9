"""What the API asks of reports: start, list, find and end them, link to their files, and download by the link."""

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence

from msgspec import UNSET, Struct, structs
from obstore.exceptions import BaseError

from footfall.accounts import may_see
from footfall.errors import Code, RequestRefused
from footfall.files import Files, FilesAway, FilesFailed
from footfall.reports import request, status
from footfall.reports.files import Destinations, Spot, link_opens, remove_files, sign_link
from footfall.reports.request import parse_report_request
from footfall.reports.status import job_id, media_type, source
from footfall.settings import Settings
from footfall.state import Job, JobStatus, State, TooManyJobs, User
from footfall.system.clock import Clock
from footfall.validation import Codes

log = logging.getLogger(__name__)

# When it makes sense to ask again for a file that cannot be reached.
FILES_AWAY_RETRY_S = 10
# The reason of a report that its owner has ended.
CANCELLED = "cancelled"
# Reports that are read at once for a page of the list: with the longest filters, 10 MB.
LISTED_AT_ONCE_MAX = 51
# Seconds after which a user who has too many reports may try again: nobody knows when one is removed.
RETRY_FULL_S = 60


class ReportsPage(Struct, frozen=True):
    """A page of reports, and where the next begins; None on the last."""

    jobs: list[Job]
    next: str | None


class Download(Struct, frozen=True, kw_only=True):
    """A finished report's file; `size` is in bytes, `etag` is quoted.

    `location` is a URL of the object store itself, which serves the file for a short time; None where there is none.
    """

    size: int
    etag: str
    media_type: str
    file_name: str
    path: str
    files: Files
    location: str | None = None

    def stream(self, start: int, end: int) -> AsyncGenerator[bytes]:
        """The file's bytes from `start` up to but without `end`. Whoever leaves off must close it."""
        return self.files.read(self.path, start, end)


class Reports:
    """The desk where reports are ordered and handed out; a worker makes them.

    `codes` knows which customers and products there are; with None nobody is asked, and all count as known.
    """

    def __init__(
        self,
        state: State,
        settings: Settings,
        clock: Clock,
        files: Files,
        codes: Codes | None = None,
    ) -> None:
        self._state = state
        self._settings = settings
        self._clock = clock
        self._files = Destinations(settings, files)
        self._codes = codes

    async def start(self, user: User, body: bytes) -> Job:
        """Note down the report that a body asks for; it has every event that was acknowledged before.

        Raises RequestRefused: everything that is wrong with the body at once, that the customer is not the user's, or
        that the user has as many reports as they may.
        A customer, product or type that the plan does not know is none of this: there may be events from before it.
        One that the store does not know either is among the warnings, which the job keeps for its manifest.
        """
        job = await self.draft(user, body)
        try:
            await asyncio.to_thread(self._state.jobs.add, job, request.job_bounds(self._settings))
        except TooManyJobs as error:
            raise _too_many(error) from error
        return job

    async def draft(self, user: User, body: bytes, *, strict: bool = False) -> Job:
        """The report that a body asks for, without noting it down.

        Raises RequestRefused as `start` does, but for the number of reports; where it is strict, also for what would
        be a warning of the body's own.
        """
        wanted = parse_report_request(body, self._settings, strict=strict)
        if not may_see(user, wanted.filter.customer):
            raise _not_theirs(wanted.filter.customer)
        if self._codes is not None:
            kinds = () if wanted.filter.types is UNSET else wanted.filter.types
            asked = wanted.filter
            strange = await self._codes.look(asked.customer, asked.product, kinds, account=user.account)
            wanted = structs.replace(wanted, slips=(*wanted.slips, *strange)[: self._settings.problems_max])
        started_ms = self._clock.now_ms()
        earlier = None if wanted.since is UNSET else await self._earlier(user, wanted.since)
        latest_ms = None
        if wanted.as_of is not UNSET and wanted.as_of > started_ms:
            latest_ms = max(started_ms, await asyncio.to_thread(self._latest_ms))
        return request.make_job(user, wanted, str(uuid.uuid4()), started_ms, earlier, latest_ms)

    async def list(self, user: User, given: Mapping[str, Sequence[str]]) -> ReportsPage:
        """A page of the user's reports, the newest first, but for those of customers whom they may see no longer.

        It has no more bytes than `reports_page_bytes_max`, but always a report where there is one. `given` are the
        parameters of the call; raises RequestRefused for what cannot be read.
        """
        wanted = status.parse_page(given, self._settings.reports_page_max)
        found: list[Job] = []
        bytes_left = self._settings.reports_page_bytes_max
        before, at_once = wanted.before, min(wanted.limit + 1, LISTED_AT_ONCE_MAX)
        while len(found) <= wanted.limit and bytes_left >= 0:
            jobs = await asyncio.to_thread(self._state.jobs.newest, user.account, at_once, before)
            visible = [job for job in jobs if may_see(user, job.filter.customer)]
            fitting, bytes_left = status.fitting(visible, bytes_left)
            found += visible[: fitting + 1]
            if len(jobs) < at_once or bytes_left < 0:
                break
            before = jobs[-1].started_ms, jobs[-1].id
        # Where the bytes were not enough, the last one found is one too many, unless there is no other.
        page = (found[:-1] if bytes_left < 0 and len(found) > 1 else found)[: wanted.limit]
        more = len(found) > len(page) or (bytes_left < 0 and len(jobs) > 1)
        return ReportsPage(page, status.page_cursor(page[-1]) if more else None)

    async def end(self, user: User, source: str) -> Job:
        """Cancel the report, or remove its file when it has ended; once more changes nothing. Raises RequestRefused."""
        job = await self.find(user, source)
        if job.status is JobStatus.RUNNING:
            now_ms = self._clock.now_ms()
            if await asyncio.to_thread(self._state.jobs.cancel, job.id, now_ms, CANCELLED):
                log.info("report %s was cancelled", job.id)
                return await self.find(user, source)
            job = await self.find(user, source)  # It has ended just now.
        if not job.removed:
            try:
                await asyncio.to_thread(remove_files, job, self._files, self._state, delivered=True)
            except (BaseError, OSError) as error:
                # Nobody gets it any more, and a worker removes it when it can.
                log.warning("report %s: its file cannot be removed now: %s", job.id, error)
        return await self.find(user, source)

    def manifest(self, job: Job) -> tuple[str, str]:
        """What is known of a complete report's file, as JSON, and the file's quoted etag; also when it has expired.

        Raises RequestRefused while the report runs, and for ever when there is none.
        """
        self._require_ended(job)
        _require_complete(job)
        if job.manifest is None:
            text = "the report was made before manifests were: start it again"
            raise RequestRefused(Code.EVENT_JOB_GET_FAILED, text)
        return job.manifest, f'"{job.sha256}"'

    def _latest_ms(self) -> int:
        """How late it is on the node that is the furthest ahead, as far as it told; watermarks are by that clock."""
        return max((node.seen_ms for node in self._state.nodes.all()), default=0)

    async def _earlier(self, user: User, since: str) -> Job:
        """The report since which another is asked for; raises RequestRefused."""
        try:
            return await self.find(user, since)
        except RequestRefused as error:
            raise request.refuse_request("output.since", "names no report of yours") from error

    async def find(self, user: User, source: str) -> Job:
        """This user's report. Raises RequestRefused, the same whether there is none or it is not theirs (any more)."""
        wanted = job_id(source)
        job = await asyncio.to_thread(self._state.jobs.get, wanted) if wanted else None
        if job is None or job.account != user.account or not may_see(user, job.filter.customer):
            raise _no_job()
        return job

    async def link(self, user: User, job: Job, base_url: str) -> str:
        """An absolute URL of the finished report's file, good without credentials for `link_ttl_s`.

        It ends before, when its owner is removed, has another password, or may see the customer no longer. Raises
        RequestRefused while the report runs, and for ever when it has no file.
        """
        self._require_ended(job)
        _require_file(job)
        await asyncio.to_thread(self._spot, job)
        secret = await asyncio.to_thread(self._state.secrets.get, "links")
        expires_ms = self._clock.now_ms() + self._settings.link_ttl_s * 1000
        token = sign_link(secret, user, source(job), job.file, expires_ms)
        return f"{base_url}/files/{source(job)}/{token}/{job.file}"

    async def download(self, source: str, token: str, name: str) -> Download:
        """The file behind a link.

        Raises RequestRefused: the link was forged, has expired, or stands on a right that is no more; or the file is
        gone.
        """
        job = await asyncio.to_thread(self._opened, source, token, name)
        if job is None:
            raise RequestRefused(Code.LINK_EXPIRED, "the link has expired or is not whole: ask for another one")
        _require_file(job)
        spot = await asyncio.to_thread(self._spot, job)
        location = await asyncio.to_thread(spot.files.link, spot.path, self._settings.presigned_ttl_s)
        return Download(
            size=job.bytes,
            etag=f'"{job.sha256}"',
            media_type=media_type(job),
            file_name=job.file,
            path=spot.path,
            files=spot.files,
            location=location,
        )

    def _opened(self, source: str, token: str, name: str) -> Job | None:
        """The report whose file a link opens now; None where it opens none, for whatever reason."""
        wanted = job_id(source)
        job = self._state.jobs.get(wanted) if wanted else None
        owner = None if job is None else self._state.users.with_account(job.account)
        if job is None or owner is None or not may_see(owner, job.filter.customer):
            return None
        now_ms = self._clock.now_ms()
        return job if link_opens(self._state.secrets.get("links"), owner, source, name, token, now_ms) else None

    def _require_ended(self, job: Job) -> None:
        if job.status is JobStatus.RUNNING:
            advice_s = status.retry_after_s(job, self._clock.now_ms())
            code = Code.EVENT_JOB_GET_FAILED_RUNNING
            raise RequestRefused(code, "the report is still running: ask for its availability first", (), advice_s)

    def _spot(self, job: Job) -> Spot:
        """Where the finished report's file is, as it was made. Raises RequestRefused."""
        try:
            spot = self._files.find(job)
        except FilesAway as error:
            log.warning("report %s: %s", job.id, error)
            raise RequestRefused(Code.SERVICE_UNAVAILABLE, error.reason, (), FILES_AWAY_RETRY_S) from error
        except FilesFailed as error:
            log.error("report %s: %s", job.id, error)
            raise RequestRefused(Code.EVENT_JOB_GET_FAILED, f"the report has no file: {error.reason}") from error
        if spot is None:
            log.error("report %s: its file is gone, or another is in its place", job.id)
            raise RequestRefused(Code.EVENT_JOB_GET_FAILED, "the report's file is gone: start the report again")
        return spot


def _require_file(job: Job) -> None:
    _require_complete(job)
    if job.expired:
        raise RequestRefused(Code.EVENT_JOB_GET_FAILED, "the report has expired: start it again")


def _require_complete(job: Job) -> None:
    if job.status is not JobStatus.COMPLETE:
        why = job.reason or f"it ended as {job.status}"
        raise RequestRefused(Code.EVENT_JOB_GET_FAILED, f"the report has no file: {why}")


def _no_job() -> RequestRefused:
    return RequestRefused(Code.EVENT_JOB_GET_FAILED_NO_JOB, "there is no such report")


def _too_many(error: TooManyJobs) -> RequestRefused:
    if error.status is JobStatus.RUNNING:
        have, advice_s = f"{error.most} reports that run", status.RETRY_MOST_S
        todo = "wait until one has ended, or cancel one with DELETE /reports/{source}"
    else:
        have, advice_s = f"{error.most} reports whose file is kept", RETRY_FULL_S
        todo = "remove old ones with DELETE /reports/{source}; GET /reports lists them"
    return RequestRefused(Code.REQUEST_RATE_LIMITED, f"you have {have}, and may have no more: {todo}", (), advice_s)


def _not_theirs(customer: str) -> RequestRefused:
    return RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, f"you may not see the customer {customer!r}")
