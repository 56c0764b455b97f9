"""What a client over TLS can make the server keep or do, without a request that has it counted."""

import asyncio
import contextlib
import hmac
import os
import socket
import ssl
import struct
import time
from pathlib import Path

import pytest
import trustme
import uvloop
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from events_server import post, serving

from footfall.rate_limits import Limit

WITHIN_S = 60
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The settings that name a certificate and its key."""
    folder = tmp_path_factory.mktemp("pair")
    issued = trustme.CA(key_type=trustme.KeyType.ECDSA).issue_cert("localhost")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    key.touch(0o600)
    issued.private_key_pem.write_to_path(key)
    issued.cert_chain_pems[0].write_to_path(certificate)
    return {"tls_certificate": str(certificate), "tls_key": str(key), "trusted_proxies": ""}


def trusting_all():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def connect(server, context=None):
    """A connection of a thread: its TLS has no buffers in memory."""
    plain = socket.create_connection(("127.0.0.1", server.port), WITHIN_S)
    return (context or trusting_all()).wrap_socket(plain)


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_long_body_leaves_no_long_buffers_at_its_connection(tmp_path, pair):
    """Each kept 490 KiB before, as long as it was open; beside 1 KiB of a connection without TLS."""

    def send(server, count):
        made = [connect(server) for _ in range(count)]
        for one in made:
            one.sendall(post(b'{"events":[' + b" " * 600_000 + b"]}"))
            assert one.recv(MIB)[9:12] == b"200"
        return made

    async def grow():
        async with serving(tmp_path, address_connections_max=0, **pair) as server:
            made = await asyncio.to_thread(send, server, 5)
            before = resident_bytes()
            made += await asyncio.to_thread(send, server, 40)
            grown = resident_bytes() - before
            for one in made:
                one.close()
            return grown

    assert uvloop.run(grow()) < 8 * MIB


class KeyChanger:
    """Makes the records of a client of TLS 1.3 that changes its key and wants the server to change its own."""

    def __init__(self, secrets):
        (line,) = [line for line in secrets.read_text().splitlines() if line.startswith("CLIENT_TRAFFIC_SECRET_0 ")]
        self._secret = bytes.fromhex(line.split()[2])

    def _derived(self, label, size):
        wanted = struct.pack(">HB", size, 6 + len(label)) + b"tls13 " + label + b"\x00\x01"
        return hmac.digest(self._secret, wanted, "sha384")[:size]

    def record(self):
        key, nonce = AESGCM(self._derived(b"key", 32)), self._derived(b"iv", 12)
        self._secret = self._derived(b"traffic upd", 48)
        head, message = b"\x17\x03\x03\x00\x16", b"\x18\x00\x00\x01\x01" + b"\x16"
        return head + key.encrypt(nonce, message, head)


async def test_a_client_that_only_changes_its_key_is_cut(tmp_path, pair):
    """A change takes 15 us for 27 bytes, and has an answer: a second of the process for 2 MB, counted by nobody."""
    context = trusting_all()
    context.keylog_filename = str(tmp_path / "secrets")

    def change(server):
        with connect(server, context) as made:
            assert made.cipher()[0] == "TLS_AES_256_GCM_SHA384"
            changer = KeyChanger(tmp_path / "secrets")
            with socket.socket(fileno=os.dup(made.fileno())) as plain, contextlib.suppress(ConnectionError):
                plain.settimeout(WITHIN_S)
                plain.sendall(b"".join(changer.record() for _ in range(5_000)))
                while plain.recv(MIB):
                    pass

    async with serving(tmp_path, **pair) as server:
        await asyncio.to_thread(change, server)
        assert not server.collector.refusals


async def test_what_comes_behind_the_end_of_the_data_is_not_kept(tmp_path, pair):
    held = asyncio.Event()

    def send(server):
        made = connect(server)
        made.sendall(b"GET /held HTTP/1.1\r\nhost: here\r\n\r\n")
        # The end that TLS has; that of TCP does not follow.
        made.settimeout(0.1)
        with contextlib.suppress(OSError):
            made.unwrap()
        with made, socket.socket(fileno=os.dup(made.fileno())) as plain:
            plain.settimeout(WITHIN_S)
            before = resident_bytes()
            with contextlib.suppress(ConnectionError):
                for _ in range(48):
                    plain.sendall(bytes(MIB))
            return resident_bytes() - before

    async with serving(tmp_path, held=held, **pair) as server:
        grown = await asyncio.to_thread(send, server)
        held.set()
    assert grown < 16 * MIB


async def test_a_handshake_without_a_request_costs_its_address_a_request(tmp_path, pair):
    limits = {"limits_mode": "refuse", "address_requests_per_s": 1, "address_requests_burst": 5}
    async with serving(tmp_path, **limits, **pair) as server:
        made = await asyncio.gather(*(asyncio.to_thread(connect, server) for _ in range(20)))
        for one in made:
            one.close()
        async with asyncio.timeout(WITHIN_S):
            while server.connections:
                await asyncio.sleep(0.01)
        assert server.collector.limit_hits.counts[Limit.ADDRESS_REQUESTS]


def test_an_address_over_its_limit_waits_for_its_handshake(tmp_path, pair):
    """The loop is uvloop, which begins to read a connection after it was made."""

    async def wait():
        limits = {"limits_mode": "refuse", "address_requests_per_s": 1, "address_requests_burst": 5}
        async with serving(tmp_path, **limits, **pair) as server:
            server.collector.address_limits.charge("127.0.0.1", 600 * 2**14)
            began = time.monotonic()
            made = await asyncio.to_thread(connect, server)
            waited = time.monotonic() - began
            made.close()
            return waited, dict(server.certificate.handshakes)

    waited, handshakes = uvloop.run(wait())
    assert waited > 0.9
    assert handshakes == {"complete": 1, "failed": 0, "slow": 0, "plain": 0}


def test_long_requests_one_behind_the_other_wait_in_the_socket(tmp_path, pair):
    """Each pause between pieces of a body let another packet in: all that a client sent ahead was kept."""

    def send(server):
        with connect(server) as made:
            request = post(b'{"events":[' + b" " * 600_000 + b"]}")
            for _ in range(60):
                made.sendall(request)
            found = b""
            while found.count(b"HTTP/1.1 200") < 60:
                found += made.recv(MIB)

    async def flood():
        async with serving(tmp_path, **pair) as server:
            sending, most = asyncio.create_task(asyncio.to_thread(send, server)), 0
            while not sending.done():
                await asyncio.sleep(0)
                most = max([most, *(len(one.transport._waiting) for one in server.connections if one.transport)])
            await sending
            return most

    assert uvloop.run(flood()) <= MIB


def test_what_is_sent_behind_a_refused_body_is_read_on(tmp_path, pair):
    """Reading stays paused no longer than the request: what came behind it kept a client from its answer's end."""

    def send(server):
        with connect(server) as made:
            head = b"POST /events HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
            made.sendall(
                head
                + b"transfer-encoding: chunked\r\n\r\n"
                + b"%x\r\n" % 600_000
                + b" " * 600_000
                + b"\r\nno length\r\n"
            )
            made.sendall(b" " * 10 * MIB)
            return made.recv(MIB)[9:12]

    async def refuse():
        async with serving(tmp_path, linger_s=3600, **pair) as server:
            return await asyncio.to_thread(send, server)

    assert uvloop.run(refuse()) == b"400"
