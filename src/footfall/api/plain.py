"""The usual answer, 200 with JSON, whose head hardly ever changes: put together once a second, and not for each."""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from footfall import refusals
from footfall.api.cors import Allowed, Headings


class Plain:
    """Makes answers that have no header but the server's own, those of their content, and those for other origins."""

    def __init__(self, allowed: Allowed) -> None:
        self._own: Headings | None = None
        self._front = b""
        # Where the answer depends on who asks, there is no usual one.
        self.is_usual = allowed.any is not None
        self._back = b"\r\n%b\r\n" % head(allowed.any or ())

    def answer(self, own: Headings, content: bytes) -> bytes:
        """Head and content. The server makes its own headers anew every second, and is asked for nothing else."""
        if own is not self._own:
            self._own = own
            self._front = STATUS_LINE[200] + head((*own, refusals.CONTENT_TYPE)) + b"content-length: "
        return b"%b%d%b%b" % (self._front, len(content), self._back, content)


def head(headers: Headings) -> bytes:
    """Headers as they are sent."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])
