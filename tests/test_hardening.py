"""The table of attacks in docs/security.md, and those tests of it that have no other place."""

import ast
import asyncio
import json
import re
import runpy
import socket
from pathlib import Path
from typing import Any

import pytest
from events_server import post, serving

from footfall.ingest.budget import Budget
from footfall.service import composition
from footfall.settings import Settings
from footfall.state import State, User
from footfall.system.log import TextFormatter
from footfall.web.asgi import AsgiExchange
from footfall.web.connections import ConnectionFlow
from footfall.web.framing import Body, RequestHead

ROOT = Path(__file__).parents[1]
HEAD = b"POST /events HTTP/1.1\r\nhost: here\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nhost: here\r\n\r\n"
FORGED = "2026-01-01T00:00:00.000Z ERROR web[1] footfall: forged"


def test_each_test_that_the_table_names_is_there() -> None:
    page = (ROOT / "docs" / "security.md").read_text("utf-8")
    table = page.partition("\n## Hardening\n")[2].partition("\n## ")[0]
    named = re.findall(r"^\| [^|]+ \| `(tests/[\w/]+\.py)::(test_\w+)` \|$", table, re.MULTILINE)
    assert len(named) == sum(line.startswith("| ") for line in table.splitlines()) - 2 > 40
    there = {file: _tests_of(ROOT / file) for file, _ in named}
    assert [f"{file}::{name}" for file, name in named if name not in there[file]] == []


def test_an_audit_tells_what_it_found_and_what_it_could_not_ask() -> None:
    judge = runpy.run_path(str(ROOT / ".ci" / "audit"))["judge"]
    known = {"name": "urllib3", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1", "2.0"]}]}
    safe, unknown = {"name": "msgspec", "version": "1", "vulns": []}, {"name": "own", "skip_reason": "not found"}
    answer = json.dumps({"dependencies": [known, safe, unknown]})
    told = (
        "urllib3 1.0: PYSEC-1, mended in 1.1, 2.0\n"
        "audit: 2 dependencies, known vulnerabilities: 1, not in the database: 1"
    )
    assert judge(answer, "") == (told, 1)
    assert judge(json.dumps({"dependencies": [safe]}), "") == ("audit: 1 dependencies, known vulnerabilities: 0", 0)
    unasked = json.dumps({"dependencies": [unknown]})
    for answered in ((unasked, ""), ("", "Traceback\nServiceError: away"), ("", "")):
        told, found = judge(*answered)
        assert told.startswith("audit: nothing was audited: ")
        assert found == 0


def _tests_of(file: Path) -> set[str]:
    nodes = ast.parse(file.read_text("utf-8")).body
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 2\r\ntransfer-encoding: chunked\r\n",
        b"transfer-encoding: chunked\r\ncontent-length: 2\r\n",
        b"content-length: 2\r\ncontent-length: 3\r\n",
        b"content-length: 2, 3\r\n",
        b"content-length: +2\r\n",
        b"content-length: 2 \r\n x\r\n",
        b"transfer-encoding: identity, chunked\r\n",
        b"transfer-encoding: chunked, identity\r\n",
        b"transfer-encoding : chunked\r\n",
        b"transfer-encoding:\x0bchunked\r\n",
    ],
)
async def test_a_request_with_two_ends_is_none_and_nothing_behind_it_is_served(tmp_path: Path, head: bytes) -> None:
    async with serving(tmp_path) as server:
        reader, writer = await server.connect()
        writer.write(HEAD + head + b"\r\n{}\r\n0\r\n\r\n" + HIDDEN)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 60)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.count(b"HTTP/1.1 ") == 1
        assert server.sent_on == []


@pytest.mark.parametrize("value", ["a\r\nx-forged: 1", "a\nx-forged: 1", "a\0", "a\x7f"])
async def test_no_value_of_a_header_becomes_two_headers(value: str) -> None:
    loop, (near, far) = asyncio.get_running_loop(), socket.socketpair()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=near)
    settings = Settings()
    flow = ConnectionFlow(transport, loop, settings, Budget(1), lambda: "")
    head = RequestHead(b"GET", b"/", "1.1", [], keep_alive=True, length=0)
    scope = {"method": "GET", "http_version": "1.1"}
    ended = asyncio.Event()
    exchange = AsgiExchange(head, Body(0, settings), scope, transport, flow, [], lambda: None, ended.set)

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"location", value.encode())]})

    await exchange.run(application)
    assert ended.is_set()
    transport.close()
    far.setblocking(False)
    async with asyncio.timeout(60):
        assert await loop.sock_recv(far, 65536) == b""
    far.close()


@pytest.mark.parametrize("line_end", ["%0a", "%0d%0a", "%0d", "%E2%80%A8", "%C2%85", "%1b[2K"])
async def test_nothing_that_is_asked_makes_a_line_of_the_log_its_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, line_end: str
) -> None:
    caplog.set_level("INFO")
    path = f"/a{line_end}{FORGED.replace(' ', '%20')}"
    async with serving(tmp_path, access_log=True) as server:
        await server.ask(post(b"{}").replace(b"/events ", f"{path} ".encode()))
    lines = [TextFormatter("web").format(record) for record in caplog.records if "forged" in record.getMessage()]
    assert len(lines) == 1
    assert lines[0].splitlines() == lines
    assert lines[0].isprintable()


@pytest.mark.parametrize("name", ["' OR ''='", 'x" OR "1"="1', "x'; DROP TABLE users; --", "x\\' OR 1=1 --", "%"])
def test_no_name_is_a_part_of_a_statement(tmp_path: Path, name: str) -> None:
    with composition.open_state(Settings(data_dir=str(tmp_path))) as state:
        assert isinstance(state, State)
        fixed = {"account": "1", "security_stamp": "first", "password_hash": "hash", "created_ms": 1}
        state.users.add(User(id="anna", **fixed))
        assert state.users.get(name) is None
        assert not state.users.remove(name)
        assert [user.id for user in state.users.all()] == ["anna"]


@pytest.mark.parametrize("file", sorted(ROOT.glob("requirements*.txt")), ids=lambda file: file.name)
def test_each_dependency_is_locked_by_its_hash(file: Path) -> None:
    text = file.read_text("utf-8")
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert entries
    assert [
        entry.split()[0] for entry in entries if "==" not in entry.split()[0] or "--hash=sha256:" not in entry
    ] == []
    assert "://" not in re.sub(r"^ *#.*$", "", text, flags=re.MULTILINE)
