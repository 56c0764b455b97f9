"""TLS at the door: real handshakes, real certificates, and clients that do it wrong."""

import asyncio
import contextlib
import os
import ssl

import pytest
import trustme
from events_server import connecting as plainly
from events_server import post, read, serving

from footfall.settings import Settings
from footfall.settings.load import SettingsInvalid, load
from footfall.system.process import SettingsUnusable
from footfall.web import Certificate

WITHIN_S = 60


@pytest.fixture(scope="module")
def authority():
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


def write_pair(folder, authority, name="localhost"):
    """A certificate and its key in files; returns the settings that name them."""
    issued = authority.issue_cert(name)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    key.unlink(missing_ok=True)
    issued.private_key_pem.write_to_path(key)
    key.chmod(0o600)
    certificate.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
    return {"tls_certificate": str(certificate), "tls_key": str(key)}


def trusting(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@contextlib.asynccontextmanager
async def connecting(server, context, name="localhost"):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context, server_hostname=name)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def ask(reader, writer):
    writer.write(post())
    return (await read(reader))[9:12]


async def ended(reader):
    """What comes up to the end, however it comes; nothing where the other side cut."""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        return await asyncio.wait_for(reader.read(), WITHIN_S)


async def until(is_so):
    async with asyncio.timeout(WITHIN_S):
        while not is_so():
            await asyncio.sleep(0.01)


async def test_events_come_in_over_tls_one_request_after_the_other_and_in_pieces(tmp_path, authority):
    context = trusting(authority)
    async with serving(tmp_path, **write_pair(tmp_path, authority)) as server:
        async with connecting(server, context) as (reader, writer):
            assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
            for _ in range(3):
                assert await ask(reader, writer) == b"200"
            writer.write(post() * 5)
            assert [(await read(reader))[9:12] for _ in range(5)] == [b"200"] * 5
            for byte in post():
                writer.write(bytes([byte]))
            assert (await read(reader))[9:12] == b"200"
        assert server.certificate.handshakes == {"complete": 1, "failed": 0, "slow": 0, "plain": 0}
        assert server.stored() == 9
        await until(lambda: not server.connections)


async def test_a_long_body_and_a_refused_one_have_their_answers(tmp_path, authority):
    """The refusal comes before the body is read, so that the server ends what it sends and discards the rest."""
    async with (
        serving(tmp_path, body_bytes_max=100_000, **write_pair(tmp_path, authority)) as server,
        connecting(server, trusting(authority)) as (reader, writer),
    ):
        body = b'{"events":[' + b" " * 90_000 + b"]}"
        writer.write(post(body))
        assert (await read(reader))[9:12] in (b"200", b"400")
        writer.write(post(b"x" * 150_000))
        assert (await read(reader))[9:12] == b"413"
        assert await ended(reader) in (b"", None)


async def test_a_client_that_ends_its_side_gets_its_answer(tmp_path, authority):
    async with serving(tmp_path, **write_pair(tmp_path, authority)) as server, plainly(server) as connect:
        reader, writer = await connect()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = trusting(authority).wrap_bio(incoming, outgoing, server_hostname="localhost")

        async def do(call):
            async with asyncio.timeout(WITHIN_S):
                while True:
                    with contextlib.suppress(ssl.SSLWantReadError):
                        return call()
                    if outgoing.pending:
                        writer.write(outgoing.read())
                    incoming.write(await reader.read(65536))

        await do(tls.do_handshake)
        tls.write(post())
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.unwrap()
        writer.write(outgoing.read())
        writer.write_eof()
        assert (await do(lambda: tls.read(65536)))[9:12] == b"200"


@pytest.mark.parametrize("is_asked", [False, True])
async def test_a_new_certificate_is_for_new_connections_and_open_ones_go_on(tmp_path, authority, is_asked):
    context = trusting(authority)
    async with (
        serving(tmp_path, **write_pair(tmp_path, authority)) as server,
        connecting(server, context) as before,
    ):
        assert await ask(*before) == b"200"
        write_pair(tmp_path, authority, "new.example")
        server.certificate.refresh(is_asked)
        assert await ask(*before) == b"200"
        async with connecting(server, context, "new.example") as after:
            assert await ask(*after) == b"200"
        with pytest.raises(ssl.SSLCertVerificationError):
            async with connecting(server, context):
                pass
        assert await ask(*before) == b"200"


@pytest.mark.parametrize("broken", ["no pair", "no certificate", "gone", "open to all"])
async def test_a_pair_that_cannot_be_used_leaves_the_old_one_in_force_and_the_log_says_so(
    tmp_path, authority, broken, caplog
):
    pair = write_pair(tmp_path, authority)
    async with serving(tmp_path, **pair) as server:
        certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
        match broken:
            case "no pair":
                authority.issue_cert("x").private_key_pem.write_to_path(key)
            case "no certificate":
                certificate.write_text("-----BEGIN CERTIFICATE-----")
            case "gone":
                key.unlink()
            case "open to all":
                key.chmod(0o644)
        server.certificate.refresh(is_asked=True)
        assert [record.levelname for record in caplog.records if "the old certificate stays" in record.message] == [
            "ERROR"
        ]
        async with connecting(server, trusting(authority)) as made:
            assert await ask(*made) == b"200"
    with pytest.raises(SettingsUnusable, match=r"^TLS: "):
        Certificate(Settings(**pair))


def test_a_changed_file_is_noticed_and_an_unchanged_one_is_not_read_again(tmp_path, authority):
    certificate = Certificate(Settings(**write_pair(tmp_path, authority)))
    first = certificate.context
    certificate.refresh()
    assert certificate.context is first
    write_pair(tmp_path, authority)
    certificate.refresh()
    assert certificate.context is not first


def test_one_of_the_two_settings_alone_is_a_problem():
    with pytest.raises(SettingsInvalid, match="TLS needs tls_key too"):
        load(None, {"FOOTFALL_TLS_CERTIFICATE": "x.pem"}, {})


async def test_a_handshake_that_never_ends_is_closed_after_the_time_of_a_head_and_counted(tmp_path, authority):
    pair = write_pair(tmp_path, authority)
    async with serving(tmp_path, head_timeout_s=1, **pair) as server, plainly(server) as connect:
        slow = [await connect() for _ in range(3)]
        slow[1][1].write(b"\x16\x03\x01")
        for reader, _ in slow:
            assert await ended(reader) in (b"", None)
        await until(lambda: server.certificate.handshakes["slow"] == 3)
        await until(lambda: not server.connections)


async def test_handshakes_under_way_have_a_place_among_the_connections_and_make_room(tmp_path, authority):
    limits = {"address_connections_max": 2, "limits_mode": "refuse", "trusted_proxies": ""}
    pair = write_pair(tmp_path, authority)
    async with serving(tmp_path, **limits, **pair) as server, plainly(server) as connect:
        slow = [await connect() for _ in range(2)]
        await until(lambda: len(server.connections) == 2)
        async with connecting(server, trusting(authority)) as made:
            assert await ask(*made) == b"200"
            assert await ended(slow[0][0]) in (b"", None)


async def test_http_without_tls_is_told_so_and_nothing_is_taken(tmp_path, authority):
    async with serving(tmp_path, **write_pair(tmp_path, authority)) as server, plainly(server) as connect:
        reader, writer = await connect()
        writer.write(post())
        assert b"400 Bad Request" in (answer := await ended(reader))
        assert answer.endswith(b"\r\n\r\nthis port speaks https\n")
        assert server.stored() == 0
        assert server.certificate.handshakes["plain"] == 1


@pytest.mark.parametrize("version", ["SSLv3", "TLSv1", "TLSv1_1"])
async def test_old_versions_of_tls_are_refused(tmp_path, authority, version):
    """The hello is made by hand: a library that still speaks them need not be there."""
    number = {"SSLv3": 0, "TLSv1": 1, "TLSv1_1": 2}[version]
    hello = bytes([3, number]) + bytes(32) + b"\x00" + b"\x00\x04\x00\x2f\xc0\x14" + b"\x01\x00"
    message = b"\x01" + len(hello).to_bytes(3, "big") + hello
    async with serving(tmp_path, **write_pair(tmp_path, authority)) as server, plainly(server) as connect:
        reader, writer = await connect()
        writer.write(b"\x16" + bytes([3, number]) + len(message).to_bytes(2, "big") + message)
        answer = await ended(reader)
        # An alert that is fatal, and no hello of the server.
        assert answer is None or answer[:1] == b"\x15"
        await until(lambda: server.certificate.handshakes["failed"] == 1)


async def test_the_oldest_version_that_is_spoken_is_1_2(tmp_path, authority):
    context = trusting(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with (
        serving(tmp_path, **write_pair(tmp_path, authority)) as server,
        connecting(server, context) as (reader, writer),
    ):
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.2"
        assert await ask(reader, writer) == b"200"


async def test_garbage_in_an_open_connection_ends_it_alone(tmp_path, authority):
    async with (
        serving(tmp_path, **write_pair(tmp_path, authority)) as server,
        connecting(server, trusting(authority)) as made,
        connecting(server, trusting(authority)) as other,
    ):
        assert await ask(*made) == b"200"
        os.write(made[1].get_extra_info("socket").fileno(), b"\x17\x03\x03\x00\x05hello")
        await ended(made[0])
        assert await ask(*other) == b"200"
