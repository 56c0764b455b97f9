"""No log line, error or audit entry has a password, a key, a code or the token of a link."""

import contextlib
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from parts import PASSWORD

from footfall.accounts import totp


async def test_what_signs_in_is_written_nowhere(service: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with service() as opened:
        anna, client = opened.anna, opened.client
        job = await opened.complete()
        link = await opened.link(job)
        made = (await anna.post("/keys", json={"name": "x", "scopes": ["read", "report"]})).json()
        rotated = (await anna.post(f"/keys/{made['id']}/rotate", json={"overlapSeconds": 0})).json()
        begun = (await anna.post("/second-factor")).json()
        code = totp.make_code(begun["secret"], opened.clock.ms // 30_000)
        recovery = (await anna.post("/second-factor/confirm", json={"code": code})).json()["recoveryCodes"]
        answers = [await client.get(link), await client.get(link[:-30]), await anna.get("/reports")]
        for text in (made["key"], rotated["key"]):
            for options in ({"headers": {"authorization": f"Bearer {text}"}}, {"auth": ("anna", text)}):
                answers.append(await client.get("/reports", **options))
                answers.append(await client.get("/quarantine", **options))
        codes = ("000000", code, recovery[0])
        answers += [await anna.get("/keys", headers={"footfall-code": text}) for text in codes]
        answers.append(await client.get("/reports", auth=("anna", "a wrong password")))
        answers.append(await client.get("/reports", auth=("a wrong name", PASSWORD)))
        assert {answer.status_code for answer in answers} == {200, 401, 403}
        entries = [repr(entry) for entry in opened.state.audit.following(0, 1_000)]
        # The client of the tests logs its own URLs.
        lines = [record.getMessage() for record in caplog.records if record.name.startswith("footfall")]
        told = "\n".join([*lines, *entries, *(answer.text for answer in answers)])
        assert len(lines) > 5
        keys = [text.rpartition("_")[2] for text in (made["key"], rotated["key"])]
        typed = [PASSWORD, "a wrong password", "a wrong name"]
        secrets = [*keys, *typed, begun["secret"], code, *recovery, link.split("/")[-2]]
        assert [secret for secret in secrets if secret in told] == []


async def test_a_link_that_cannot_be_followed_now_is_logged_without_its_token(
    service: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    async with service(shares_allowed=True) as opened:
        with contextlib.closing(sqlite3.connect(tmp_path / "state.db")) as connection:
            for table in ("shares", "jobs", "secrets"):
                connection.execute(f"ALTER TABLE {table} RENAME TO {table}_away")
        for path in ("/shared/c2hhcmVk/data.json", "/files/JOB-1/1790000000000-c2lnbmF0dXJl/a.csv"):
            assert (await opened.client.get(path)).status_code in (404, 503)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("footfall")]
    assert any("GET '/shared/***/data.json' cannot be done now" in line for line in lines)
    assert "c2lnbmF0dXJl" not in "".join(lines)
