"""Whether the service that runs answers, as which version; whether one that does not run could begin to listen."""

import errno
import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from footfall.doctor.machine import CLOCKS_DIFFER_MS
from footfall.doctor.results import CheckResult, NodeToCheck, fault, ok, warning
from footfall.plan import PlanInvalid, load_plan
from footfall.settings import Settings
from footfall.system.data_format import own_format
from footfall.system.served_settings import has_shared
from footfall.wire import ServiceVersion
from footfall.wording import plain

# A process that lives answers these calls in milliseconds.
_TIMEOUT_S: Final = 5.0
_ANSWER_BYTES_MAX: Final = 64 * 1024
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a service may listen on


class _Refusal(Struct):
    """The part of an error's body that is for people."""

    value: dict[str, str]


def check_plan(node: NodeToCheck) -> Iterator[CheckResult]:
    """The tracking plan's file."""
    path = Path(node.settings.plan) if node.settings.plan else None
    try:
        plan = load_plan(path)
    except PlanInvalid as error:
        for line in str(error).splitlines():
            yield fault("plan", line, f"mend the file; footfall plan check {path} tells what is left")
        return
    name = "the packaged one" if plan.is_packaged else f"{plan.source}, {plan.fingerprint}"
    yield ok("plan", f"{name}, mode {node.settings.plan_mode}")


def check_service(node: NodeToCheck) -> Iterator[CheckResult]:
    """Whether the service that runs takes events."""
    settings = node.settings
    if not node.is_served:
        yield ok("service", "it does not run on this data folder")
        return
    if not has_shared(settings):
        text = "it does not listen yet, or its processes run one by one"
        yield warning("service", text, "give this again in some seconds; its log tells what it waits for")
        return
    try:
        with closing(_connection(settings)) as connection:
            status, body, date = _ask(connection, "/health/ready")
            running = msgspec.json.decode(_ask(connection, "/service/version")[1], type=ServiceVersion)
    except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
        text = f"it runs, and does not answer at {_address(settings)}: {error or type(error).__name__}"
        yield fault("service", text, "look at its log; kill -9 of it is safe at any time, and the next start recovers")
        return
    if status == 200:
        yield ok("service", f"it takes events at {_address(settings)}")
    else:
        yield fault("service", f"it answers {status}: {_reason(body)}", "see the other lines; its log tells more")
    if running.service.version != own_format().footfall:
        text = f"footfall {running.service.version} runs, and this is {own_format().footfall}"
        yield warning("service", text, "restart the service (SIGUSR2), or take the program of its version")
    if date is not None and abs(date - node.clock.now_ms()) > CLOCKS_DIFFER_MS:
        text = f"its clock is {abs(date - node.clock.now_ms()) / 1000:,.0f} s off this one's"
        yield fault("clock", text, "have the machine's clock set by NTP, and restart the service")


def check_port(node: NodeToCheck) -> Iterator[CheckResult]:
    """Whether the port is free for a start."""
    settings = node.settings
    if node.is_served or settings.port == 0:
        return
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, address = found[0][0], found[0][4]
        with socket.socket(family, socket.SOCK_STREAM) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(address)
    except OSError as error:
        port = f"port {settings.port} of {settings.host}"
        if error.errno == errno.EADDRINUSE:
            remedy = f"`ss -ltnp 'sport = :{settings.port}'` tells which program has it: end that, or set another port"
            yield fault("port", f"{port} is taken by another program", remedy)
        elif error.errno == errno.EACCES:
            remedy = "set a port from 1024 on, with a proxy or a service manager's socket in front"
            yield fault("port", f"{port} is for root alone", remedy)
        else:
            yield fault("port", f"{port} cannot be listened on: {error.strerror}", "set a host of this machine")
        return
    yield ok("port", f"{settings.host}:{settings.port} is free")


def _address(settings: Settings) -> str:
    host = _ANY.get(settings.host, settings.host)
    scheme = "https" if settings.tls_certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _connection(settings: Settings) -> http.client.HTTPConnection:
    host = _ANY.get(settings.host, settings.host)
    if not settings.tls_certificate:
        return http.client.HTTPConnection(host, settings.port, timeout=_TIMEOUT_S)
    # The certificate names the service as its clients call it, which is not this address.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(host, settings.port, timeout=_TIMEOUT_S, context=context)


def _ask(connection: http.client.HTTPConnection, target: str) -> tuple[int, bytes, int | None]:
    """The status, the body, and the time of an answer in ms."""
    connection.request("GET", target)
    answer = connection.getresponse()
    date = answer.getheader("date")
    body = answer.read(_ANSWER_BYTES_MAX)
    try:
        now_ms = int(parsedate_to_datetime(date).timestamp() * 1000) if date else None
    except ValueError:
        now_ms = None
    return answer.status, body, now_ms


def _reason(body: bytes) -> str:
    try:
        return plain(msgspec.json.decode(body, type=list[_Refusal])[0].value["message"])
    except (msgspec.DecodeError, LookupError):
        return "without a reason"
