"""What is written down: an event before it has its place in the chain."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from footfall.state import AuditEntry

# Characters of each text of an entry, and of all details: strangers choose some of them. Where details have more, each
# of them keeps its share, and never less than so many: nothing that was asked for is hidden behind something long.
TEXT_CHARS_MAX: Final = 300
DETAILS_CHARS_MAX: Final = 4_000
_SHARE_CHARS_MIN: Final = 32


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
            details = msgspec.json.encode(_shorten(self.details, DETAILS_CHARS_MAX)).decode()
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


def _shorten(value: Any, chars: int) -> Any:
    """The value with its longest texts cut, so that it has about so many characters."""
    match value:
        case str():
            return value if len(value) <= chars else f"{value[:chars]}... ({len(value)} characters)"
        case Mapping():
            share = max(chars // max(len(value), 1), _SHARE_CHARS_MIN)
            # A number keeps two long names apart.
            names = [name if len(name) <= share else f"{name[:share]}... ({at})" for at, name in enumerate(value)]
            return {name: _shorten(one, share) for name, one in zip(names, value.values(), strict=True)}
        case list() | tuple():
            share = max(chars // max(len(value), 1), _SHARE_CHARS_MIN)
            return [_shorten(one, share) for one in value]
    return value


def _plain(text: str) -> str:
    kept = text[:TEXT_CHARS_MAX]
    return kept if kept.isprintable() else "".join(each if each.isprintable() else "\ufffd" for each in kept)
