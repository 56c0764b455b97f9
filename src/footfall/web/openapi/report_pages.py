"""The manual's pages of the calls about reports and their files."""

from collections.abc import Mapping
from typing import Final

from footfall.reports import EstimateRequest, Manifest, ReportRequest
from footfall.web.openapi.texts import Documentation
from footfall.wire import ReportLink

_FILTER: Final = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "types": ["PORTFOLIO-APPLICATION-LOADED"],
    "start": 1568332800000,
    "end": 1571115600000,
}
EXAMPLE_JOB: Final = "0527e342-c92c-45ec-a3cf-fd93f87cb068"
EXAMPLE_TOKEN: Final = "1571074877278-NPvYrXxIk7u7GGQCYOOF4vuEuuVbVBivfZ3KFSzFYHY"  # noqa: S105 - an example
EXAMPLE_NAME: Final = "footfall-BARCHART-PORTFOLIO-2019-10-14-0527e342.csv"
_STATUS: Final = {
    "job": EXAMPLE_JOB,
    "source": f"JOB-{EXAMPLE_JOB}",
    "status": "RUNNING",
    "filter": _FILTER,
    "timing": {"day": "2019-10-14", "start": 1571073977278},
}
_COMPLETE: Final = {
    **_STATUS,
    "status": "COMPLETE",
    "timing": {"day": "2019-10-14", "start": 1571073977278, "end": 1571073977279},
}
_MANIFEST: Final = {
    "source": f"JOB-{EXAMPLE_JOB}",
    "footfall": "0.1.0",
    "filter": _FILTER,
    "basis": "event",
    "timezone": "UTC",
    "watermark": 1571073977278,
    "plan": "5293e32db8b0",
    "columns": [
        {"name": "timestamp", "meaning": "the time of the event", "type": "integer, milliseconds"},
        {"name": "type", "meaning": "the type of the event", "type": "text"},
        {"name": "userId", "meaning": "the key userId", "type": "text", "places": [{"position": 1}]},
    ],
    "rows": {"total": 20191, "byType": {"PORTFOLIO-APPLICATION-LOADED": 20191}},
    "timestamps": {"first": 1571029200004, "last": 1571073977001},
    "duplicates": {"mode": "keep", "found": 3},
    "late": {"afterMs": 86400000, "events": 0},
    "file": EXAMPLE_NAME,
    "format": "csv",
    "compression": "none",
    "delimiter": "|",
    "header": False,
    "bytes": 1568381,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
_CSV: Final = "1571073977001|PORTFOLIO-APPLICATION-LOADED|1234567|||||||||\n"
_STATUS_HEADERS: Final = {
    "Footfall-Progress": "How much of the report is made, from 0 to 1.",
    "Footfall-Rows": "Rows of the report's file so far.",
    "Footfall-Bytes": "Bytes of the report's file so far.",
    "Footfall-Duplicates": "How many of the report's events are duplicates, kept or dropped, when it is COMPLETE.",
    "Footfall-Warning": "What is unknown in the order, or may be meant otherwise; a comma parts one from the next.",
    "Footfall-Schedule": "The schedule that started the report, if any.",
    "Footfall-File": "`removed`, when the file of a COMPLETE report is not there any more.",
    "Footfall-Reason": "Why the report ended as TIMEOUT or FAILED.",
    "Retry-After": "Seconds until the next poll makes sense, while the report is RUNNING.",
}
_WAIT_QUERY: Final = {
    "wait": "Seconds for which the answer waits while the report is RUNNING, up to `report_wait_max_s`; 0 when left "
    "out.",
}
_WAIT_HEADERS: Final = {"Prefer": "`wait=SECONDS` means the same as the parameter `wait`, which has precedence."}
_WAIT_ANSWERS: Final = {"Preference-Applied": "`wait=SECONDS`, where `Prefer` was followed: for how long it may wait."}
_AT_STORE: Final = "The file's place in the object store, for a minute, in the header `Location`."
_FILE_HEADERS: Final = {
    "ETag": "Names the content: two equal tags are equal files.",
    "Content-Disposition": "The name under which to save the file.",
    "Accept-Ranges": "`bytes`: a broken download can be resumed.",
}

# Examples of the parameters that stand in paths.

REPORT_PAGES: Final[Mapping[tuple[str, str], Documentation]] = {
    ("POST", "/reports"): Documentation(
        "Starts a report and answers at once with its status. The report contains every event that was acknowledged "
        "before this call. Ask for its availability until it is COMPLETE, then for its link.",
        request=ReportRequest,
        request_example={"filter": _FILTER},
        answer_example=_STATUS,
        answers=_STATUS_HEADERS,
    ),
    ("GET", "/reports"): Documentation(
        "The user's own reports, the newest first: an array of their statuses. `schedule` names the schedule that "
        "started a report, if any, `reason` says why it is FAILED or TIMEOUT, and `file` is `removed` where the file "
        "is not there any more.",
        query={
            "limit": "Reports of a page, up to `reports_page_max`; 50 when left out.",
            "before": "Where the page begins; the `next` link of the page before has it.",
        },
        answer_example=[_COMPLETE],
        answers={"Link": 'The next page, `<URL>; rel="next"`; missing on the last one.'},
    ),
    ("POST", "/reports/estimate"): Documentation(
        "How many rows and bytes the file of a report would have, before anybody starts it: the body is that of "
        "`POST /reports`, and is refused for the same reasons. `rows` is what a report as of `watermark` has, for "
        "ever, where `exact` is true, and the most that it may have otherwise. `bytes` comes from a sample of the "
        "rows, and takes a compressed file for as well compressible as they are.",
        request=EstimateRequest,
        request_example={"filter": _FILTER},
        answer_example={"rows": 20811300, "bytes": 1805622901, "watermark": 1568381886312, "exact": False},
    ),
    ("GET", "/reports/{source}/availability"): Documentation(
        "The status of a report: RUNNING, COMPLETE, TIMEOUT or FAILED. With `wait`, the answer comes when the report "
        "has ended, or after so many seconds.",
        query=_WAIT_QUERY,
        headers=_WAIT_HEADERS,
        answer_example=_COMPLETE,
        answers={**_STATUS_HEADERS, **_WAIT_ANSWERS},
    ),
    ("GET", "/reports/{source}"): Documentation(
        "A link to the report's file, which works without a password for 15 minutes, or until its right ends. With "
        "`wait`, the answer comes when the report has ended, or after so many seconds.",
        query=_WAIT_QUERY,
        headers={
            **_WAIT_HEADERS,
            "Accept": "`application/json` for the link; the media type of the report, such as `text/csv`, to be "
            "redirected to it, so that `curl -L` downloads in one call.",
        },
        answer=ReportLink,
        answer_example={"link": f"https://events.example.com/files/JOB-{EXAMPLE_JOB}/{EXAMPLE_TOKEN}/{EXAMPLE_NAME}"},
        answers=_WAIT_ANSWERS,
        also={"307": "The link, in the header `Location`, where `Accept` asks for the file itself."},
    ),
    ("GET", "/reports/{source}/manifest"): Documentation(
        "What is known of a COMPLETE report's file, for programs that check what they have read: rows in all and by "
        "type, columns, watermark, size and hash. It can be had when the file has been removed, too.",
        answer=Manifest,
        answer_example=_MANIFEST,
        answers={"ETag": "That of the file."},
    ),
    ("DELETE", "/reports/{source}"): Documentation(
        "Cancels a report that is RUNNING: it ends at once as FAILED, with the reason `cancelled`. Of one that has "
        "ended the file is removed; its status stays. To do it again changes nothing.",
        answer_example={**_COMPLETE, "status": "FAILED"},
        answers=_STATUS_HEADERS,
    ),
    ("GET", "/files/{source}/{token}/{name}"): Documentation(
        "The report's file, by the link that the call above gave. No password is needed. Rows are events in the order "
        "of their time; the columns are `timestamp`, `type`, and one for each context key of the product.",
        headers={
            "Range": "One range of bytes, such as `bytes=1000-`.",
            "If-Range": "The `ETag` of the part that is there: the rest comes only while the file is the same.",
            "If-None-Match": "An `ETag`: the answer is 304 while the file is the same.",
        },
        answer=str,
        answer_example=_CSV,
        answer_type="text/csv",
        answers=_FILE_HEADERS,
        also={"206": "The range that was asked for.", "304": "The client has this very file.", "307": _AT_STORE},
    ),
}
