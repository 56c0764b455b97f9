"""Data folders of earlier versions: this version opens them, serves them, and makes the same reports, byte for byte.

`tests/programs/make_data_folder.py` made them from the repository's history. Each was killed with an open segment.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from old_folders import VERSIONS, unpack

# What has been accepted stays for ever, or the tests would end with the days of the settings.
FOR_EVER = {"archive_days": -1, "report_days": 36_500, "plan_mode": "quarantine"}
FILTER = {"customer": "BARCHART", "product": "WATCHLIST"}
# Events of that customer in the store, and in the segment that was open when the old version was killed.
STORED, OPEN = 60, 10


@pytest.fixture
def upgraded(serve: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Starts this version on the data folder of an earlier one."""

    def start(name: str) -> tuple[Any, dict[str, Any]]:
        told = unpack(name, tmp_path / "x{1..3}*[a] ?q'" / "data")
        return serve(**FOR_EVER), told

    return start


def test_there_are_folders_of_the_schemas_that_were_in_use() -> None:
    assert {name[-4:] for name in VERSIONS} >= {"0004", "0006", "0007"}


@pytest.mark.parametrize("name", VERSIONS)
def test_the_data_of_an_earlier_version_is_served_as_it_was(upgraded, name) -> None:
    run, told = upgraded(name)
    # What was accepted before the upgrade is recognised when a client sends it again.
    again = [event(number) for number in range(20)]
    answer = run.post(again, **{"Idempotency-Key": "batch-0"})
    assert answer.status_code == 200
    before = told["reports"]["csv"]
    kept = run.client.get(f"/reports/{before['source']}", headers={"accept": "text/csv"}, follow_redirects=True)
    assert kept.text == told["csv"]
    # One folder is asked for every format: the same code writes them for all.
    formats = told["reports"] if name == VERSIONS[0] else ("csv", "parquet")
    ordered = {form: order(run, form, before["watermark"]) for form in formats}
    digests = {form: hashlib.sha256(content(run, source)).hexdigest() for form, source in ordered.items()}
    assert digests == {form: told["reports"][form]["sha256"] for form in formats}
    assert len(run.report(**FILTER).splitlines()) == STORED + OPEN
    counts = {**FILTER, "interval": "month", "asOf": before["watermark"]}
    found = run.client.get("/usage/counts", params=counts).raise_for_status().json()
    for now, then in zip(
        (found["total"], *found["counts"]), (told["counts"]["total"], *told["counts"]["counts"]), strict=True
    ):
        assert now.items() >= then.items()
    held = run.client.get("/quarantine").raise_for_status().json()
    # The plan has no WATCHLIST for TGAM: its events are held, beside one with a misspelt type.
    assert [each["state"] for each in held["events"]] == ["held"] * (STORED + OPEN + 1)
    anna = ("anna", "anna reads reports")
    schedules = run.client.get("/schedules", auth=anna).raise_for_status().json()
    assert told["schedule"] in json.dumps(schedules)


def event(number: int) -> dict[str, Any]:
    """The event of this number; its keys are in the order in which the old version got them, for a retry is equal."""
    customer, user = ("BARCHART", "TGAM")[number % 2], f"user-{number % 7}"
    context = [user, f"w-{number % 5}", f'SYM,"{number}"']
    timestamp = 1_571_029_200_000 + number * 7_200_000
    names = {"customer": customer, "product": "WATCHLIST", "type": "WATCHLIST-SYMBOL-ADDED"}
    return {**names, "timestamp": timestamp, "context": context}


def order(run: Any, form: str, as_of: int) -> str:
    body = {"filter": FILTER, "output": {"format": form, "asOf": as_of}}
    return run.client.post("/reports", json=body).raise_for_status().json()["source"]


def content(run: Any, source: str) -> bytes:
    """The bytes of a report's file, once it is there."""
    link = run.client.get(f"/reports/{source}", params={"wait": 50}).raise_for_status().json()["link"]
    return run.client.get(link).raise_for_status().content
