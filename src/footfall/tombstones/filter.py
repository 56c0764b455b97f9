"""The lines of segments without what is gone, and with a pseudonym in the place of the values of some persons."""

import hashlib
from collections import Counter
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from footfall.journal import Damage, SegmentKind, walk
from footfall.state import Erasure, ErasureMode, RetentionCutoff
from footfall.system import zstd
from footfall.tombstones.cutoffs import CutoffTest

_OPTIONS: dict[int, int] = {zstd.CompressionParameter.compression_level: 3, zstd.CompressionParameter.checksum_flag: 1}
# Values whose digests are kept at once: most values of a segment stand in many of its lines.
_DIGESTS_MAX = 50_000


class _Times(Struct):
    """When an event happened, and when it was received first."""

    timestamp: int = 0
    received: int = 0


class _Line(_Times):
    held_since: int = 0
    customer: str = ""
    product: str = ""
    type: str = ""
    context: list[str | None] = []


_times = msgspec.json.Decoder(_Times)
_line = msgspec.json.Decoder(_Line)


class CleanedFrames(Struct):
    """Frames without the lines of erased persons, and without those that are past; empty when none is left.

    `events` counts the lines by erasure, also those that have a pseudonym now; `removed` are lines that are gone.
    `latest_ms` has the latest time of an event of each. `past` counts the lines by cutoff.
    """

    data: bytes
    events: Counter[str]
    latest_ms: dict[str, int]
    past: Counter[str]
    removed: int = 0


class LineFilter:
    """Finds the lines of the persons of some erasures, by the secret of their digests, and those past some cutoffs.

    May be used by any thread.
    """

    def __init__(self, salt: str, erasures: Iterable[Erasure], cutoffs: Iterable[RetentionCutoff] = ()) -> None:
        self._past = CutoffTest(cutoffs)
        self._begun = hashlib.sha256(salt.encode())
        self._by_digest: dict[str, list[Erasure]] = {}
        # The places of the context to look at, from 0: by product and type, and of any product that no plan knows.
        self._places: dict[tuple[str, str], set[int]] = {}
        self._products: dict[str, set[int]] = {}
        self._planless: set[int] = set()
        self._cut_ms = self._ordered_ms = -(2**63)
        # Who has a pseudonym and is erased later is erased.
        for one in sorted(erasures, key=lambda one: one.mode is not ErasureMode.ERASE):
            self._add(one)

    def _add(self, one: Erasure) -> None:
        self._by_digest.setdefault(one.digest, []).append(one)
        self._cut_ms = max(self._cut_ms, one.cut_ms)
        self._ordered_ms = max(self._ordered_ms, one.ordered_ms)
        for place in one.rule.places:
            if not place.product:
                self._planless.add(place.position - 1)
            elif not place.types:
                self._products.setdefault(place.product, set()).add(place.position - 1)
            for kind in place.types:
                self._places.setdefault((place.product, kind), set()).add(place.position - 1)

    def clean(self, kind: SegmentKind, data: bytes) -> CleanedFrames | None:
        """The frames of a segment, cleaned; None where all lines stay. Damaged bytes stay as they are."""
        cleaned = _nothing()
        pieces: list[bytes] = []
        for part in walk(data):
            raw = data[part.offset : part.offset + part.size]
            if isinstance(part, Damage) or (lines := self._filter(kind, part.lines, cleaned)) is None:
                pieces.append(raw)
            elif lines:
                pieces.append(zstd.compress(lines, options=_OPTIONS))
        if not (cleaned.events or cleaned.past):
            return None
        cleaned.data = b"".join(pieces)
        return cleaned

    def clean_lines(self, kind: SegmentKind, lines: bytes) -> CleanedFrames | None:
        """The same for lines that are in no frame."""
        cleaned = _nothing()
        left = self._filter(kind, lines, cleaned)
        if left is None:
            return None
        cleaned.data = left
        return cleaned

    def _filter(self, kind: SegmentKind, lines: bytes, cleaned: CleanedFrames) -> bytes | None:
        """The lines that stay; None where all do as they are."""
        if self._are_all_later(lines):
            return None
        kept: list[bytes] = []
        changed = False
        digests: dict[str, str] = {}
        for text in lines.splitlines(keepends=True):
            line = _read(text)
            if line is not None and (past := self._find_past(line)):
                changed = True
                cleaned.past[past.id] += 1
                cleaned.removed += 1
                continue
            persons = self._find(kind, line, digests) if line is not None and self._by_digest else {}
            if line is None or not persons:
                kept.append(text)
                continue
            changed = True
            for one in {one.id: one for one in persons.values()}.values():
                cleaned.events[one.id] += 1
                cleaned.latest_ms[one.id] = max(cleaned.latest_ms.get(one.id, line.timestamp), line.timestamp)
            # What broke the plan may tell the value in its reason, and counts for nothing: it always goes.
            if kind is SegmentKind.EVENTS and all(one.mode is ErasureMode.PSEUDONYMISE for one in persons.values()):
                kept.append(_renamed(text, {value: one.pseudonym for value, one in persons.items()}))
            else:
                cleaned.removed += 1
        return b"".join(kept) if changed else None

    def _are_all_later(self, lines: bytes) -> bool:
        """Whether all lines are of events after every cut, as nearly all are that come in."""
        cut_ms = max(self._cut_ms, self._past.latest_ms)
        try:
            return all(
                line.timestamp > cut_ms and line.received > self._ordered_ms for line in _times.decode_lines(lines)
            )
        except msgspec.MsgspecError:
            return False

    def _find_past(self, line: _Line) -> RetentionCutoff | None:
        if line.timestamp > self._past.latest_ms:
            return None
        return self._past.find(line.product, line.type, line.timestamp, line.held_since or line.received)

    def _find(self, kind: SegmentKind, line: _Line, digests: dict[str, str]) -> dict[str, Erasure]:
        """The values of a line that are erased persons', each with its erasure; none for a line of nobody.

        One line may be of several: of who gave something, and of who got it.
        """
        if kind is SegmentKind.QUARANTINE:
            # An event that broke the plan may have the value anywhere.
            places: Iterable[int] = range(len(line.context))
        else:
            places = sorted(self._places_of(line))
        found: dict[str, Erasure] = {}
        for at in places:
            value = line.context[at] if at < len(line.context) else None
            if not value:
                continue
            digest = digests.get(value)
            if digest is None:
                if len(digests) >= _DIGESTS_MAX:
                    digests.clear()
                digest = digests[value] = self._digest(value)
            one = next((one for one in self._by_digest.get(digest, ()) if _covers(one, line, kind, at)), None)
            if one is not None and (value not in found or one.mode is ErasureMode.ERASE):
                found[value] = one
        return found

    def _places_of(self, line: _Line) -> set[int]:
        found = self._places.get((line.product, line.type), set())
        if self._products:
            found = found | self._products.get(line.product, set())
        return found | self._planless if self._planless else found

    def _digest(self, value: str) -> str:
        digest = self._begun.copy()
        digest.update(value.encode("utf-8", "surrogatepass"))
        return digest.hexdigest().upper()


def _nothing() -> CleanedFrames:
    return CleanedFrames(b"", Counter(), {}, Counter())


def _read(text: bytes) -> _Line | None:
    """A line; None for one that is not ours, which the store refuses."""
    try:
        return _line.decode(text)
    except msgspec.MsgspecError:
        return None


def _covers(one: Erasure, line: _Line, kind: SegmentKind, at: int) -> bool:
    if line.timestamp > one.cut_ms and line.received > one.ordered_ms:
        return False
    if one.rule.customers and line.customer not in one.rule.customers:
        return False
    if kind is SegmentKind.QUARANTINE:
        return not one.rule.products or line.product in one.rule.products
    return any(
        place.position == at + 1
        and (
            (place.product == line.product and (not place.types or line.type in place.types))
            or (not place.product and line.product not in one.rule.planned)
        )
        for place in one.rule.places
    )


def _renamed(text: bytes, pseudonyms: dict[str, str]) -> bytes:
    """A line with the pseudonyms wherever its context has their values."""
    line = msgspec.json.decode(text)
    line["context"] = [pseudonyms.get(each, each) for each in line["context"]]
    return msgspec.json.encode(line) + b"\n"
