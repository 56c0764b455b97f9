"""The certificate and the key of the service: whether they fit each other, and until when browsers take them."""

import re
import shlex
import ssl
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from footfall.doctor.results import CheckResult, NodeToCheck, fault, ok, warning
from footfall.wording import moment

# A certificate that is renewed by itself is so thirty days before its end: what is not by now will not be.
EXPIRY_MS: Final = 14 * 86_400_000
_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
# Tags of ASN.1 (X.690).
_VERSION: Final = 0xA0
_TIMES: Final = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}


def check_certificate(node: NodeToCheck) -> Iterator[CheckResult]:
    """The certificate and the key, where the settings name them: a pair that a start takes, and that is not over."""
    certificate, key = Path(node.settings.tls_certificate), Path(node.settings.tls_key)
    if not node.settings.tls_certificate:
        return
    if (mode := stat.S_IMODE(key.stat().st_mode)) & stat.S_IRWXO:
        text = f"other users of this machine may use the key {key} ({mode:o}): no service starts with it"
        yield fault("certificate", text, f"chmod o= {shlex.quote(str(key.absolute()))}")
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=b"")
    except (ssl.SSLError, ValueError) as error:
        remedy = "name the certificate with those that it needs, and its own key, both in PEM and without a password"
        yield fault("certificate", f"{certificate} and {key} are no pair: {error}", remedy)
    else:
        yield _check_times(certificate, node.clock.now_ms())


def _check_times(certificate: Path, now_ms: int) -> CheckResult:
    """From when and until when all certificates of the file hold."""
    times = [_validity(ssl.PEM_cert_to_DER_cert(pem)) for pem in _PEM.findall(certificate.read_text("latin-1"))]
    begins_ms, ends_ms = max(begin for begin, _ in times), min(end for _, end in times)
    remedy = "renew it: a service that runs takes the files up again when they change"
    if now_ms > ends_ms:
        return fault("certificate", f"{certificate} ended at {moment(ends_ms)}: clients refuse it", remedy)
    if now_ms < begins_ms:
        text = f"{certificate} begins at {moment(begins_ms)}: clients refuse it until then"
        return fault("certificate", text, "see whether the clock is right; else use the one before until then")
    if ends_ms - now_ms < EXPIRY_MS:
        return warning("certificate", f"{certificate} ends at {moment(ends_ms)}", remedy)
    return ok("certificate", f"{certificate} and its key fit each other, until {moment(ends_ms)}")


def _validity(der: bytes) -> tuple[int, int]:
    """The first and the last ms of a certificate (RFC 5280, 4.1), of which OpenSSL has read that it is one."""
    _, whole, _ = _read_element(der)
    _, signed, _ = _read_element(whole)
    tag, _, rest = _read_element(signed)
    # The number, the algorithm and the issuer stand between the version, which may be left out, and the times.
    for _ in range(3 if tag == _VERSION else 2):
        _, _, rest = _read_element(rest)
    _, times, _ = _read_element(rest)
    tag, begin, rest = _read_element(times)
    last_tag, end, _ = _read_element(rest)
    return _time_ms(tag, begin), _time_ms(last_tag, end)


def _read_element(der: bytes) -> tuple[int, bytes, bytes]:
    """The tag and the content of the first element, and what follows it."""
    tag, length, at = der[0], der[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(der[2:at], "big")
    return tag, der[at : at + length], der[at + length :]


def _time_ms(tag: int, text: bytes) -> int:
    return round(datetime.strptime(text.decode("ascii"), _TIMES[tag]).replace(tzinfo=UTC).timestamp() * 1000)
