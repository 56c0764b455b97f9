"""What the values at one place of a context have in common: how many, how long, which few, of which kind."""

import re
from enum import StrEnum
from typing import Final

from footfall.plan.rules import UUID
from footfall.wording import count_of

# Beyond what an integer of 64 bits has, digits are a name.
INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
# A longer value is no choice among a few: it is text.
_CHOICE_CHARS_MAX: Final = 100
# Few different values among fewer than these, or seen less often each, say nothing: two testers are no closed set.
_CHOICE_VALUES_MIN: Final = 100
_CHOICE_REPEATS_MIN: Final = 10


class ValueKind(StrEnum):
    """What all values of a place are that are not empty; the first that fits counts."""

    UUID = "uuid"
    INTEGER = "integer"
    CHOICE = "choice"
    TEXT = "text"


class ValueStatistics:
    """Counts values; holds `choices_max` different ones at the most, and forgets them when there are more."""

    def __init__(self, choices_max: int) -> None:
        self.values = 0
        self.empty = 0
        self.chars_min = self.chars_max = 0
        self.least = self.most = 0
        # How often each value was seen, while there are few; None once there are more.
        self.choices: dict[str, int] | None = {}
        # Whether all of them had this form so far.
        self.is_uuid = self.is_integer = True
        self._choices_max = choices_max

    def add(self, value: str) -> None:
        """Count one value."""
        if not value:
            self.empty += 1
            return
        self.values += 1
        if self.choices is not None:
            if value in self.choices:
                self.choices[value] += 1
                return
            self._keep(value, 1)
        self._look(value, is_first=self.values == 1)

    def merge(self, other: "ValueStatistics") -> None:
        """Count what another has counted."""
        if not other.values:
            self.empty += other.empty
            return
        is_first = not self.values
        self.values += other.values
        self.empty += other.empty
        self.is_uuid &= other.is_uuid
        self.is_integer &= other.is_integer
        self._widen((other.chars_min, other.chars_max), (other.least, other.most), is_first=is_first)
        if other.choices is None:
            self.choices = None
        for value, count in (other.choices or {}).items():
            if self.choices is not None:
                self._keep(value, count)

    @property
    def kind(self) -> ValueKind:
        """The kind of the values; text where there is none."""
        if self.values and self.is_uuid:
            return ValueKind.UUID
        if self.values and self.is_integer:
            return ValueKind.INTEGER
        return ValueKind.CHOICE if self._is_choice else ValueKind.TEXT

    def describe(self) -> str:
        """The values in a few words, such as `integer, 1 to 4711; 3 empty`."""
        said = {
            ValueKind.UUID: "UUID",
            ValueKind.INTEGER: f"integer, {_span(self.least, self.most)}",
            ValueKind.CHOICE: f"one of {len(self.choices or ())}",
            ValueKind.TEXT: f"text, {self._length}",
        }[self.kind]
        if not self.values:
            return "never a value"
        different = f", {len(self.choices)} different" if self.choices is not None else ""
        different = "" if self.kind is ValueKind.CHOICE else different
        return f"{said}{different}" + (f"; {self.empty:,} empty" if self.empty else "")

    @property
    def _length(self) -> str:
        if self.chars_min == self.chars_max:
            return count_of(self.chars_max, "character")
        return f"{self.chars_min} to {self.chars_max} characters"

    @property
    def _is_choice(self) -> bool:
        if self.choices is None:
            return False
        enough = max(_CHOICE_VALUES_MIN, _CHOICE_REPEATS_MIN * len(self.choices))
        return len(self.choices) > 1 and self.values >= enough

    def _keep(self, value: str, count: int) -> None:
        assert self.choices is not None  # noqa: S101 - the callers have looked
        if value not in self.choices and (len(self.choices) == self._choices_max or len(value) > _CHOICE_CHARS_MAX):
            self.choices = None
            return
        self.choices[value] = self.choices.get(value, 0) + count

    def _look(self, value: str, *, is_first: bool) -> None:
        """Take a value's length and form into account."""
        self.is_uuid = self.is_uuid and UUID.fullmatch(value) is not None
        self.is_integer = self.is_integer and INTEGER.fullmatch(value) is not None
        number = int(value) if self.is_integer else 0
        self._widen((len(value), len(value)), (number, number), is_first=is_first)

    def _widen(self, chars: tuple[int, int], numbers: tuple[int, int], *, is_first: bool) -> None:
        if is_first:
            self.chars_min, self.chars_max = chars
            self.least, self.most = numbers
        self.chars_min, self.chars_max = min(self.chars_min, chars[0]), max(self.chars_max, chars[1])
        self.least, self.most = min(self.least, numbers[0]), max(self.most, numbers[1])


def _span(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"
