"""Destinations are allowed by name in the settings, take keys that stay within them, and keep their secrets."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import obstore
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from obstore.store import LocalStore, MemoryStore

from footfall.errors import RequestRefused
from footfall.files import Files
from footfall.reports import Destinations, files, report_status
from footfall.reports.request import parse_report_request
from footfall.settings import Settings
from footfall.settings.object_stores import OPTIONS, Destination, hide_secrets
from footfall.state import Job, JobStatus
from footfall.system.process import CannotServe
from footfall.wire import encode

LEAST = {"customer": "C", "product": "P"}
LAKE = Destination(url="s3://lake", options={"secret_access_key": "geheim"})
SETTINGS = Settings(destinations={"lake": LAKE, "theirs": Destination(url="s3://theirs", customers=("D",))})


def problems(**output: Any) -> list[str]:
    body = json.dumps({"filter": LEAST, "output": output}).encode()
    try:
        parse_report_request(body, SETTINGS)
    except RequestRefused as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.fixture
def folder(make_place: Any, tmp_path: Path) -> Any:
    """A place of reports with a folder as the destination `lake`."""
    return make_place(destinations={"lake": Destination(url=f"file://{tmp_path}/the lake")})


async def deliver(place: Any, **output: Any) -> Job:
    place.load([{"timestamp": 1}])
    job = await place.make(output={"bucketName": "lake", **output})
    assert isinstance(job, Job)
    return job


def test_only_names_in_the_settings_are_destinations() -> None:
    assert problems(bucketName="lake") == []
    assert problems(bucketName="lake", bucketKey="a/b.csv") == []
    for name in ("Lake", "s3://lake", "theirs", "lake/", "\x00"):
        assert problems(bucketName=name) == [f"output.bucketName: no destination named {name!r} is configured"]


def test_a_destination_may_be_for_some_customers_only() -> None:
    body = {"filter": LEAST | {"customer": "D"}, "output": {"bucketName": "theirs"}}
    assert parse_report_request(json.dumps(body).encode(), SETTINGS).bucket == "theirs"


@pytest.mark.parametrize(
    "key", ["a.csv", "usage/2025/october.csv", "a b+c%2F..é😀.csv", "...", "~", "x" * 200, "-", "a#b"]
)
def test_keys_within_a_destination_are_taken(key: str) -> None:
    assert problems(bucketName="lake", bucketKey=key) == []


@pytest.mark.parametrize(
    "key",
    [
        *("/a", "a/", "a//b", "..", "a/../b", "./a", ".", "a\nb", "a\0", "a\x7f", "a\u2028b"),
        *("x" * 201, "é" * 101, "/".join(["x" * 199] * 5), "a#1", "a#1/b"),
    ],
)
def test_other_keys_are_refused(key: str) -> None:
    (problem,) = problems(bucketName="lake", bucketKey=key)
    assert problem.startswith("output.bucketKey: must ")


@given(st.text(min_size=1) | st.lists(st.sampled_from(["a", "..", ".", "", "%2e%2e", "\\", "#1"])).map("/".join))
def test_whatever_key_is_taken_the_library_takes_as_it_is(key: str) -> None:
    if not key or files.key_problem(key) is not None:
        return
    store = MemoryStore()
    obstore.put(store, key, b"")
    assert [item["path"] for batch in obstore.list(store) for item in batch] == [key]


async def test_a_delivered_report_is_at_its_key_and_nowhere_else(folder: Any, tmp_path: Path) -> None:
    job = await deliver(folder, bucketKey="usage/october.csv")
    assert job.status is JobStatus.COMPLETE, job.reason
    assert (tmp_path / "the lake/usage/october.csv").read_bytes() == b"1|T|a\n"
    assert folder.stored() == []
    link = await folder.desk.link(folder.user, job, "http://localhost")
    assert link.startswith(f"http://localhost/files/JOB-{job.id}/")
    assert await folder.read(job) == b"1|T|a\n"


async def test_the_status_echoes_what_was_sent_of_it_in_the_order_of_the_wire(folder: Any) -> None:
    def output(job: Job) -> bytes:
        return encode(report_status(job).output)

    sent = {"bucketKey": "a.csv", "header": True, "delimiter": ";"}
    assert output(await deliver(folder, **sent)) == b'{"delimiter":";","bucketName":"lake","bucketKey":"a.csv"}'
    assert output(await deliver(folder)) == b'{"bucketName":"lake"}'


async def test_expiry_leaves_what_was_delivered_and_removal_does_not(folder: Any, tmp_path: Path) -> None:
    job = await deliver(folder, bucketKey="a.csv")
    folder.clock.ms += 31 * 86_400_000
    async with folder.running():
        await folder.seen(job, lambda job: job.expired)
    assert (tmp_path / "the lake/a.csv").exists()
    folder.destinations.remove(job)
    assert not (tmp_path / "the lake/a.csv").exists()
    folder.destinations.remove(job)


async def test_a_destination_that_was_taken_out_of_the_settings(folder: Any) -> None:
    job = await deliver(folder)
    Destinations(Settings(data_dir=folder.settings.data_dir), folder.files).remove(job)
    lake = structs.replace(folder.settings.destinations["lake"], customers=("D",))

    async def make(**destinations: Destination) -> str | None:
        settings = Settings(data_dir=folder.settings.data_dir, destinations=destinations)
        late = await folder.order(output={"bucketName": "lake"})
        async with folder.running(folder.runner(settings=settings)):
            ended = await folder.ended(late)
        assert ended.status is JobStatus.FAILED
        return str(ended.reason)

    assert await make() == "the destination 'lake' is no longer configured"
    assert await make(lake=lake) == "the destination 'lake' is no longer for this customer"


def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"in the way")
    with pytest.raises(CannotServe, match="the destination 'lake' cannot be opened"):
        Files(Settings(destinations={"lake": Destination(url=f"file://{tmp_path}/x/y")}), "lake")


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("s3://lake", {"access_key_id": "geheim"}),
        ("gs://lake", {"service_account_key": "geheim"}),
        ("az://lake", {"account_name": "a", "account_key": "no base64: geheim"}),
        ("s3://lake", {"timeout": "soon"}),
    ],
)
def test_options_that_cannot_be_meant_stop_the_start_in_a_line_without_secrets(url: str, options: Any) -> None:
    settings = Settings(destinations={"lake": Destination(url=url, options=options)})
    with pytest.raises(CannotServe) as caught:
        Destinations(settings, Files(Settings(files_url="s3://lake")))
    assert str(caught.value).startswith("the destination 'lake' cannot be opened: ")
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)


GOOD = {
    "s3_express": "false",
    "imdsv1_fallback": "true",
    "checksum_algorithm": "sha256",
    "server_side_encryption": "AES256",
    "proxy_url": "http://proxy:3128",
    "pool_max_idle_per_host": "5",
    "connect_timeout": "5s",
    "read_timeout": "5s",
    "pool_idle_timeout": "5s",
    "timeout": "5s",
    "credential_type": "auto",
    "endpoint": "http://localhost:9",
    "authority_host": "http://localhost:9",
    "base_url": "http://localhost:9",
    "sas_key": "sv=1&sig=x",
}
TOGETHER = {"access_key_id": {"secret_access_key": "x"}, "secret_access_key": {"access_key_id": "x"}}
NEED_FILES = {"root_certificate", "proxy_ca_certificate", "service_account", "service_account_key"}
NEED_FILES |= {"application_credentials", "encryption_key"}
EVERY = [(scheme, name) for scheme, names in OPTIONS.items() for name in sorted(names - NEED_FILES)]


@pytest.mark.parametrize(("scheme", "name"), EVERY)
def test_the_library_knows_every_option(scheme: str, name: str) -> None:
    options: dict[str, Any] = {"account_name": "x"} if scheme == "az" else {}
    options |= {name: GOOD.get(name, "true")} | TOGETHER.get(name, {})
    Files(Settings(destinations={"lake": Destination(url=f"{scheme}://lake", options=options)}), "lake")


def test_what_is_not_known_to_be_harmless_is_hidden() -> None:
    options: dict[str, Any] = {name: "geheim" for names in OPTIONS.values() for name in names}
    shown = hide_secrets(options)
    for name in shown:
        if any(word in name for word in ("key", "token", "secret", "credentials", "proxy_url")):
            assert shown[name] == "***" or name == "sse_bucket_key_enabled"
    assert "geheim" not in repr(SETTINGS) + repr(LAKE) + repr(hide_secrets({"lake": LAKE}))


def test_a_folder_of_the_local_library_is_what_a_url_means(tmp_path: Path) -> None:
    url = (tmp_path / "a b%").as_uri()
    Files(Settings(files_url=url)).put("x", iter([b"1"]))
    assert obstore.get(LocalStore(tmp_path / "a b%"), "x").bytes() == b"1"


@pytest.mark.parametrize(
    ("options", "signed"),
    [
        ({"account_key": "a2V5"}, True),
        ({"sas_key": "sv=1&sig=geheim"}, False),
        ({"account_key": "a2V5", "skip_signature": True}, False),
    ],
)
def test_azure_signs_links_where_it_has_the_key_for_it(options: Any, signed: bool) -> None:
    lake = Destination(url="az://lake/usage", options={"account_name": "acme", **options})
    link = Files(Settings(destinations={"lake": lake}), "lake").link("2025/october.csv", 900)
    assert (link is not None) is signed
    if link is not None:
        url = urlsplit(link)
        assert (url.netloc, url.path) == ("acme.blob.core.windows.net", "/lake/usage/2025/october.csv")
        times = {name: datetime.fromisoformat(parse_qs(url.query)[name][0]) for name in ("st", "se")}
        assert timedelta(seconds=900) <= times["se"] - times["st"] <= timedelta(seconds=960)
