"""The page over many events: how soon the overview is there, and what ten people who have it open cost collecting."""

import contextlib
import re
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import contestants
import generate
import httpx
import latency
import service
import usage_beside

PEOPLE = 10
# Each person looks at the overview anew so often, in seconds: one of them every second.
LOOK_PERIOD_S = 10
# The last 30 days and the last 90 of the year that is generated, each with as many days before.
_DAY_MS = 86_400_000
_LAST_DAY_MS = generate.BEGIN_MS + generate.YEAR_MS - _DAY_MS
COLD_S, AGAIN_S = 1, 0.3


def _day(days_before: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime((_LAST_DAY_MS - days_before * _DAY_MS) / 1000))


ADDRESSES = {
    "a customer, 30 days": f"/?customer=BARCHART&start={_day(29)}&end={_day(0)}",
    "all customers, 30 days": f"/?start={_day(29)}&end={_day(0)}",
    "all customers, 90 days": f"/?start={_day(89)}&end={_day(0)}",
}


@contextlib.contextmanager
def browser(running: service.Service) -> Iterator[httpx.Client]:
    """A client that has signed in by the form, as a browser does."""
    with httpx.Client(base_url=running.url, timeout=120, headers={"accept": "text/html"}) as client:
        page = client.get("/dashboard/sign-in").text
        token = re.findall(r'name="form" value="([0-9a-f]+)"', page)[0]
        form = {"form": token, "user": "admin", "password": service.PASSWORD}
        answer = client.post("/dashboard/sign-in", data=form)
        if answer.status_code != 303:
            raise SystemExit(f"signing in: {answer.status_code}")
        yield client


def overview(data: Path, runs: int) -> Iterator[str]:
    """Lines on how soon the overview is there after a restart, with its actors, and again."""
    yield f"{'overview':32}{'cold':>8}{'with actors':>13}{'again':>8}"
    for name, address in ADDRESSES.items():
        cold, whole, again = [], [], []
        for _ in range(runs):
            with service.serving(data) as running, browser(running) as client:
                cold.append(_look(client, address))
                whole.append(cold[-1] + _look(client, address, prefer="wait"))
                again.append(_look(client, address))
        cold_s, whole_s, again_s = (statistics.median(each) for each in (cold, whole, again))
        verdict = "" if cold_s < COLD_S and again_s < AGAIN_S else f"  more than it may: {COLD_S} s, {AGAIN_S} s"
        yield f"{name:32}{cold_s:8.3f}{whole_s:13.3f}{again_s:8.3f}{verdict}"


def _look(client: httpx.Client, address: str, **headers: str) -> float:
    """The seconds of a page, which must be answered with 200."""
    begin = time.perf_counter()
    answer = client.get(address, headers=headers)
    if answer.status_code != 200:
        raise SystemExit(f"{address}: {answer.status_code} {answer.text[:500]}")
    return time.perf_counter() - begin


class People:
    """Ten people with the overview open, who look anew every ten seconds, for as long as the block lasts."""

    def __init__(self, running: service.Service) -> None:
        self._running = running
        self._stop = threading.Event()
        self.looked = 0

    def __enter__(self) -> Self:
        self._stack = contextlib.ExitStack()
        clients = [self._stack.enter_context(browser(self._running)) for _ in range(PEOPLE)]
        for client in clients:
            _look(client, ADDRESSES["a customer, 30 days"], prefer="wait")
        self._threads = [
            threading.Thread(target=self._watch, args=(client, at * LOOK_PERIOD_S / PEOPLE), daemon=True)
            for at, client in enumerate(clients)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(130)
        self._stack.close()

    def _watch(self, client: httpx.Client, begin_s: float) -> None:
        wait_s = begin_s
        while not self._stop.wait(wait_s):
            _look(client, ADDRESSES["a customer, 30 days"])
            self.looked += 1
            wait_s = LOOK_PERIOD_S


def beside(data: Path, seconds: float, work: Path, turns: int) -> Iterator[str]:
    """Lines on how long POST /events takes at a fixed rate, alone and beside ten people, in turns."""
    with service.serving(data) as running:
        target = contestants.on_footfall(running, int(time.time() * 1000))

        def post(for_s: float) -> dict[str, Any]:
            with latency.posting(target.url(1), target.bodies(1), usage_beside.RATE, for_s, work) as process:
                return latency.read(process)

        post(2)
        looked = 0
        for _ in range(turns):
            yield usage_beside.told(f"POST /events at {usage_beside.RATE:,}/s, alone", post(seconds))
            with People(running) as people:
                seen = post(seconds)
            looked += people.looked
            yield usage_beside.told(f"... beside {PEOPLE} people with the overview open", seen)
        yield f"they looked {looked} times"
