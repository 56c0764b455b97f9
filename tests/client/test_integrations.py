"""Logging, ASGI and WSGI: what a program does becomes events, and never fails because of them."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from footfall_client import AsgiMiddleware, Outbox, OutboxHandler, OutboxOptions, WsgiMiddleware

EVENT = {"customer": "ACME", "product": "SHOP", "type": "SHOP-OPENED", "context": ["ada"]}


@pytest.fixture(params=[True, "background"])
def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outbox]:
    options = OutboxOptions(batch_age_max_s=60, exit_timeout_s=0.1)
    with Outbox(
        tmp_path / "outbox", "http://127.0.0.1:9", durable=request.param, options=options, handle_sigterm=False
    ) as opened:
        yield opened


def tracked(outbox: Outbox) -> int:
    assert outbox._committer.wait(10)
    return outbox.stats().tracked


def test_records_are_events(outbox: Outbox) -> None:
    handler = OutboxHandler(outbox, lambda record: getattr(record, "event", None))
    failed: list[logging.LogRecord] = []
    handler.handleError = failed.append  # type: ignore[method-assign]
    log = logging.getLogger("shop.of.a.test")
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        log.info("opened", extra={"event": EVENT})
        log.info("nothing to track")
        log.info("no event", extra={"event": {"customer": 1}})
    finally:
        log.removeHandler(handler)
    handler.handle(logging.LogRecord("footfall_client", logging.ERROR, "", 0, "full", (), None))
    assert (tracked(outbox), len(failed)) == (1, 1)


def route_event(request: dict[str, Any], status: int) -> dict[str, Any] | None:
    path = request.get("path") or request.get("PATH_INFO")
    if path == "/broken":
        raise LookupError(path)
    return {**EVENT, "context": [str(status)], "type": 7 if path == "/wrong" else path} if path != "/quiet" else None


PATHS = ("/opened", "/quiet", "/broken", "/wrong", "/failing")


def test_requests_of_asgi_are_events(outbox: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    sent: list[str] = []

    async def application(scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": f"{scope['type']}.response.start", "status": 200, "headers": []})
        if scope["path"] == "/failing":
            raise ConnectionError
        await send({"type": f"{scope['type']}.response.body", "body": b"ok"})

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async def ask() -> None:
        middleware = AsgiMiddleware(application, outbox, route_event)
        for path in PATHS[:-1]:
            await middleware({"type": "http", "path": path}, None, send)  # type: ignore[arg-type]
        await middleware({"type": "websocket", "path": "/opened"}, None, send)  # type: ignore[arg-type]
        with pytest.raises(ConnectionError):
            await middleware({"type": "http", "path": "/failing"}, None, send)  # type: ignore[arg-type]

    asyncio.run(ask())
    assert len(sent) == 11
    assert tracked(outbox) == 2
    assert ("could not be made" in caplog.text, "was not tracked" in caplog.text) == (True, True)


def test_requests_of_wsgi_are_events(outbox: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    def application(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("404 Not Found", [])
        return [b"no"]

    middleware = WsgiMiddleware(application, outbox, route_event)
    answers = [list(middleware({"PATH_INFO": path}, lambda *_: None)) for path in PATHS]
    assert answers == [[b"no"]] * len(PATHS)
    assert tracked(outbox) == 2
    assert ("could not be made" in caplog.text, "was not tracked" in caplog.text) == (True, True)
