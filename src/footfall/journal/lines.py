"""The lines of one request, and where they are stamped."""

from msgspec import Struct

# Where the stamps of a line go, before its closing brace. JSON text has no tab: within strings it is escaped.
STAMPS = b"\t"


class Lines(Struct, frozen=True, gc=False):
    """The JSON lines of one request, each with STAMPS before its closing brace, by what is still to be stamped there.

    `events` get the times of receipt and admission, `quarantined` that of receipt, `released`, which have one, that of
    admission.
    """

    events: bytes = b""
    quarantined: bytes = b""
    released: bytes = b""


def mark(lines: bytes) -> bytes:
    """Plain JSON lines with STAMPS in each; a raw newline only ever ends a line in JSON."""
    return lines.replace(b"}\n", STAMPS + b"}\n")
