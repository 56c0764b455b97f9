"""Reads values from a request's body, and collects all problems with them."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, UnsetType

from footfall import validation, windows
from footfall.errors import Code, Problem, RequestRefused
from footfall.reports.files import key_problem
from footfall.settings import Settings
from footfall.validation import Mistake
from footfall.wire import mend_json

DELIMITER = "|"

# The largest integer that JavaScript represents exactly.
TIME_MS_MAX = 2**53 - 1
# A quote, the ends of a row, and the end of a string in C.
_NOT_DELIMITERS = ('"', "\r", "\n", "\0")

_UTC = ZoneInfo("UTC")
_decode = msgspec.json.Decoder().decode


class BodyReader:
    """Reads values from one body and collects problems with them; a wrong value reads as absent.

    A key with the value null counts as not sent, because clients write optional values so. `mistakes` are likely
    ones; for a strict reader they are problems.
    """

    def __init__(self, settings: Settings, *, strict: bool = False) -> None:
        self.mistakes: list[Mistake] = []
        self._strict = strict
        self._settings = settings
        self._problems: list[Problem] = []

    def wrong(self, where: str, why: str, code: Code = Code.REQUEST_PARAMETER_MALFORMED) -> None:
        """Collect a problem."""
        self._problems.append(Problem(code, where, why))

    def mistake(self, mistake: Mistake) -> None:
        """Collect a likely mistake."""
        if self._strict:
            self._problems.append(mistake.problem())
        elif len(self.mistakes) < self._settings.problems_max:
            self.mistakes.append(mistake)

    def keys(self, part: dict[str, Any], known: tuple[str, ...], prefix: str, others: Mapping[str, str]) -> None:
        """Collect the keys that are not known; `others` tells the right path of keys in the wrong part."""
        for mistake in validation.unknown_keys(part, known, self._settings.problems_max, prefix, others):
            self.mistake(mistake)

    def refuse(self, what: str = "the report cannot be started") -> None:
        """Raise RequestRefused when problems were found; `what` names the thing that cannot be made."""
        if not self._problems:
            return
        codes = {problem.code for problem in self._problems}
        malformed = Code.REQUEST_INPUT_MALFORMED
        code = malformed if malformed in codes else Code.REQUEST_PARAMETER_MALFORMED
        count = "one thing is" if len(self._problems) == 1 else f"{len(self._problems)} things are"
        problems = tuple(self._problems[: self._settings.problems_max])
        raise RequestRefused(code, f"{what}: {count} wrong", problems)

    def body(self, body: bytes) -> dict[str, Any]:
        """The body as a JSON object. Raises RequestRefused when it is none."""
        try:
            found = _decode(mend_json(body))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._misshapen("body", f"is not JSON in UTF-8: {error}")
        except RecursionError:
            self._misshapen("body", "is nested too deep")
        else:
            if isinstance(found, dict):
                return found
            self._misshapen("body", 'must be an object like {"filter": {"customer": ..., "product": ...}}')
        self.refuse()
        return {}

    def part(self, body: dict[str, Any], key: str, *, required: bool) -> dict[str, Any]:
        """An object in the body; empty where it is absent. Raises RequestRefused when a required part is wrong."""
        found = body.get(key)
        if isinstance(found, dict):
            return found
        if found is not None:
            self._misshapen(key, "must be an object")
        elif required:
            self._misshapen(key, "is missing; it must be an object with customer and product")
        if required:
            self.refuse()  # Otherwise each of its required values would be a problem too.
        return {}

    def name(self, wanted: dict[str, Any], where: str) -> str:
        """A required code."""
        found = _value(wanted, where)
        if found is None:
            self.wrong(where, "is missing; it must be a string")
        elif not isinstance(found, str):
            self.wrong(where, "must be a string")
        elif not found:
            self.wrong(where, "must not be empty")
        elif len(found) > self._settings.code_chars_max:
            self.wrong(where, f"must have {self._settings.code_chars_max} characters at the most")
        else:
            return found
        return ""

    def types(self, wanted: dict[str, Any]) -> tuple[str, ...] | UnsetType:
        """The types as sent; an empty list restricts nothing."""
        found = _value(wanted, "filter.types")
        if found is None:
            return UNSET
        if not isinstance(found, list):
            self.wrong("filter.types", "must be an array of strings")
            return UNSET
        if len(found) > self._settings.filter_types_max:
            self.wrong("filter.types", f"must name {self._settings.filter_types_max} types at the most")
            return UNSET
        for index, value in enumerate(found):
            if not isinstance(value, str):
                self.wrong(f"filter.types[{index}]", "must be a string")
            elif len(value) > self._settings.code_chars_max:
                chars_max = self._settings.code_chars_max
                self.wrong(f"filter.types[{index}]", f"must have {chars_max} characters at the most")
        return tuple(found)

    def timezone(self, part: dict[str, Any], where: str) -> ZoneInfo:
        """A time zone by its name; UTC where none was sent."""
        name = self.text(part, where)
        timezone = windows.zone("UTC" if name is UNSET else name)
        if timezone is None:
            self.wrong(where, "must be the name of a time zone, such as UTC or Europe/Berlin")
        return timezone or _UTC

    def time(
        self, wanted: dict[str, Any], where: str, timezone: ZoneInfo = _UTC, *, is_last: bool = False
    ) -> int | UnsetType:
        """A time in ms; UNSET where none was sent. `timezone` is that of dates, `is_last` whether one means its end."""
        found = _value(wanted, where)
        if found is None:
            return UNSET
        time_ms = _integer(found)
        if time_ms is None and isinstance(found, str):
            time_ms = windows.parse_instant(found, timezone, is_last=is_last)
        if time_ms is None or abs(time_ms) > TIME_MS_MAX:
            self.wrong(where, windows.INSTANTS)
            return UNSET
        if mistake := validation.unit_mistake(where, time_ms):
            self.mistake(mistake)
            return UNSET if self._strict else time_ms
        return time_ms

    def delimiter(self, output: dict[str, Any]) -> str:
        found = output.get("delimiter")
        if found is None:
            return DELIMITER
        if isinstance(found, str) and len(found) == 1 and found not in _NOT_DELIMITERS:
            return found
        self.wrong("output.delimiter", "must be one character, and neither a double quote, nor CR, LF or NUL")
        return DELIMITER

    def flag(self, output: dict[str, Any], where: str) -> bool:
        """A boolean, also as text; false where none was sent."""
        found = _value(output, where)
        said = found.lower() if isinstance(found, str) else found
        if said is None or said is False or said == "false":
            return False
        if said is True or said == "true":
            return True
        self.wrong(where, "must be true or false")
        return False

    def choice(self, output: dict[str, Any], where: str, choices: tuple[str, ...]) -> str:
        """One of the choices, in any case; the first where none was sent."""
        found = _value(output, where)
        if found is None:
            return choices[0]
        if isinstance(found, str) and found.lower() in choices:
            return found.lower()
        self.wrong(where, f"must be one of: {', '.join(choices)}")
        return choices[0]

    def text(self, output: dict[str, Any], where: str) -> str | UnsetType:
        """A string; UNSET where none was sent."""
        found = _value(output, where)
        if found is None:
            return UNSET
        if isinstance(found, str) and found:
            return found
        self.wrong(where, "must be a string, and not an empty one")
        return UNSET

    def destination(self, output: dict[str, Any], wanted: dict[str, Any]) -> str | UnsetType:
        """The name of a destination that the settings allow for the filter's customer; UNSET where none was sent."""
        found = self.text(output, "output.bucketName")
        if found is UNSET:
            return UNSET
        known = self._settings.destinations.get(found)
        if known is None or not known.takes(str(wanted.get("customer"))):
            self.wrong("output.bucketName", f"no destination named {found[:100]!r} is configured")
        return found

    def key(self, output: dict[str, Any]) -> str | UnsetType:
        """The key of a file at its destination; UNSET where none was sent."""
        found = self.text(output, "output.bucketKey")
        if found is not UNSET and (why := key_problem(found)):
            self.wrong("output.bucketKey", why)
        if isinstance(output.get("bucketKey"), str) and output.get("bucketName") is None:
            self.wrong("output.bucketKey", "needs output.bucketName, the destination")
        return found

    def _misshapen(self, where: str, why: str) -> None:
        self.wrong(where, why, Code.REQUEST_INPUT_MALFORMED)


def _value(part: dict[str, Any], where: str) -> Any:
    return part.get(where.rpartition(".")[2])


def _integer(found: Any) -> int | None:
    """The integer of a JSON number, or of a string with one; None for anything else."""
    if isinstance(found, str):
        try:
            found = _decode(found)
        except (msgspec.MsgspecError, RecursionError):
            return None
    if isinstance(found, float) and found.is_integer():
        return int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) else None
