"""The clients that ask the service: sending now, reports, statistics, blocking and awaited."""

import asyncio
import datetime as dt
import hashlib
import itertools
import time
from pathlib import Path

import httpx
import pyarrow as pa
import pytest
from footfall_client import (
    AsyncEventClient,
    AsyncReportClient,
    AsyncUsageClient,
    EventClient,
    EventsRefused,
    ReportClient,
    ReportFailed,
    ServiceError,
    Unreachable,
    UsageClient,
)
from footfall_client.downloads import save
from footfall_client.errors import DownloadDamaged
from hostile_proxy import hostile_proxy

AUTH = ("admin", "correct horse battery")
EVENT = {"customer": "BARCHART", "product": "PORTFOLIO", "type": "PORTFOLIO-ACCESSED"}
WANTED = ("BARCHART", "PORTFOLIO")
# Where the times of a test's events begin, so that its report has no others.
TIMES = itertools.count(1_400_000_000_000, 1_000_000_000)


@pytest.fixture
def start() -> int:
    return next(TIMES)


def events(start: int, count: int = 3) -> list[dict]:
    return [{**EVENT, "timestamp": start + each, "context": ["ada", f"p-{each}"]} for each in range(count)]


def test_events_are_sent_now(shared, start):
    with EventClient(shared.url, AUTH) as client:
        sent = client.send(events(start), key=f"key-{start}")
        again = client.send(events(start), key=f"key-{start}")
        assert (sent.events, sent.quarantined, again.batch) == (3, 0, sent.batch)
        assert [one["sequence"] for one in client.receipt(sent.batch)["events"]] == [1, 2, 3]
        assert client.send([]).batch is None


def test_refused_events_are_told(shared, start):
    wrong = [*events(start, 1), {**events(start, 1)[0], "context": ["ada"]}]
    with EventClient(shared.url) as client, pytest.raises(EventsRefused, match="takes 2") as caught:
        client.send(wrong)
    assert caught.value.code == "EVENT_NOT_IN_PLAN"
    assert {at: problem.path for at, problem in caught.value.refused.items()} == {1: "events[1].context"}


def test_a_bad_network_is_tried_again(shared, start):
    with hostile_proxy(shared.url, ("pass", "503", "cut after", "500"), seed=5) as proxy:
        with EventClient(proxy.url) as client:
            for each in range(3):
                client.send(events(start + 10 * each))
        assert len(proxy.keys) > len(proxy.bodies) == 3
    assert len(shared.report(customer=WANTED[0], product=WANTED[1], start=start, end=start + 99).splitlines()) == 9


def test_what_cannot_be_is_raised(shared):
    with pytest.raises(ServiceError) as caught:
        ReportClient(shared.url, ("admin", "wrong password")).start(*WANTED)
    assert (caught.value.status, caught.value.code) == (401, "REQUEST_UNAUTHORIZED")
    with pytest.raises(ServiceError, match="did you mean"):
        UsageClient(shared.url, AUTH).get("counts", custmer="BARCHART")
    with pytest.raises(Unreachable):
        ReportClient("http://127.0.0.1:9", AUTH).start(*WANTED)
    with ReportClient(shared.url, AUTH) as client:
        made = client.start(*WANTED)
        client.end(made.source)
        with pytest.raises(ReportFailed, match="cancelled"):
            client.wait(made.source)


def test_a_report_is_started_waited_for_and_downloaded(shared, start, tmp_path):
    EventClient(shared.url).send(events(start))
    seen, loaded = [], []
    with ReportClient(shared.url, AUTH) as client:
        first = dt.datetime.fromtimestamp(start / 1000, dt.UTC)
        made = client.start(*WANTED, types=["PORTFOLIO-ACCESSED"], start=first, end=start + 2)
        report = client.wait(made.source, on_progress=seen.append)
        assert (report.status, report.progress, report.rows) == ("COMPLETE", 1.0, 3)
        assert seen[-1] == report
        path = client.download(made.source, tmp_path, on_bytes=lambda there, size: loaded.append((there, size)))
        content = httpx.get(client.link(made.source)).content
        assert client.manifest(made.source)["rows"]["total"] == 3
    assert path.read_bytes() == content
    assert content.startswith(b"timestamp|type|userId|portfolioId")
    assert loaded[-1] == (len(content), len(content))
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def long_report(service, start: int, client: ReportClient) -> str:
    for each in range(5):
        EventClient(service.url).send(events(start + each * 10_000, 5_000))
    made = client.start(*WANTED, start=start, end=start + 99_999)
    client.wait(made.source)
    return client.link(made.source)


def test_a_broken_download_goes_on_and_is_checked(shared, start, tmp_path):
    with ReportClient(shared.url, AUTH) as client:
        link = long_report(shared, start, client)
        content = httpx.get(link).content
        place = tmp_path / "report.csv"
        with hostile_proxy(shared.url, ("half an answer", "half an answer", "pass"), seed=2) as proxy:
            there = link.replace(shared.url, proxy.url)
            client.run(save(there, place))
            assert proxy.met["half an answer"] > 0
        assert place.read_bytes() == content
        # Half a file of an earlier run is gone on from; one that is not of this file is noticed.
        part = tmp_path / f"report.csv.{hashlib.sha256(content).hexdigest()[:16]}.part"
        part.write_bytes(content[:1000])
        sizes = []
        client.run(save(link, place, lambda there, _size: sizes.append(there)))
        assert place.read_bytes() == content
        part.write_bytes(b"x" * 1000)
        with pytest.raises(DownloadDamaged):
            client.run(save(link, place))
        assert not part.exists()
        assert place.read_bytes() == content


def test_a_report_is_a_frame_with_the_right_types(shared, start):
    EventClient(shared.url).send(events(start))
    chosen = {"start": start, "end": start + 2}
    with ReportClient(shared.url, AUTH) as client:
        table = client.arrow(*WANTED, **chosen)
        pandas_frame = client.pandas(*WANTED, **chosen)
        polars_frame = client.polars(*WANTED, **chosen)
    assert table.schema.field("timestamp").type == pa.timestamp("ms", "UTC")
    assert str(pandas_frame["timestamp"].dtype) == "datetime64[ms, UTC]"
    assert str(polars_frame["timestamp"].dtype) == "Datetime(time_unit='ms', time_zone='UTC')"
    for column in (
        table["portfolioId"].to_pylist(),
        list(pandas_frame["portfolioId"]),
        list(polars_frame["portfolioId"]),
    ):
        assert column == ["p-0", "p-1", "p-2"]


def test_statistics_are_json_and_frames(shared, start):
    EventClient(shared.url).send(events(start))
    chosen = {"customer": "BARCHART", "product": "PORTFOLIO", "start": start, "end": start + 2, "fill": True}
    with UsageClient(shared.url, AUTH) as client:
        while client.get("counts", **chosen)["total"]["events"] < 3:  # until they are in the store
            time.sleep(0.2)
        answer = client.get("counts", **chosen, where=["userId:is:ada", "portfolioId:is not:p-1"])
        assert answer["total"]["events"] == 2
        for frame in (client.pandas("counts", **chosen), client.polars("counts", **chosen)):
            assert int(frame["events"].sum()) == 3
        assert client.arrow("counts", **chosen).num_rows == 1
        assert "events" in str(client.definitions())
        assert "PORTFOLIO" in client.plan()["products"]


def test_the_same_calls_can_be_awaited(shared, start, tmp_path):
    async def ask() -> tuple[Path, int, int]:
        async with AsyncEventClient(shared.url, AUTH) as client:
            sent = await asyncio.gather(*(client.send(events(start + 10 * each)) for each in range(4)))
            assert len({one.batch for one in sent}) == 4
        async with AsyncReportClient(shared.url, AUTH) as client:
            made = await client.start(*WANTED, start=start, end=start + 99)
            await client.wait(made.source)
            path = await client.download(made.source, tmp_path / "report.csv")
            frame = await client.polars(*WANTED, start=start, end=start + 99)
        async with AsyncUsageClient(shared.url, AUTH) as client:
            chosen = {"customer": "BARCHART", "product": "PORTFOLIO", "start": start, "end": start + 99}
            counts = await client.get("counts", **chosen)
            while counts["total"]["events"] < 12:  # until they are in the store
                await asyncio.sleep(0.2)
                counts = await client.get("counts", **chosen)
        with pytest.raises(Unreachable):
            await AsyncUsageClient("http://127.0.0.1:9").definitions()
        return path, len(frame), counts["total"]["events"]

    path, rows, counted = asyncio.run(ask())
    assert len(path.read_text().splitlines()) == 13
    assert (rows, counted) == (12, 12)
