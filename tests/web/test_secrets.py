"""No log line, error or audit entry has a password, a key, a code or the token of a link."""

import logging
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
