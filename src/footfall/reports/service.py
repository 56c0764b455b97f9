"""The service that the API calls for reports: start, list, find and end them, link to their files, download them."""

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence

import msgspec
from msgspec import UNSET, Struct, structs
from obstore.exceptions import BaseError

from footfall.errors import Code, RequestRefused
from footfall.files import Files, FilesAway, FilesFailed
from footfall.reports import request, status
from footfall.reports.files import Destinations, FileLocation, is_link_valid, remove_files, sign_link
from footfall.reports.request import parse_report_request
from footfall.reports.selection import asked_codes, may_see_report
from footfall.reports.status import job_id_of, media_type, report_source
from footfall.reports.waiting import EndWaits
from footfall.settings import Settings
from footfall.state import Job, JobStatus, State, TooManyJobs, User
from footfall.system.clock import Clock
from footfall.validation import CodeLookup
from footfall.wording import count_of

log = logging.getLogger(__name__)

# The Retry-After of an answer without the object store, in seconds.
FILES_AWAY_RETRY_S = 10
# The reason of a report that its user has cancelled.
CANCELLED = "cancelled"
# Reports that one query reads for a page of the list: 10 MB with the longest filters.
QUERY_REPORTS_MAX = 51
# The Retry-After for a user who has too many kept reports, in seconds: nobody knows when one is removed.
RETRY_FULL_S = 60


class ReportsPage(Struct, frozen=True):
    """A page of reports, and the cursor of the next page; None on the last."""

    jobs: list[Job]
    next: str | None


class Download(Struct, frozen=True, kw_only=True):
    """A finished report's file; `size` is in bytes, `etag` is quoted.

    `location` is a presigned URL of the object store; None where the service streams the file itself.
    """

    size: int
    etag: str
    media_type: str
    file_name: str
    path: str
    files: Files
    location: str | None = None

    def stream(self, start: int, end: int) -> AsyncGenerator[bytes]:
        """The file's bytes from `start` up to but without `end`. A caller that stops early must close it."""
        return self.files.read(self.path, start, end)


class Reports:
    """Starts reports, which a worker makes, and hands out their status and files.

    `codes` knows the customers, products and types that exist; without it all count as known.
    """

    def __init__(
        self,
        state: State,
        settings: Settings,
        clock: Clock,
        files: Files,
        codes: CodeLookup | None = None,
    ) -> None:
        self._state = state
        self._settings = settings
        self._clock = clock
        self._destinations = Destinations(settings, files)
        self._codes = codes
        self._waits = EndWaits(state.jobs, settings)

    def close(self) -> None:
        """Poll no more for the requests that wait."""
        self._waits.close()

    async def start(self, user: User, body: bytes) -> Job:
        """Record a job for the report that a body asks for; it has every event that was acknowledged before.

        Raises RequestRefused with everything that is wrong with the body, when the customer is not the user's, or when
        the user has as many reports as they may have. A customer, product or type that is not in the plan is no error,
        because there may be older events. When the store does not know it either, the job keeps a warning for the
        manifest.
        """
        job = await self.draft(user, body)
        try:
            await asyncio.to_thread(self._state.jobs.add, job, request.job_bounds(self._settings))
        except TooManyJobs as error:
            raise _too_many(error) from error
        return job

    async def draft(self, user: User, body: bytes, *, strict: bool = False) -> Job:
        """The job that `start` would record.

        Raises RequestRefused as `start` does, except for the number of reports; with `strict`, also for what `start`
        only warns of.
        """
        plan = self._codes.plan if self._codes else None
        wanted = parse_report_request(body, self._settings, plan, strict=strict)
        wanted = request.visible_request(user, wanted, self._settings)
        if self._codes is not None:
            unknown = await self._codes.find_unknown(asked_codes(wanted.filter), account=user.account)
            wanted = structs.replace(wanted, mistakes=(*wanted.mistakes, *unknown)[: self._settings.problems_max])
        started_ms = self._clock.now_ms()
        earlier = None if wanted.since is UNSET else await self._earlier(user, wanted.since)
        latest_ms = None
        if wanted.as_of is not UNSET and wanted.as_of > started_ms:
            latest_ms = max(started_ms, await asyncio.to_thread(self._latest_node_ms))
        return request.make_job(user, wanted, str(uuid.uuid4()), started_ms, earlier, latest_ms)

    async def list(self, user: User, given: Mapping[str, Sequence[str]]) -> ReportsPage:
        """A page of the user's reports, the newest first, without those of customers that they may no longer see.

        It has at most `reports_page_bytes_max` bytes, but at least one report where there is one. `given` are the
        parameters of the call; raises RequestRefused when they are wrong.
        """
        wanted = status.parse_page(given, self._settings.reports_page_max)
        found: list[Job] = []
        bytes_left = self._settings.reports_page_bytes_max
        before, at_once = wanted.before, min(wanted.limit + 1, QUERY_REPORTS_MAX)
        while len(found) <= wanted.limit and bytes_left >= 0:
            jobs = await asyncio.to_thread(self._state.jobs.newest, user.account, at_once, before)
            visible = [job for job in jobs if may_see_report(user, job.filter)]
            fitting, bytes_left = status.count_fitting(visible, bytes_left)
            found += visible[: fitting + 1]
            if len(jobs) < at_once or bytes_left < 0:
                break
            before = jobs[-1].started_ms, jobs[-1].id
        # Where the bytes ran out, the last report does not fit; it stays only as the first of its page.
        page = (found[:-1] if bytes_left < 0 and len(found) > 1 else found)[: wanted.limit]
        more = len(found) > len(page) or (bytes_left < 0 and len(jobs) > 1)
        return ReportsPage(page, status.page_cursor(page[-1]) if more else None)

    async def end(self, user: User, source: str) -> Job:
        """Cancel a running report, or remove the files of one that has ended. Idempotent. Raises RequestRefused."""
        job = await self.find(user, source)
        if job.status is JobStatus.RUNNING:
            now_ms = self._clock.now_ms()
            if await asyncio.to_thread(self._state.jobs.cancel, job.id, now_ms, CANCELLED):
                log.info("report %s was cancelled", job.id)
                return await self.find(user, source)
            job = await self.find(user, source)  # It ended just now.
        if not job.removed:
            try:
                await asyncio.to_thread(remove_files, job, self._destinations, self._state, delivered=True)
            except (BaseError, OSError) as error:
                # Its links are closed, and a worker tries again later.
                log.warning("report %s: its file cannot be removed now: %s", job.id, error)
        return await self.find(user, source)

    def manifest(self, job: Job) -> tuple[str, str]:
        """A complete report's manifest as JSON, and its file's quoted etag; also when the file has expired.

        Where events of the report were erased it has `erased`, the time in ms, and another etag.

        Raises RequestRefused while the report runs, and when it failed.
        """
        self._require_ended(job)
        _require_complete(job)
        if job.manifest is None:
            text = "the report was made before manifests were: start it again"
            raise RequestRefused(Code.EVENT_JOB_GET_FAILED, text)
        if job.erased_ms is None:
            return job.manifest, f'"{job.sha256}"'
        told = msgspec.json.decode(job.manifest) | {"erased": job.erased_ms}
        return msgspec.json.encode(told).decode(), f'"{job.sha256}-erased"'

    def _latest_node_ms(self) -> int:
        """The latest time that any node recorded: a watermark may be as late as that."""
        return max((node.seen_ms for node in self._state.nodes.all()), default=0)

    async def _earlier(self, user: User, since: str) -> Job:
        """The report that `output.since` names; raises RequestRefused."""
        try:
            return await self.find(user, since)
        except RequestRefused as error:
            raise request.refuse_request("output.since", "names no report of yours") from error

    async def find(self, user: User, source: str) -> Job:
        """This user's report. Raises the same RequestRefused when it does not exist and when it is not the user's."""
        wanted = job_id_of(source)
        job = await asyncio.to_thread(self._state.jobs.get, wanted) if wanted else None
        if job is None or job.account != user.account or not may_see_report(user, job.filter):
            raise _no_job()
        return job

    async def wait(self, user: User, job: Job, most_s: float, answer_now: asyncio.Event | None = None) -> None:
        """Return when the report has ended, after `most_s` seconds or when `answer_now` is set.

        Raises RequestRefused when too many requests wait already. The report has to be found again, for the rights that
        the user has then.
        """
        await self._waits.wait(job.id, user.account, most_s, answer_now)

    async def link(self, user: User, job: Job, base_url: str) -> str:
        """An absolute URL of the finished report's file, which works without credentials for `link_ttl_s`.

        It ends earlier when its owner is removed, has another password, or may no longer see the customer. Raises
        RequestRefused while the report runs, and when it has no file.
        """
        self._require_ended(job)
        _require_file(job)
        await asyncio.to_thread(self._locate, job)
        secret = await asyncio.to_thread(self._state.secrets.get, "links")
        expires_ms = self._clock.now_ms() + self._settings.link_ttl_s * 1000
        token = sign_link(secret, user, report_source(job), job.file, expires_ms)
        return f"{base_url}/files/{report_source(job)}/{token}/{job.file}"

    async def download(self, source: str, token: str, name: str) -> Download:
        """The file behind a link.

        Raises RequestRefused when the link was forged or has expired, when its owner may no longer see the customer, or
        when the file is gone.
        """
        job = await asyncio.to_thread(self._job_of_link, source, token, name)
        if job is None:
            raise RequestRefused(Code.LINK_EXPIRED, "the link has expired or is not whole: ask for another one")
        _require_file(job)
        found = await asyncio.to_thread(self._locate, job)
        url = await asyncio.to_thread(found.files.link, found.path, self._settings.presigned_ttl_s)
        return Download(
            size=job.bytes,
            etag=f'"{job.sha256}"',
            media_type=media_type(job),
            file_name=job.file,
            path=found.path,
            files=found.files,
            location=url,
        )

    def _job_of_link(self, source: str, token: str, name: str) -> Job | None:
        """The report whose file a link opens now; None where it opens none."""
        wanted = job_id_of(source)
        job = self._state.jobs.get(wanted) if wanted else None
        owner = None if job is None else self._state.users.with_account(job.account)
        if job is None or owner is None or not may_see_report(owner, job.filter):
            return None
        now_ms = self._clock.now_ms()
        return job if is_link_valid(self._state.secrets.get("links"), owner, source, name, token, now_ms) else None

    def _require_ended(self, job: Job) -> None:
        if job.status is JobStatus.RUNNING:
            advice_s = status.retry_after_s(job, self._clock.now_ms())
            code = Code.EVENT_JOB_GET_FAILED_RUNNING
            raise RequestRefused(code, "the report is still running: ask for its availability first", (), advice_s)

    def _locate(self, job: Job) -> FileLocation:
        """Where the finished report's file is. Raises RequestRefused when it is gone or cannot be reached."""
        try:
            found = self._destinations.find(job)
        except FilesAway as error:
            log.warning("report %s: %s", job.id, error)
            raise RequestRefused(Code.SERVICE_UNAVAILABLE, error.reason, (), FILES_AWAY_RETRY_S) from error
        except FilesFailed as error:
            log.error("report %s: %s", job.id, error)
            raise RequestRefused(Code.EVENT_JOB_GET_FAILED, f"the report has no file: {error.reason}") from error
        if found is None:
            log.error("report %s: its file is gone, or another is in its place", job.id)
            raise RequestRefused(Code.EVENT_JOB_GET_FAILED, "the report's file is gone: start the report again")
        return found


def _require_file(job: Job) -> None:
    _require_complete(job)
    if job.erased_ms is not None:
        text = "the report has events of a person who was erased since: its file is gone, and the same cannot be made"
        raise RequestRefused(Code.EVENT_JOB_GET_FAILED, text)
    if job.expired:
        raise RequestRefused(Code.EVENT_JOB_GET_FAILED, "the report has expired: start it again")


def _require_complete(job: Job) -> None:
    if job.status is not JobStatus.COMPLETE:
        why = job.reason or f"it ended as {job.status}"
        raise RequestRefused(Code.EVENT_JOB_GET_FAILED, f"the report has no file: {why}")


def _no_job() -> RequestRefused:
    return RequestRefused(Code.EVENT_JOB_GET_FAILED_NO_JOB, "there is no such report")


def _too_many(error: TooManyJobs) -> RequestRefused:
    reports = count_of(error.most, "report")
    if error.status is JobStatus.RUNNING:
        have, advice_s = f"{reports} that {'runs' if error.most == 1 else 'run'}", status.RETRY_MAX_S
        todo = "wait until one has ended, or cancel one with DELETE /reports/{source}"
    else:
        have, advice_s = f"{reports} whose file is kept", RETRY_FULL_S
        todo = "remove old ones with DELETE /reports/{source}; GET /reports lists them"
    return RequestRefused(Code.REQUEST_RATE_LIMITED, f"you have {have}, and may have no more: {todo}", (), advice_s)
