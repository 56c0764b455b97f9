"""The certificate and key of the settings, read again when they change."""

import logging
import ssl
import stat
from pathlib import Path
from typing import Final

from footfall.metrics import Values
from footfall.settings import Settings
from footfall.system.process import SettingsUnusable

log = logging.getLogger(__name__)

# Seconds between two looks at the files of the certificate.
CERTIFICATE_PERIOD_S: Final = 10.0
# What becomes of a handshake: it ends with a connection; it fails; it is not over in time; what came is no TLS.
OUTCOMES: Final = ("complete", "failed", "slow", "plain")
# What each answer over TLS has, so that browsers speak nothing else with this host for a year.
STRICT_TRANSPORT: Final = ("strict-transport-security", "max-age=31536000")
# Version of both files: time of change, size and number of each.
_Stamp = tuple[tuple[int, int, int], ...]


class Certificate:
    """What new connections shake hands with; `handshakes` counts them by outcome.

    A pair that cannot be used leaves the one before in force. Raises SettingsUnusable when the first cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._certificate, self._key = Path(settings.tls_certificate), Path(settings.tls_key)
        self.handshakes = dict.fromkeys(OUTCOMES, 0)
        self._stamp = self._read_stamp()
        try:
            self.context = self._load()
        except (OSError, ValueError) as error:
            raise SettingsUnusable(f"TLS: {_why(error)}") from error

    def refresh(self, is_asked: bool = False) -> None:
        """Take up the files where they have changed, or in any case when asked; the log says how it went."""
        stamp = self._read_stamp()
        if stamp == self._stamp and not is_asked:
            return
        self._stamp = stamp
        try:
            self.context = self._load()
        except (OSError, ValueError) as error:
            log.error("TLS: the old certificate stays in force, the new one cannot be used: %s", _why(error))
        else:
            log.info("TLS: new connections get the certificate that is now in %s", self._certificate)

    def values(self) -> Values:
        """The metrics of the handshakes."""
        return {("footfall_tls_handshakes_total", outcome): count for outcome, count in self.handshakes.items()}

    def _load(self) -> ssl.SSLContext:
        """A context of its own for each pair: one that fails half-way would leave another useless."""
        for path in (self._certificate, self._key):
            with path.open("rb"):  # ssl's own error does not name the file
                pass
        if (mode := stat.S_IMODE(self._key.stat().st_mode)) & stat.S_IRWXO:
            raise ValueError(f"other users of this machine may use the key {self._key} ({mode:o}): chmod o= it")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        context.set_alpn_protocols(["http/1.1"])
        # A key with a password would have OpenSSL ask the terminal for it.
        context.load_cert_chain(self._certificate, self._key, password=b"")
        return context

    def _read_stamp(self) -> _Stamp | None:
        try:
            found = [path.stat() for path in (self._certificate, self._key)]
        except OSError:
            return None
        return tuple((each.st_mtime_ns, each.st_size, each.st_ino) for each in found)


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"certificate and key are no pair in PEM: {error.reason or error}"
    return f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
