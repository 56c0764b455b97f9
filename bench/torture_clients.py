"""Clients with a memory: each knows of every event that it sent whether it was acknowledged, refused or left open."""

import asyncio
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

CUSTOMERS = ("ACME", "GLOBEX", "INITECH", "UMBRELLA")
PRODUCTS = {"SHOP": "SHOP-TOLD", "DESK": "DESK-TOLD"}


class Fate(StrEnum):
    """What a client knows of a request in the end."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    OPEN = "unanswered"


@dataclass(slots=True)
class Sent:
    """One request: `count` events with the contexts [name, "0"], [name, "1"], ... and one timestamp in ms."""

    name: str
    customer: str
    product: str
    count: int
    timestamp: int
    phase: int
    fate: Fate = Fate.OPEN
    acknowledged_s: float = 0.0


@dataclass
class Ledger:
    """Everything that was sent, by all clients; `phase` is the number of the fault that is in force."""

    sent: list[Sent] = field(default_factory=list)
    phase: int = 0
    # When the youngest request that was acknowledged at once had been sent.
    healthy_s: float = 0.0

    def since(self, customer: str, product: str, start_ms: int) -> list[Sent]:
        """What was acknowledged by now of a customer and product, with timestamps from `start_ms` on."""
        recent = []
        for one in reversed(self.sent):
            if one.timestamp < start_ms:
                break
            if (one.customer, one.product) == (customer, product) and one.fate is Fate.ACKNOWLEDGED:
                recent.append(one)
        return recent


class NotSent(Exception):
    """No connection: the service cannot have seen anything of the request."""


class NotAnswered(Exception):
    """The connection was lost, or the client's patience; the service may have done it or not."""


class Connection:
    """HTTP/1.1 with nothing hidden: what was sent, and what was not, is known."""

    def __init__(self, port: Callable[[], int]) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, body: bytes, headers: dict[str, str], patience_s: float) -> tuple[int, bytes]:
        """Status and body of the answer. Raises NotSent and NotAnswered."""
        await self._connect()
        assert self._reader is not None
        assert self._writer is not None
        try:
            async with asyncio.timeout(patience_s):
                self._writer.write(_head(len(body), headers) + body)
                await self._writer.drain()
                return await _read(self._reader)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            self.close()
            raise NotAnswered(repr(error)) from error

    async def abandon(self, body: bytes) -> None:
        """Send a part of a request and leave. Raises NotSent."""
        await self._connect()
        assert self._writer is not None
        self._writer.write(_head(len(body), {}) + body[: len(body) // 2])
        try:
            async with asyncio.timeout(1):
                await self._writer.drain()
        except (OSError, TimeoutError):
            pass
        finally:
            self.close()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _connect(self) -> None:
        if self._reader is not None and self._reader.at_eof():
            # The service has closed it between two requests.
            self.close()
        if self._writer is None:
            try:
                async with asyncio.timeout(5):
                    self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port())
            except (OSError, TimeoutError) as error:
                raise NotSent(repr(error)) from error


def _head(size: int, headers: dict[str, str]) -> bytes:
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = "POST /events HTTP/1.1\r\nhost: torture\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {size}\r\n{more}\r\n".encode()


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    lines = head.split("\r\n")
    sizes = [line.partition(":")[2] for line in lines if line.startswith("content-length:")]
    return int(lines[0].split()[1]), await reader.readexactly(int(sizes[0]))


class Client:
    """Sends one request after the other until it is told to stop.

    With `keyed` it sends a request again, with its key, until it is answered 200. Without, it never repeats what was
    not answered, for that could be the client's own double; a `stubborn` one repeats what was refused: that is safe.
    """

    def __init__(
        self,
        name: str,
        ledger: Ledger,
        port: Callable[[], int],
        chance: random.Random,
        *,
        keyed: bool,
        stubborn: bool,
        events_max: int,
        pause_s: float,
    ) -> None:
        self._name = name
        self._ledger = ledger
        self._chance = chance
        self._connection = Connection(port)
        self._keyed = keyed
        self._stubborn = stubborn
        self._events_max = events_max
        self._pause_s = pause_s
        self.wrong: list[str] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop`; a keyed request under way is brought to its end first, for a while."""
        number = 0
        while not stop.is_set():
            await asyncio.sleep(self._chance.uniform(0, 2 * self._pause_s))
            number += 1
            await self._request(number, stop)
        self._connection.close()

    async def _request(self, number: int, stop: asyncio.Event) -> None:
        chance, product = self._chance, self._chance.choice(tuple(PRODUCTS))
        count = chance.randint(1, self._events_max)
        now_ms = time.time_ns() // 1_000_000
        name = f"{self._name}-{number}"
        sent = Sent(name, chance.choice(CUSTOMERS), product, count, now_ms, self._ledger.phase)
        self._ledger.sent.append(sent)
        kind = chance.random()
        if kind < 0.02:
            await self._break(sent)
        elif kind < 0.03:
            await self._leave(sent)
        else:
            await self._deliver(sent, stop)

    async def _deliver(self, sent: Sent, stop: asyncio.Event) -> None:
        headers = {"idempotency-key": str(uuid.UUID(int=self._chance.getrandbits(128)))} if self._keyed else {}
        content = body(sent)
        answers: list[Fate] = []
        give_up_s = None
        while True:
            started_s = time.monotonic()
            fate = await self._attempt(sent, content, headers)
            if fate is Fate.ACKNOWLEDGED:
                sent.fate, sent.acknowledged_s = fate, time.monotonic()
                self._ledger.healthy_s = max(self._ledger.healthy_s, started_s)
                return
            answers.append(fate)
            again = self._keyed or (self._stubborn and fate is Fate.REFUSED)
            if stop.is_set():
                give_up_s = give_up_s or time.monotonic() + 20
            if not again or (give_up_s and time.monotonic() > give_up_s):
                sent.fate = Fate.OPEN if Fate.OPEN in answers else Fate.REFUSED
                return
            await asyncio.sleep(self._chance.uniform(0.05, 0.5))

    async def _attempt(self, sent: Sent, content: bytes, headers: dict[str, str]) -> Fate:
        """Send it once; what never left is no attempt, and is tried again until somebody listens."""
        while True:
            try:
                patience_s = self._chance.uniform(1, 8)
                status, answer = await self._connection.post(content, headers, patience_s)
            except NotSent:
                await asyncio.sleep(0.1)
                continue
            except NotAnswered:
                return Fate.OPEN
            if status == 200:
                self._check(sent, answer)
                return Fate.ACKNOWLEDGED
            if status != 503:
                self.wrong.append(f"{sent.name}: status {status}: {answer[:200]!r}")
            return Fate.REFUSED

    def _check(self, sent: Sent, answer: bytes) -> None:
        stored = msgspec.json.decode(answer)
        places = [[event["context"], event["sequence"]] for event in stored]
        if places != [[[sent.name, str(place)], place + 1] for place in range(sent.count)]:
            self.wrong.append(f"{sent.name}: the answer is not what was sent: {answer[:200]!r}")

    async def _break(self, sent: Sent) -> None:
        """One event that is not in the plan makes the whole request refused."""
        events = msgspec.json.decode(body(sent))
        events["events"][self._chance.randrange(sent.count)]["type"] = "NOT-IN-THE-PLAN"
        content = msgspec.json.encode(events)
        try:
            status, answer = await self._connection.post(content, {}, 8)
        except (NotSent, NotAnswered):
            status, answer = 400, b""
        # Whatever became of it, the service had no right to store any of it.
        sent.fate = Fate.REFUSED
        if status not in (400, 503):
            self.wrong.append(f"{sent.name}: status {status} for an event that is not in the plan: {answer[:200]!r}")

    async def _leave(self, sent: Sent) -> None:
        """A request of which only a half was sent must leave nothing behind."""
        sent.fate = Fate.REFUSED
        try:
            await self._connection.abandon(body(sent))
        except NotSent:
            return


def body(sent: Sent) -> bytes:
    """The request's body: the same bytes whenever it is sent again."""
    event = {"customer": sent.customer, "product": sent.product, "type": PRODUCTS[sent.product]}
    events = [{**event, "timestamp": sent.timestamp, "context": [sent.name, str(n)]} for n in range(sent.count)]
    return msgspec.json.encode({"events": events})


def clients(ledger: Ledger, port: Callable[[], int], seed: int, count: int, **pace: float) -> list[Client]:
    """Half of them with keys and retries, a quarter stubborn, a quarter that try everything once."""
    made = []
    for number in range(count):
        keyed, stubborn = number % 2 == 0, number % 4 == 1
        name = f"{'k' if keyed else 's' if stubborn else 'o'}{number}"
        chance = random.Random(f"{seed} client {number}")  # noqa: S311 - seeded on purpose
        made.append(
            Client(
                name,
                ledger,
                port,
                chance,
                keyed=keyed,
                stubborn=stubborn,
                events_max=int(pace["events_max"]),
                pause_s=pace["pause_s"],
            )
        )
    return made
