"""The listening socket of the web processes."""

import asyncio
import socket

import uvloop

from footfall.process import bind, multiply
from footfall.settings import Settings


def test_one_turn_of_the_loop_lets_in_many_connections():
    listener, made = bind(Settings(host="127.0.0.1", port=0)), []
    loop, turns = uvloop.new_event_loop(), 0

    class Guest(asyncio.Protocol):
        def connection_made(self, transport):
            made.append(transport)

    servers = [loop.run_until_complete(loop.create_server(Guest, sock=sock)) for sock in multiply(listener)]
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
