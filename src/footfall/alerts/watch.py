"""Looks for alerts every minute, and has the messages of what began and ended sent."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, get_args

from msgspec import Struct

from footfall.alerts.activity import read_activity
from footfall.alerts.book import read_book
from footfall.alerts.conditions import (
    ALERTS_MAX,
    SCHEDULES_NAMED_MAX,
    Alert,
    Kind,
    Requests,
    of_activity,
    of_lag,
    of_requests,
    of_schedules,
)
from footfall.alerts.messages import new_message, note
from footfall.alerts.sender import MessageSender
from footfall.metrics import EVENTS, Values
from footfall.settings import Settings
from footfall.state import State, StateUnavailable
from footfall.store import Store, StoreFailed, StoreTimeout, StoreUnavailable
from footfall.system import background
from footfall.system.background import BackgroundTask, wait_for_stop
from footfall.system.clock import Clock
from footfall.wording import count_of

log = logging.getLogger(__name__)

# After a start, clients send what they kept meanwhile, and nodes tell how far they have loaded.
SETTLED_S: Final = 300.0
# The refusals of so long are compared with those of the rest of an hour.
LATELY_S: Final = 600.0
REMEMBERED_S: Final = 3_600.0
# A look takes the store one thread. With a rest of so many times as long, it takes 5 % of a core at the most.
REST_TIMES: Final = 20
# Rests of the sender: with nothing to do, and at the most while a message waits for its time.
_REST_S: Final = 1.0


class Sources(Struct, frozen=True):
    """What is looked at. `is_leader` says whether this node looks at what all nodes share; all of it may block."""

    state: State
    store: Store
    metrics: Callable[[], Values]
    loaded_through_ms: Callable[[], int]
    is_leader: Callable[[], bool]
    # The reason of a run that failed because somebody wanted that.
    cancelled: str


class AlertWatch:
    """The alerts of a node. `look` and `send` are called in the worker's event loop."""

    def __init__(
        self, settings: Settings, clock: Clock, node: str, sources: Sources, settled_s: float = SETTLED_S
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._node = node
        self._sources = sources
        self._book = read_book(settings.data)
        self._sender = MessageSender(settings, clock, self._book)
        self._began_ms = clock.now_ms()
        self._settled_ms = self._began_ms + round(settled_s * 1000)
        self._counts: deque[tuple[float, Requests]] = deque()
        # Alerts that the last look found and that are not told.
        self._left_out = 0
        # The file has one draft: what looks and what sends must not write it at once.
        self._writing = asyncio.Lock()

    def start(self, tasks: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        """Look and send until `stop` is set."""
        look = BackgroundTask("look for alerts", self._settings.alert_period_s, self.look, REST_TIMES)
        background.start((look,), tasks, stop)
        tasks.create_task(self.send(stop), name="send alerts")

    async def look(self) -> None:
        """Look once, and have told what has begun or ended."""
        alerts, looked = await asyncio.to_thread(self._find)
        now_ms = self._clock.now_ms()
        for what, firing in note(self._book, self._chosen(alerts), looked, now_ms):
            log.warning("alert %s: %s", what, firing.alert.text)
            self._sender.add(new_message(what, firing, self._settings, self._node, now_ms))
        await self._keep()

    async def send(self, stop: asyncio.Event) -> None:
        """Send what waits, until `stop` is set; what is left then is sent after the next start."""
        while not stop.is_set():
            try:
                wait_ms = await self._sender.send_first()
            except Exception:
                log.exception("failed to send an alert; trying again")
                wait_ms = None
            if wait_ms == 0:
                await self._keep()
            else:
                await wait_for_stop(stop, _REST_S if wait_ms is None else min(_REST_S, wait_ms / 1000))

    def values(self) -> Values:
        """The metrics; may be called on any thread."""
        firing = [one.alert.kind for one in self._book.firing.copy().values()]
        found: Values = {("footfall_alerts_firing", kind): firing.count(kind) for kind in get_args(Kind)}
        found |= {("footfall_alert_messages_total", name): count for name, count in self._sender.counts.copy().items()}
        return found | {("footfall_alert_messages_waiting",): len(self._book.waiting)}

    def _chosen(self, alerts: list[Alert]) -> list[Alert]:
        """Those that go on, and as many new ones as there is room for: one that is left out would count as ended."""
        known = [one for one in alerts if one.key in self._book.firing]
        new = [one for one in alerts if one.key not in self._book.firing]
        room = max(0, ALERTS_MAX - len(self._book.firing))
        left_out = max(0, len(new) - room)
        if left_out and not self._left_out:
            log.warning("%s not told: %s are enough at once", count_of(left_out, "alert"), f"{ALERTS_MAX:,}")
        self._left_out = left_out
        return known + new[:room]

    async def _keep(self) -> None:
        async with self._writing:
            await asyncio.to_thread(self._book.write, self._settings.data)

    def _find(self) -> tuple[list[Alert], set[Kind]]:
        """What is wrong now, and which kinds were looked for: what is away is not looked at."""
        found: list[Alert] = [*self._lag(), *self._refusals()]
        looked: set[Kind] = {"lag", "refusals"}
        try:
            if not self._sources.is_leader():
                self._forget()
                return found, looked
        except StateUnavailable:
            return found, looked
        shared: tuple[tuple[set[Kind], Callable[[], Iterator[Alert] | None]], ...] = (
            ({"schedule"}, self._schedules),
            ({"silence", "spike"}, self._activity),
        )
        for kinds, ask in shared:
            try:
                alerts = ask()
            except (StateUnavailable, StoreUnavailable, StoreFailed, StoreTimeout) as error:
                is_away = isinstance(error, StateUnavailable | StoreUnavailable)
                level = logging.DEBUG if is_away else logging.WARNING
                log.log(level, "alerts of %s are not looked for: %s", " and ".join(sorted(kinds)), error)
            else:
                if alerts is not None:
                    found += alerts
                    looked |= kinds
        return found, looked

    def _forget(self) -> None:
        """Leave the alerts that all nodes share to the node that looks for them."""
        for key, firing in list(self._book.firing.items()):
            if firing.alert.kind in _SHARED:
                del self._book.firing[key]

    def _lag(self) -> list[Alert]:
        through_ms = self._sources.loaded_through_ms() or self._began_ms
        alert = of_lag((self._clock.now_ms() - through_ms) / 1000, self._node, self._settings.alert_lag_s)
        return [] if alert is None else [alert]

    def _refusals(self) -> list[Alert]:
        values = self._sources.metrics()
        by_class = {name: round(values.get(("footfall_requests_total", EVENTS, name), 0)) for name in _CLASSES}
        now = Requests(sum(by_class[name] for name in _REFUSED), sum(by_class.values()))
        now_s = time.monotonic()
        self._counts.append((now_s, now))
        while now_s - self._counts[0][0] > REMEMBERED_S:
            self._counts.popleft()
        # The latest that is old enough; where none is, all since the start is lately.
        then = next((one for at, one in reversed(self._counts) if now_s - at >= LATELY_S), self._counts[0][1])
        firing = any(one.alert.kind == "refusals" for one in self._book.firing.copy().values())
        lately, before = _between(then, now), _between(self._counts[0][1], then)
        alert = of_requests(lately, before, self._node, self._settings.alert_refused_percent, firing=firing)
        return [] if alert is None else [alert]

    def _schedules(self) -> Iterator[Alert]:
        """All are counted and some are named: those that were told, and new ones where there is room."""
        schedules, cancelled = self._sources.state.schedules, self._sources.cancelled
        firing = [one.alert.subject for one in self._book.firing.copy().values() if one.alert.kind == "schedule"]
        told = {subject["schedule"] for subject in firing if subject}
        room = max(0, SCHEDULES_NAMED_MAX - len(told))
        found = schedules.failed(cancelled, len(told) + room, told)
        new = [one for one in found if one[0] not in told][:room]
        return of_schedules([*(one for one in found if one[0] in told), *new], schedules.count_failed(cancelled))

    def _activity(self) -> Iterator[Alert] | None:
        """Silences and spikes up to what all nodes have loaded; None while the node has just started."""
        settings = self._settings
        if self._clock.now_ms() < self._settled_ms or not (
            settings.alert_silence_events or settings.alert_spike_factor
        ):
            return None
        through = [each.loaded_through_ms for each in self._sources.state.nodes.all()]
        end_ms = min([*filter(None, through), self._sources.loaded_through_ms()])
        if not end_ms:
            return None
        return of_activity(read_activity(self._sources.store, end_ms, settings), settings)


_SHARED: Final = frozenset({"schedule", "silence", "spike"})
_REFUSED: Final = ("4xx", "5xx")
_CLASSES: Final = ("2xx", "3xx", *_REFUSED)


def _between(then: Requests, now: Requests) -> Requests:
    """What was counted between; nothing where a counter has fallen."""
    return Requests(max(0, now.refused - then.refused), max(0, now.total - then.total))
