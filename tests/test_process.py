"""What the web processes have of their own: the listening socket, and their turns."""

import asyncio
import socket
import subprocess
import sys
import textwrap

import pytest
import uvloop

from footfall.settings import Settings
from footfall.system.process import bind, duplicate_listener


def test_one_turn_of_the_loop_lets_in_many_connections():
    listener, made = bind(Settings(host="127.0.0.1", port=0)), []
    loop, turns = uvloop.new_event_loop(), 0

    class Guest(asyncio.Protocol):
        def connection_made(self, transport):
            made.append(transport)

    servers = [loop.run_until_complete(loop.create_server(Guest, sock=sock)) for sock in duplicate_listener(listener)]
    clients = [socket.create_connection(listener.getsockname()) for _ in range(12)]
    while len(made) < len(clients):
        loop.call_soon(loop.stop)
        loop.run_forever()
        turns += 1
    assert turns < len(clients) / 2
    for end in (*clients, *made, *servers):
        end.close()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has turns of one's own")
def test_short_turns_leave_everything_else_as_it_was() -> None:
    """Kernels before 6.12 tell no turn, which is 0 then."""
    script = """
        import ctypes, os, sys
        from footfall.system import process
        os.nice(5)
        process.request_short_turns()
        seen = ctypes.create_string_buffer(process._SCHED_ATTR.size)
        number = {"x86_64": 315, "aarch64": 275}[os.uname().machine]
        assert ctypes.CDLL(None).syscall(number, 0, seen, len(seen), 0) == 0
        _, policy, flags, nice, priority, turn, *_ = process._SCHED_ATTR.unpack(seen)
        threads_turn = round(sys.getswitchinterval(), 6)
        print(policy, flags, nice, priority, turn in (0, process.SHORT_TURN_NS), os.nice(0), threads_turn)
    """
    told = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert told.stdout == "0 0 5 0 True 5 0.0001\n"
