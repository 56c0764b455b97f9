"""A flood from thousands of connections, beside clients that behave: these go on, and nothing of the flood stays.

    python bench/flood.py [--connections 2000] [--seconds 20] [--p99-ms 100]

Of the flood's connections, a fifth is slow (heads and bodies that trickle), a fifth sends what cannot be read (no HTTP,
no JSON, lengths that lie), and the rest sends events as fast as they are answered, and never waits as it is told. They
come from eight addresses, 127.0.1.1 and on, in a process of their own. Twenty clients from addresses of their own send
five requests a second each. The service refuses what is over its limits, which are met sooner than the default ones,
and the customer of the flood has a budget of a few MB. Ends with 1 when a promise is broken. Linux only, where any
127.x is an address of the machine.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import service

CUSTOMER, FLOODED = "BARCHART", "TGAM"
ATTACKERS = [f"127.0.1.{number}" for number in range(1, 9)]
CLIENTS = [f"127.0.2.{number}" for number in range(1, 21)]
REQUESTS_PER_S = 5
DAY_BYTES_MAX = 4_000_000
SETTINGS = {
    "limits_mode": "refuse",
    "address_requests_per_s": 20,
    "address_requests_burst": 100,
    "customer_day_bytes_max": DAY_BYTES_MAX,
}
# Seconds after the flood in which all has to be as before.
REST_S = 2.0
# A connection of the service is some KB, and the allocator keeps what it had at the peak.
MEMORY_GROWTH_BYTES_MAX = 64 * 1024 * 1024
LOG_BYTES_MAX = 100_000
CHECK_S = 0.2

UNREADABLE = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)),
    b"POST /events HTTP/1.1\r\ncontent-length: 5\r\n\r\n{}",
    b"POST /events HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /events HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    b'POST /events HTTP/1.1\r\nhost: x\r\ncontent-length: 12\r\n\r\n{"events":[[',
    b'POST /events HTTP/1.1\r\nhost: x\r\ncontent-length: 15\r\n\r\n{"events":[{}]}',
)


def request(customer: str) -> bytes:
    """One event of now."""
    made = {"customer": customer, "product": "PORTFOLIO", "type": "PORTFOLIO-APPLICATION-LOADED"}
    body = json.dumps({"events": [{**made, "timestamp": int(time.time() * 1000), "context": ["flood"]}]}).encode()
    return b"POST /events HTTP/1.1\r\nhost: here\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


async def read_answer(reader: asyncio.StreamReader) -> str:
    """The status of an answer that has a length; empty when the connection ended."""
    head = await reader.readuntil(b"\r\n\r\n")
    size = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(size)
    return head[9:12].decode()


class Flood:
    """The connections of the flood; `seen` counts how they ended and what they were answered."""

    def __init__(self, port: int, seconds: float) -> None:
        self.port = port
        self.until_s = time.monotonic() + seconds
        self.seen: Counter[str] = Counter()

    async def run(self, connections: int) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(connections):
                kind = (self.trickle, self.babble, self.rush, self.rush, self.rush)[number % 5]
                group.create_task(self._again(number, kind))

    async def _again(self, number: int, kind):  # type: ignore[no-untyped-def]
        """Connect again as long as the flood lasts."""
        address = ATTACKERS[number % len(ATTACKERS)]
        while (left_s := self.until_s - time.monotonic()) > 0:
            writer = None
            try:
                async with asyncio.timeout(left_s):
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0))
                    await kind(number, reader, writer)
            except (OSError, asyncio.IncompleteReadError, TimeoutError, asyncio.LimitOverrunError) as error:
                self.seen[f"{kind.__name__}: {type(error).__name__}"] += 1
            if writer is not None:
                writer.transport.abort()
            await asyncio.sleep(0)

    async def trickle(self, number: int, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A byte a second, of a head or of a body."""
        sent = request(FLOODED)
        begin = sent.index(b"\r\n\r\n") + 10 if number % 2 else 30
        writer.write(sent[:begin])
        for place in range(begin, len(sent) - 1):
            await asyncio.sleep(1)
            writer.write(sent[place : place + 1])
            await writer.drain()

    async def babble(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What cannot be read, to the end of the connection."""
        writer.write(UNREADABLE[number // 5 % len(UNREADABLE)])
        self.seen[f"unreadable: {await read_answer(reader)}"] += 1
        await reader.read()

    async def rush(self, _number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Events as fast as they are answered."""
        sent = request(FLOODED)
        while True:
            writer.write(sent)
            self.seen[f"full speed: {await read_answer(reader)}"] += 1


class Behaved:
    """Clients that send at a fixed pace; `seconds` are the times from when a request was due to its answer."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.seconds: list[float] = []
        self.seen: Counter[str] = Counter()

    async def run(self, seconds: float, clients: int = len(CLIENTS)) -> None:
        async with asyncio.TaskGroup() as group:
            for number, address in enumerate(CLIENTS[:clients]):
                group.create_task(self._send(address, number / clients / REQUESTS_PER_S, seconds))

    async def _send(self, address: str, begin_s: float, seconds: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0))
        due = time.monotonic() + begin_s
        end = due + seconds
        while due < end:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            writer.write(request(CUSTOMER))
            self.seen[await read_answer(reader)] += 1
            self.seconds.append(time.monotonic() - due)
            due += 1 / REQUESTS_PER_S
        writer.close()

    def p99_ms(self) -> float:
        ordered = sorted(self.seconds)
        return ordered[int(len(ordered) * 0.99)] * 1000


class Held:
    """What the service holds: memory and files of its web process, bytes of journal, archive and log."""

    def __init__(self, running: service.Service) -> None:
        (pid,) = running.processes("web")
        self.memory = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        self.files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        kept = [path for name in ("journal", "archive", "aside") for path in (running.folder / name).rglob("*")]
        self.disk = sum(path.stat().st_size for path in kept if path.is_file() and not path.name.endswith(".spare"))
        self.log = (running.folder.parent / f"{running.folder.name}.log").stat().st_size


async def flood(running: service.Service, connections: int, seconds: float) -> tuple[Behaved, Counter[str], int]:
    """Both at once: what the clients saw, what the flood saw, and the most memory of the web process."""
    command = [sys.executable, __file__, "--attack", str(running.port), "--connections", str(connections)]
    process = await asyncio.create_subprocess_exec(*command, "--seconds", str(seconds), stdout=subprocess.PIPE)
    behaved, peak = Behaved(running.port), 0
    sending = asyncio.create_task(behaved.run(seconds))
    while not sending.done():
        peak = max(peak, Held(running).memory)
        await asyncio.sleep(CHECK_S)
    await sending
    told, _ = await process.communicate()
    return behaved, Counter(json.loads(told)), peak


def measure(connections: int, seconds: float, p99_ms: float) -> list[str]:
    """Print the figures; gives the promises that were broken."""
    with tempfile.TemporaryDirectory(prefix="footfall-flood-") as made:
        folder = Path(made) / "data"
        with service.serving(folder, **SETTINGS) as running:
            calm = Behaved(running.port)
            asyncio.run(calm.run(3))
            time.sleep(1)
            before = Held(running)
            behaved, seen, peak = asyncio.run(flood(running, connections, seconds))
            time.sleep(REST_S)
            after = Held(running)
            again = Behaved(running.port)
            asyncio.run(again.run(3))
            running.settle()
            ended = Held(running)
    print(f"{connections} connections for {seconds} s: {dict(sorted(seen.items()))}")
    for name, clients in (("before", calm), ("meanwhile", behaved), ("after", again)):
        print(f"clients that behave, {name}: {dict(clients.seen)}, 99 % in {clients.p99_ms():.1f} ms")
    print(f"web process: {before.memory >> 20} MiB before, {peak >> 20} at the most, {after.memory >> 20} after")
    print(f"its files: {before.files} before, {after.files} {REST_S} s after")
    print(f"journal and archive grew by {ended.disk - before.disk} bytes, the log by {ended.log - before.log}")
    promises = {
        "clients that behave are answered 200": set(behaved.seen) == {"200"},
        f"99 % of them in {p99_ms} ms": behaved.p99_ms() < p99_ms,
        "the flood is refused": seen["full speed: 429"] > 0,
        "memory is bounded": peak - before.memory < MEMORY_GROWTH_BYTES_MAX,
        "the disk grows by no more than the budgets": ended.disk - before.disk < 2 * DAY_BYTES_MAX,
        "the log is bounded": ended.log - before.log < LOG_BYTES_MAX,
        "connections are gone": after.files <= before.files + 4,
        "all is as before": set(again.seen) == {"200"} and again.p99_ms() < p99_ms,
    }
    return [name for name, is_kept in promises.items() if not is_kept]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--p99-ms", type=float, default=100)
    parser.add_argument("--attack", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if given.attack:
        attack = Flood(given.attack, given.seconds)
        asyncio.run(attack.run(given.connections))
        print(json.dumps(attack.seen))
        return
    if broken := measure(given.connections, given.seconds, given.p99_ms):
        sys.exit("broken: " + "; ".join(broken))
    print("all is as it was promised")


if __name__ == "__main__":
    main()
