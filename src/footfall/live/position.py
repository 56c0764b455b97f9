"""How far a stream has told the events of a node: for each writer of segments, the last line. It is the stream's id.

Times of admission would not do: of two web processes, the one with the earlier time may finish its commit last.
"""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from footfall.journal import SegmentKind

# Segments as their writers name them; packs and what was salvaged have other names.
_SEGMENT: Final = re.compile(r"([0-9]{13,16})-([0-9a-f]{8})-([0-9]{6,15})(\.quarantine)?\.jsonl\.zst(\.open)?")
_NUMBER: Final = "[0-9a-f]{1,13}"
_MARK: Final = rf"[0-9a-f]{{8}}q?-{_NUMBER}-{_NUMBER}-{_NUMBER}"
_POSITION: Final = re.compile(rf"([0-9a-f]{{1,32}})\.({_NUMBER})((?:\.{_MARK}){{0,600}})")


class SegmentName(Struct, frozen=True):
    """What the name of a segment's file says. `writer` has a `q` at its end when the lines are quarantine's."""

    name: str
    opened_ms: int
    writer: str
    number: int
    is_open: bool

    @property
    def kind(self) -> SegmentKind:
        return SegmentKind.QUARANTINE if self.writer.endswith("q") else SegmentKind.EVENTS

    @property
    def id(self) -> tuple[str, int]:
        """The same for a segment before and after it was sealed."""
        return self.writer, self.number


def parse_segment_name(name: str) -> SegmentName | None:
    """What the name says; None where it is no segment's."""
    found = _SEGMENT.fullmatch(name)
    if found is None:
        return None
    opened, writer, number, quarantine, is_open = found.groups()
    return SegmentName(name, int(opened), writer + "q" * bool(quarantine), int(number), bool(is_open))


class Mark(Struct, frozen=True):
    """How far a writer's lines are told: what is before `offset` of segment `number`, and `line` lines behind it."""

    number: int
    offset: int = 0
    line: int = 0

    def __str__(self) -> str:
        return f"{self.number:x}-{self.offset:x}-{self.line:x}"


class Position(Struct, frozen=True):
    """How far all writers' lines are told.

    Of a writer without a mark, all segments are told that were opened before `base_ms`, and none that were later.
    """

    base_ms: int
    marks: Mapping[str, Mark]

    def encode(self, node: str) -> str:
        """The position as the id of an event of this node."""
        return f"{node}.{self.base_ms:x}" + "".join(f".{writer}-{mark}" for writer, mark in self.marks.items())


def parse_position(text: str, node: str) -> Position | None:
    """The position that an id tells; None where it is none of this node's."""
    found = _POSITION.fullmatch(text)
    if found is None or found[1] != node:
        return None
    marks = {}
    for part in found[3].split(".")[1:]:
        writer, *numbers = part.split("-")
        marks[writer] = Mark(*(int(number, 16) for number in numbers))
    return Position(int(found[2], 16), marks)
