"""What goes on beside a load: nothing, a stopped loader, or a report."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Self

import httpx
from contestants import Target
from service import PASSWORD, Service

FILTER = {"customer": "BARCHART", "product": "PORTFOLIO"}
BEGIN_LIMIT_S = 120


class Reports:
    """Reports of the largest product, one after the other, until it is left; the first runs when it is entered."""

    def __init__(self, service: Service) -> None:
        self._url = service.url
        self._stop = threading.Event()
        self._runs = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.rows: list[int] = []

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._runs.wait(BEGIN_LIMIT_S), "no report begins"
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        with httpx.Client(base_url=self._url, auth=("admin", PASSWORD), timeout=60) as client:
            while not self._stop.is_set():
                ordered = client.post("/reports", json={"filter": FILTER}).raise_for_status().json()
                self._follow(client, f"/reports/{ordered['source']}")

    def _follow(self, client: httpx.Client, place: str) -> None:
        """Until the report is made, or nobody wants it any more."""
        while not self._stop.is_set():
            answer = client.get(f"{place}/availability").raise_for_status()
            if answer.json()["status"] != "RUNNING":
                assert answer.json()["status"] == "COMPLETE", answer.headers.get("footfall-reason")
                self.rows.append(int(answer.headers["footfall-rows"]))
                self._runs.set()
                break
            if float(answer.headers.get("footfall-progress", 0)) > 0:
                self._runs.set()
            self._stop.wait(0.25)
        client.delete(place).raise_for_status()


@contextlib.contextmanager
def report(target: Target) -> Iterator[None]:
    """Large reports, without a pause."""
    assert target.running is not None
    with Reports(target.running):
        yield


@contextlib.contextmanager
def behind(target: Target) -> Iterator[None]:
    """The loader stands still, as when the store is away, and takes up its work afterwards."""
    assert target.running is not None
    workers = target.running.processes("worker")
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        time.sleep(0.5)


BESIDE: dict[str, Callable[[Target], AbstractContextManager[None]]] = {
    "": lambda _: contextlib.nullcontext(),
    "behind": behind,
    "report": report,
}
