"""Connections that have sent one request and stay open: N of them, until standard input ends.

    python bench/idle_load.py PORT BODY --connections 10000

Prints a line when all are open, and at the end how many of them still answer.
"""

import argparse
import contextlib
import resource
import select
import socket
import sys
import time
from pathlib import Path

AT_ONCE = 200
ANSWER_LIMIT_S = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("body", type=Path)
    parser.add_argument("--connections", type=int, default=10_000)
    given = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    body = given.body.read_bytes()
    head = "POST /events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    lines: list[socket.socket] = []
    for first in range(0, given.connections, AT_ONCE):
        some = [
            socket.create_connection(("127.0.0.1", given.port)) for _ in range(min(AT_ONCE, given.connections - first))
        ]
        if ask(some, request) < len(some):
            sys.exit("a connection was not answered 200")
        lines += some
    print(len(lines), flush=True)
    sys.stdin.read()
    print(sum(ask(lines[first : first + AT_ONCE], request) for first in range(0, len(lines), AT_ONCE)), flush=True)


def ask(lines: list[socket.socket], request: bytes) -> int:
    """Send a request over each of these connections; gives how many are answered 200."""
    waiting: dict[int, socket.socket] = {}
    seen: dict[int, bytes] = {}
    poll = select.poll()
    for line in lines:
        with contextlib.suppress(OSError):
            line.sendall(request)
            waiting[line.fileno()] = line
            poll.register(line, select.POLLIN)
    answers, limit = 0, time.monotonic() + ANSWER_LIMIT_S
    while waiting and time.monotonic() < limit:
        for number, _ in poll.poll(1000):
            data = waiting[number].recv(65536)
            seen[number] = seen.get(number, b"") + data
            if not data or is_whole(seen[number]):
                poll.unregister(number)
                del waiting[number]
                answers += seen[number].startswith(b"HTTP/1.1 200")
    return answers


def is_whole(answer: bytes) -> bool:
    """Whether all of an answer has come."""
    head, end, body = answer.partition(b"\r\n\r\n")
    return bool(end) and len(body) >= int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])


if __name__ == "__main__":
    main()
