"""What is written down: an event before it has its place in the chain."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from footfall.state import AuditEntry

# Characters of each text of an entry, and of all details: strangers choose some of them.
TEXT_CHARS_MAX: Final = 300
DETAILS_CHARS_MAX: Final = 4_000


class AuditEvent(Struct, frozen=True, kw_only=True):
    """Something that somebody did. `details` are small: what was asked for, and numbers."""

    action: str
    outcome: str = "ok"
    who: str = ""
    account: str = ""
    key: str = ""
    address: str = ""
    target: str = ""
    details: Mapping[str, Any] = {}

    def entry(self, at_ms: int, node: str) -> AuditEntry:
        """The entry, without its place in the chain; texts are cut, and have no character that a database refuses."""
        details = msgspec.json.encode(self.details).decode()
        if len(details) > DETAILS_CHARS_MAX:
            details = msgspec.json.encode({"cut": details[:TEXT_CHARS_MAX]}).decode()
        return AuditEntry(
            at_ms=at_ms,
            node=node,
            action=self.action,
            outcome=self.outcome,
            who=_plain(self.who),
            account=_plain(self.account),
            key=_plain(self.key),
            address=_plain(self.address),
            target=_plain(self.target),
            details=details.replace("\\u0000", "\\ufffd"),
        )


def _plain(text: str) -> str:
    kept = text[:TEXT_CHARS_MAX]
    return kept if kept.isprintable() else "".join(each if each.isprintable() else "\ufffd" for each in kept)
