"""Requests at a fixed rate, whatever the answers do: latency counts from when a request was due, not when it went."""

import asyncio
import time
from dataclasses import dataclass, field

CONNECTIONS = 64


@dataclass
class Latencies:
    """What was answered how late, in seconds, and what was not answered 200."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    def at(self, share: float) -> float:
        """The latency in ms that this share of the requests stayed under."""
        ordered = sorted(self.seconds)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000 if ordered else float("nan")


async def post(host: str, port: int, body: bytes, rate: float, stop: asyncio.Event) -> Latencies:
    """POST the body to /events `rate` times a second until `stop` is set."""
    head = f"POST /events HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
    request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    result = Latencies()
    due: asyncio.Queue[float] = asyncio.Queue()

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        while True:
            at = await due.get()
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            size = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(size)
            result.seconds.append(time.perf_counter() - at)
            result.failed += not answer.startswith(b"HTTP/1.1 200")

    tasks = [asyncio.create_task(connection()) for _ in range(CONNECTIONS)]
    begin, sent = time.perf_counter(), 0
    while not stop.is_set():
        while begin + sent / rate <= time.perf_counter():
            due.put_nowait(begin + sent / rate)
            sent += 1
        await asyncio.sleep(0.001)
    end = time.perf_counter() + 30
    while len(result.seconds) < sent and time.perf_counter() < end:  # noqa: ASYNC110 - a count, not an event
        await asyncio.sleep(0.01)
    result.failed += sent - len(result.seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return result
