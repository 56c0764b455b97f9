"""End to end with an object store: what the settings name, the processes reach; and no secret is seen on the way."""

import json
import os
import subprocess
import sys

import httpx
import pytest
from s3 import BUCKET, S3, SECRET

EVENT = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-APPLICATION-LOADED",
    "timestamp": 1568381886060,
    "context": ["string"],
}
ROW = "1568381886060|PORTFOLIO-APPLICATION-LOADED|string" + "|" * 9 + "\n"
FILTER = {"customer": "BARCHART", "product": "PORTFOLIO"}


@pytest.fixture
def s3():
    server = S3()
    yield server
    server.close()


def test_reports_are_kept_and_delivered_there(serve, s3):
    options = s3.options()
    lake = {"url": f"s3://{BUCKET}/lake", "options": options, "customers": ["BARCHART"]}
    service = serve(
        files_url=f"s3://{BUCKET}/kept",
        files_options=json.dumps(options),
        destinations=json.dumps({"lake": lake}),
    )
    service.post([EVENT]).raise_for_status()
    for output, key in (({}, ""), ({"bucketName": "lake", "bucketKey": "usage/a.csv"}, "/lake/usage/a.csv")):
        answer = service.client.post("/reports", json={"filter": FILTER, "output": output}).raise_for_status()
        done = service.wait(answer.json()["source"])
        assert done["status"] == "COMPLETE", done
        assert done.get("output", {}) == output
        link = service.client.get(f"/reports/{done['source']}").json()["link"]
        asked = {"range": "bytes=0-9"}
        redirect = httpx.get(link, headers=asked)
        assert (redirect.status_code, redirect.headers["cache-control"]) == (307, "no-store")
        assert redirect.headers["location"].startswith(f"{s3.url}/{BUCKET}{key or '/kept/' + done['job']}")
        part = httpx.get(link, headers=asked, follow_redirects=True)
        assert (part.status_code, part.text) == (206, ROW[:10])
        head = httpx.head(link)
        assert (head.status_code, head.headers["content-length"]) == (200, str(len(ROW)))
        asked = {"accept": "text/csv"}
        jumped = service.client.get(f"/reports/{done['source']}", headers=asked, follow_redirects=True, auth=None)
        assert jumped.status_code == 401
        jump = service.client.get(f"/reports/{done['source']}", headers=asked)
        assert (jump.status_code, httpx.get(jump.headers["location"], follow_redirects=True).text) == (307, ROW)
    theirs = {"filter": FILTER | {"customer": "TGAM"}, "output": {"bucketName": "lake"}}
    refused = service.client.post("/reports", json=theirs)
    assert (refused.status_code, "no destination named 'lake'" in refused.text) == (400, True)
    assert service.stop() == 0
    assert SECRET not in (service.folder / "log").read_text()
    assert len(s3.keys()) == 2


@pytest.mark.parametrize(
    ("destination", "status", "line"),
    [
        ({"url": "ftp://lake"}, 78, "FOOTFALL_DESTINATIONS.lake: url: expected file:///path, s3://bucket/prefix"),
        ({}, 78, "FOOTFALL_DESTINATIONS.lake: Object missing required field `url`"),
        (
            {"url": "gs://lake", "options": {"service_account_key": "geheim"}},
            78,
            "the destination 'lake' cannot be opened: Generic GCS error: GCP credential error",
        ),
    ],
)
def test_a_destination_that_cannot_be_meant_stops_the_start(tmp_path, destination, status, line):
    environment = os.environ | {"FOOTFALL_DESTINATIONS": json.dumps({"lake": destination})}
    for command in ("serve", "worker", "web"):
        ended = subprocess.run(
            [sys.executable, "-m", "footfall", command, "--data-dir", str(tmp_path)],
            env=environment | {"FOOTFALL_PORT": "0"} if command != "worker" else environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == status, ended.stderr
        assert ended.stderr.splitlines()[-1].startswith(f"Error: {line}")
        assert "Traceback" not in ended.stderr
        assert "geheim" not in ended.stdout + ended.stderr


def test_the_command_shows_settings_without_secrets(tmp_path):
    lake = {"url": "s3://lake", "options": {"secret_access_key": "geheim", "region": "eu"}}
    environment = os.environ | {"FOOTFALL_DESTINATIONS": json.dumps({"lake": lake}), "FOOTFALL_CONFIG": ""}
    command = [sys.executable, "-m", "footfall", "settings"]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert 'destinations = {"lake" = {"url" = "s3://lake", "options" = {"secret_access_key" = "***"' in shown
    assert "geheim" not in shown
