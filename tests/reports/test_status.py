"""What is said of a report, in its status and in headers."""

from typing import Any

import msgspec
import pytest

from footfall.reports import media_type, report_status, status_headers
from footfall.reports.files import file_name
from footfall.reports.status import Completed, Failed, TimedOut, final_status, progress_of, retry_after_s
from footfall.state import Job, JobStatus
from footfall.wire import ReportFilter, ReportOutput

ID = "0527e342-c92c-45ec-a3cf-fd93f87cb068"
FILTER = ReportFilter(
    customer="BARCHART",
    product="PORTFOLIO",
    types=("PORTFOLIO-APPLICATION-LOADED",),
    start=1571029200000,
    end=1571115600000,
)


def make_job(**changes: Any) -> Job:
    return Job(
        **(
            {
                "id": ID,
                "user": "ann",
                "account": "a",
                "filter": FILTER,
                "started_ms": 1571073977278,
                "watermark_ms": 1571073977278,
            }
            | changes
        )
    )


def test_the_status_has_the_keys_of_the_wire_in_their_order() -> None:
    job = make_job(status=JobStatus.COMPLETE, ended_ms=1571073977279, output=ReportOutput(delimiter=";"))
    assert msgspec.json.encode(report_status(job)) == (
        b'{"job":"0527e342-c92c-45ec-a3cf-fd93f87cb068","source":"JOB-0527e342-c92c-45ec-a3cf-fd93f87cb068",'
        b'"status":"COMPLETE","filter":{"customer":"BARCHART","product":"PORTFOLIO",'
        b'"types":["PORTFOLIO-APPLICATION-LOADED"],"start":1571029200000,"end":1571115600000},'
        b'"timing":{"day":"2019-10-14","start":1571073977278,"end":1571073977279},"output":{"delimiter":";"}}'
    )


def test_what_has_no_value_is_left_out_of_the_status() -> None:
    assert msgspec.json.encode(
        report_status(make_job(filter=ReportFilter(customer="C", product="P"), reason="x", file="f.csv"))
    ) == (
        b'{"job":"0527e342-c92c-45ec-a3cf-fd93f87cb068","source":"JOB-0527e342-c92c-45ec-a3cf-fd93f87cb068",'
        b'"status":"RUNNING","filter":{"customer":"C","product":"P"},'
        b'"timing":{"day":"2019-10-14","start":1571073977278}}'
    )


def test_a_destination_can_be_echoed() -> None:
    output = ReportOutput(bucketName="lake", bucketKey="a.csv")
    assert (
        msgspec.json.encode(report_status(make_job(output=output)).output)
        == b'{"bucketName":"lake","bucketKey":"a.csv"}'
    )


@pytest.mark.parametrize(
    ("start_ms", "day"),
    [(0, "1970-01-01"), (86_399_999, "1970-01-01"), (86_400_000, "1970-01-02"), (951_782_400_000, "2000-02-29")],
)
def test_the_day_is_that_of_the_start_in_utc(start_ms: int, day: str) -> None:
    assert report_status(make_job(started_ms=start_ms)).timing.day == day


def test_a_running_report_says_how_far_it_is_and_when_to_ask_again() -> None:
    job = make_job(rows=250, rows_total=1000, bytes=12345, progress=0.25)
    assert status_headers(job, job.started_ms + 20_000) == {
        "Footfall-Progress": "0.25",
        "Footfall-Rows": "250",
        "Footfall-Bytes": "12345",
        "Retry-After": "30",
    }


def test_an_ended_report_asks_nobody_to_come_back() -> None:
    job = make_job(status=JobStatus.COMPLETE, rows=0, bytes=0)
    assert status_headers(job, 0) == {"Footfall-Progress": "1", "Footfall-Rows": "0", "Footfall-Bytes": "0"}


@pytest.mark.parametrize("ending", [JobStatus.TIMEOUT, JobStatus.FAILED])
def test_a_report_without_a_file_says_why_in_a_header_that_any_proxy_takes(ending: JobStatus) -> None:
    said = status_headers(make_job(status=ending, reason="no\r\nSet-Cookie: ü " + "x" * 999), 0)
    assert said["Footfall-Reason"].startswith("no Set-Cookie: ? xxx")
    assert len(said["Footfall-Reason"]) == 300
    assert "Retry-After" not in said


@pytest.mark.parametrize(
    ("waited_ms", "done", "advice_s"),
    [
        (-5000, 0, 1),
        (0, 0, 1),
        (60_000, 0, 6),
        (9_999_999, 0, 30),
        (10_000, 0.5, 5),
        (10_000, 0.999, 1),
        (10_000, 1, 1),
        (10_000, 0.001, 30),
    ],
)
def test_the_advice_to_come_back_follows_the_pace(waited_ms: int, done: float, advice_s: int) -> None:
    job = make_job(progress=done)
    assert retry_after_s(job, job.started_ms + waited_ms) == advice_s


def test_progress_is_everything_only_at_the_end() -> None:
    assert progress_of(make_job()) == 0
    assert progress_of(make_job(progress=0.9999)) == 0.999
    assert status_headers(make_job(progress=1.0), 0)["Footfall-Progress"] == "0.999"
    assert progress_of(make_job(status=JobStatus.FAILED, progress=0.25)) == 0.25
    assert progress_of(make_job(status=JobStatus.COMPLETE, progress=0.25)) == 1


def test_each_outcome_ends_a_report_in_its_own_way() -> None:
    assert final_status(Completed(1, 2, "3")) is JobStatus.COMPLETE
    assert final_status(TimedOut("late")) is JobStatus.TIMEOUT
    assert final_status(Failed("broken")) is JobStatus.FAILED


def test_the_media_type_is_that_of_the_format() -> None:
    assert media_type(make_job()) == "text/csv"


@pytest.mark.parametrize(
    ("customer", "product", "name"),
    [
        ("BARCHART", "PORTFOLIO", "footfall-BARCHART-PORTFOLIO-2019-10-14-0527e342.csv"),
        ("../etc", "a b/ü\n", "footfall-.._etc-a_b_-2019-10-14-0527e342.csv"),
        ("x" * 200, "..", f"footfall-{'x' * 60}-..-2019-10-14-0527e342.csv"),
    ],
)
def test_a_file_has_a_telling_and_harmless_name(customer: str, product: str, name: str) -> None:
    assert file_name(ID, ReportFilter(customer=customer, product=product), 1571073977278, "csv") == name
