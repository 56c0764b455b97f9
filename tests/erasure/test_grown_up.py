"""An erasure where the state is PostgreSQL, and reports, destinations and backups are in an object store."""

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from erased import OTHER, VALUE, back_up_node, find_value, unpacked
from postgres import Server
from s3 import BUCKET, KEY_ID, S3, SECRET

from footfall.settings.object_stores import Destination

BACKUP = f"s3://{BUCKET}/backup"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    server = S3()
    access = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}
    for name, value in {"AWS_ENDPOINT_URL": server.url, "AWS_ALLOW_HTTP": "true", **access}.items():
        monkeypatch.setenv(name, value)
    yield server
    server.close()


@pytest.fixture
def database(postgres: Server) -> Iterator[str]:
    name = f"erased_{uuid.uuid4().hex}"
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE {postgres.migrated}")
    yield postgres.url(name)
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def test_nothing_of_a_person_is_left_in_databases_and_object_stores(
    node: Any, s3: S3, postgres: Server, database: str
) -> None:
    def with_value() -> list[str]:
        keys = s3.keys()
        return [key for key in keys if any(VALUE.encode() in part for part in unpacked(s3.read(key)))]

    options = s3.options()
    here = node(
        state_url=database,
        files_url=f"s3://{BUCKET}/kept",
        files_options=options,
        destinations={"lake": Destination(url=f"s3://{BUCKET}/lake", options=options)},
    )
    async with here.open():
        await here.fill()
        here.make_report("kept")
        here.make_report("delivered", destination="lake", destination_key="usage/a.csv")
        await asyncio.to_thread(back_up_node, here, BACKUP)
        before = with_value()
        assert {key.partition("/")[0] for key in before} == {"kept", "lake", "backup"}
        told = await here.erase()
        assert (here.stored_people(), here.places(VALUE)) == ([OTHER] * 6, [])
    assert {key.partition("/")[0] for key in with_value()} == {"backup"}
    assert {(one.source, one.file) for one in told.receipt.reports} == {
        ("JOB-kept", "removed"),
        ("JOB-delivered", "removed"),
    }
    assert [(one.place, one.tombstone) for one in told.receipt.backups] == [(BACKUP, True)]
    postgres.execute("CHECKPOINT")
    assert find_value(postgres.folder / "data", VALUE) == []
    # What the next backup writes takes the place of what the old one had.
    there = await asyncio.to_thread(node, BACKUP)
    async with there.open():
        await there.load()
    assert (there.stored_people(), there.places(VALUE)) == ([OTHER] * 6, [])
    await asyncio.to_thread(back_up_node, here, BACKUP)
    assert with_value() == []
