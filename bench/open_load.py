"""The open loop in a process of its own: requests at a fixed rate, whatever the answers do.

    python bench/open_load.py PORT BODIES --rate 2000 --seconds 20 [--connections 64]

Latency counts from when a request was due, not from when it was sent, so that a pause of the service is felt by every
request that would have come in it. One thread, sockets by hand, no garbage collector, short turns as the web processes
have them: on two cores the generator must not be what is measured. What it adds itself shows against nginx. After the
seconds, or SIGTERM, it waits for the answers that are still due, and prints one line of JSON, in ms.
"""

import argparse
import gc
import json
import select
import signal
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from footfall.system.process import request_short_turns

DRAIN_LIMIT_S = 30


@dataclass
class Seen:
    """The latencies in seconds, and how many were not 200."""

    seconds: list[float]
    refused: int = 0
    late: float = 0.0
    took: float = 0.0


class Line:
    """One connection: a request that is on its way, and what has come of its answer."""

    __slots__ = ("answer", "due", "sock", "wanted")

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer = b""
        self.wanted = 0
        self.due = 0.0

    def read(self) -> bytes | None:
        """The whole answer's head once the body is there as well."""
        data = self.sock.recv(1 << 18)
        if not data:
            sys.exit("the service has closed a connection")
        self.answer += data
        if not self.wanted:
            end = self.answer.find(b"\r\n\r\n")
            if end < 0:
                return None
            head = self.answer[:end].lower()
            self.wanted = end + 4 + int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(self.answer) < self.wanted:
            return None
        answer, self.answer, self.wanted = self.answer, b"", 0
        return answer


def drive(port: int, requests: list[bytes], rate: float, seconds: float, connections: int) -> Seen:
    """Send `rate` requests a second for some seconds, each over a connection that is free."""
    free = deque(Line(port) for _ in range(connections))
    lines = {line.sock.fileno(): line for line in free}
    total, sent, seen = int(rate * seconds), 0, Seen([])
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    turn, count = 0, len(requests)
    busy: set[int] = set()
    now = time.perf_counter
    begin = now() + 0.1
    limit = begin + seconds + DRAIN_LIMIT_S
    while len(seen.seconds) < total and now() < limit:
        if stopped and total != sent:
            total, limit = sent, now() + DRAIN_LIMIT_S
        while sent < total and free and begin + sent / rate <= now():
            line = free.popleft()
            line.due = begin + sent / rate
            seen.late = max(seen.late, now() - line.due)
            line.sock.sendall(requests[turn])
            turn = (turn + 1) % count
            busy.add(line.sock.fileno())
            sent += 1
        pause = max(0.0, begin + sent / rate - now()) if sent < total and free else 1.0
        for number in select.select(busy, (), (), pause)[0]:
            line = lines[number]
            if (answer := line.read()) is not None:
                seen.seconds.append(now() - line.due)
                seen.refused += not answer.startswith(b"HTTP/1.1 200")
                busy.discard(number)
                free.append(line)
    seen.refused += total - len(seen.seconds)
    seen.took = now() - begin
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("bodies", type=Path, help="a folder with a file for each body; they take turns")
    parser.add_argument("--path", default="/events")
    parser.add_argument("--rate", type=float, default=2000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--connections", type=int, default=64)
    given = parser.parse_args()
    head = f"POST {given.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    bodies = [path.read_bytes() for path in sorted(given.bodies.iterdir())]
    requests = [f"{head}content-length: {len(body)}\r\n\r\n".encode() + body for body in bodies]
    gc.disable()
    request_short_turns()
    used = time.process_time()
    seen = drive(given.port, requests, given.rate, given.seconds, given.connections)
    used = time.process_time() - used
    ordered = sorted(seen.seconds)
    shares = {"p50": 0.5, "p99": 0.99, "p999": 0.999, "most": 1.0}
    last = len(ordered) - 1
    found = {name: ordered[min(int(len(ordered) * share), last)] * 1000 for name, share in shares.items() if ordered}
    found |= {"answers": len(ordered), "refused": seen.refused, "seconds": seen.took}
    print(json.dumps({**found, "core": used / seen.took, "late": seen.late * 1000}))


if __name__ == "__main__":
    main()
