"""Reads values from a request's body by the struct that describes it, and collects all problems with them."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from footfall import validation, windows
from footfall.errors import Code, Problem, RequestRefused
from footfall.settings import Settings
from footfall.validation import Mistake
from footfall.wire import explain_syntax, mend_json

_UTC = ZoneInfo("UTC")
_decode = msgspec.json.Decoder().decode


class BodyKey(Struct, frozen=True):
    """What a body may hold under a key, from the annotation of a struct's field.

    `choices` come in the order of their `Literal`, `meta` has the bounds of the value itself, and `part` is an object's
    struct. `default` is UNSET where the field has none of its own.
    """

    required: bool
    default: Any
    choices: tuple[str, ...]
    meta: Meta
    part: type[Struct]


@cache
def body_keys(shape: type[Struct]) -> Mapping[str, BodyKey]:
    """The keys of a body, or of a part of one, by their names in JSON."""
    hints = get_type_hints(shape, include_extras=True)
    return {field.encode_name: _body_key(hints[field.name], field) for field in structs.fields(shape)}


def _body_key(annotation: Any, field: structs.FieldInfo) -> BodyKey:
    found = list(_annotations(annotation))
    return BodyKey(
        required=field.required,
        default=UNSET if field.default is msgspec.NODEFAULT else field.default,
        choices=next((get_args(one) for one in found if get_origin(one) is Literal), ()),
        meta=next((one for one in found if isinstance(one, Meta)), Meta()),
        part=next((one for one in found if isinstance(one, type) and issubclass(one, Struct)), Struct),
    )


def _annotations(annotation: Any) -> Iterator[Any]:
    """The annotation and all that it is made of; what stands inside comes first."""
    for one in get_args(annotation):
        yield from _annotations(one)
    yield annotation


class BodyReader:
    """Decodes one body and collects the problems with its values.

    `mistakes` are likely ones; for a strict reader they are problems. `goal` says in a refusal what cannot be done.
    """

    def __init__(self, settings: Settings, *, strict: bool = False, goal: str = "the report cannot be started") -> None:
        self._goal = goal
        self.settings = settings
        self.strict = strict
        self.mistakes: list[Mistake] = []
        self._problems: list[Problem] = []

    def wrong(self, where: str, why: str, code: Code = Code.REQUEST_PARAMETER_MALFORMED) -> None:
        """Collect a problem."""
        self._problems.append(Problem(code, where, why))

    def misshapen(self, where: str, why: str) -> None:
        """Collect the problem that a part of the body has the wrong shape."""
        self.wrong(where, why, Code.REQUEST_INPUT_MALFORMED)

    def mistake(self, mistake: Mistake) -> None:
        """Collect a likely mistake."""
        if self.strict:
            self._problems.append(mistake.problem())
        elif len(self.mistakes) < self.settings.problems_max:
            self.mistakes.append(mistake)

    def refuse(self) -> None:
        """Raise RequestRefused when problems were found."""
        if not self._problems:
            return
        codes = {problem.code for problem in self._problems}
        malformed = Code.REQUEST_INPUT_MALFORMED
        code = malformed if malformed in codes else Code.REQUEST_PARAMETER_MALFORMED
        count = "one thing is" if len(self._problems) == 1 else f"{len(self._problems)} things are"
        problems = tuple(self._problems[: self.settings.problems_max])
        raise RequestRefused(code, f"{self._goal}: {count} wrong", problems)

    def decode(self, body: bytes) -> dict[str, Any]:
        """The body as a JSON object. Raises RequestRefused when it is none."""
        try:
            found = _decode(mend_json(body))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self.misshapen("body", explain_syntax(body, error))
        except RecursionError:
            self.misshapen("body", "is nested too deep")
        else:
            if isinstance(found, dict):
                return found
            self.misshapen("body", 'must be an object like {"filter": {"customer": ..., "product": ...}}')
        self.refuse()
        return {}


class Part:
    """A body, or an object in it, whose values are read by the keys of a struct; a wrong value reads as absent.

    A key with the value null counts as not sent, because clients write optional values so.
    """

    def __init__(self, reader: BodyReader, found: Mapping[str, Any], shape: type[Struct], path: str = "") -> None:
        self._reader = reader
        self._settings = reader.settings
        self._found = found
        self._keys = body_keys(shape)
        self._path = path

    def wrong(self, key: str, why: str) -> None:
        """Collect a problem with the key's value."""
        self._reader.wrong(self._path + key, why)

    def value(self, key: str) -> Any:
        """The value as sent; None where none was sent."""
        return self._found.get(key)

    def check_keys(self, others: Mapping[str, str]) -> None:
        """Collect the keys that the struct has not; `others` tells the right path of keys in the wrong part."""
        most = self._settings.problems_max
        for mistake in validation.unknown_keys(self._found, tuple(self._keys), most, self._path, others):
            self._reader.mistake(mistake)

    def part(self, key: str) -> "Part":
        """An object in this one; empty where it is absent. Raises RequestRefused when a required part is wrong."""
        known = self._keys[key]
        found = self._found.get(key)
        if not isinstance(found, dict):
            if found is not None:
                self._reader.misshapen(self._path + key, "must be an object")
            elif known.required:
                self._reader.misshapen(self._path + key, "is missing; it must be an object with customer and product")
            if known.required:
                self._reader.refuse()  # Otherwise each of its required values would be a problem too.
            found = {}
        return Part(self._reader, found, known.part, f"{self._path}{key}.")

    def code(self, key: str) -> str:
        """A required code."""
        found = self._found.get(key)
        if found is None:
            self.wrong(key, "is missing; it must be a string")
        elif not isinstance(found, str):
            self.wrong(key, "must be a string")
        elif not found:
            self.wrong(key, "must not be empty")
        elif len(found) > self._settings.code_chars_max:
            self.wrong(key, f"must have {self._settings.code_chars_max} characters at the most")
        else:
            return found
        return ""

    def codes(self, key: str) -> tuple[str, ...] | UnsetType:
        """Codes as sent; an empty list restricts nothing."""
        found = self._found.get(key)
        if found is None:
            return UNSET
        if not isinstance(found, list):
            self.wrong(key, "must be an array of strings")
            return UNSET
        if len(found) > self._settings.filter_types_max:
            self.wrong(key, f"must name {self._settings.filter_types_max} {key} at the most")
            return UNSET
        chars_max = self._settings.code_chars_max
        for index, value in enumerate(found):
            if not isinstance(value, str):
                self.wrong(f"{key}[{index}]", "must be a string")
            elif len(value) > chars_max:
                self.wrong(f"{key}[{index}]", f"must have {chars_max} characters at the most")
        return tuple(found)

    def timezone(self, key: str) -> ZoneInfo:
        """A time zone by its name."""
        name = self.text(key)
        timezone = windows.zone(self._keys[key].default if name is UNSET else name)
        if timezone is None:
            self.wrong(key, "must be the name of a time zone, such as UTC or Europe/Berlin")
        return timezone or _UTC

    def time(self, key: str, timezone: ZoneInfo = _UTC, *, is_last: bool = False) -> int | UnsetType:
        """A time in ms; UNSET where none was sent. `timezone` is that of dates, `is_last` whether one means its end."""
        found = self._found.get(key)
        if found is None:
            return UNSET
        time_ms = _integer(found)
        if time_ms is None and isinstance(found, str):
            time_ms = windows.parse_instant(found, timezone, is_last=is_last)
        if time_ms is None or not _is_within(time_ms, self._keys[key].meta):
            self.wrong(key, windows.INSTANTS)
            return UNSET
        if mistake := validation.unit_mistake(self._path + key, time_ms):
            self._reader.mistake(mistake)
            return UNSET if self._reader.strict else time_ms
        return time_ms

    def number(self, key: str, default: int) -> int:
        """An integer within the key's bounds; `default` where none was sent."""
        found = self._found.get(key)
        if found is None:
            return default
        meta = self._keys[key].meta
        if isinstance(found, int) and not isinstance(found, bool) and _is_within(found, meta):
            return found
        self.wrong(key, f"must be an integer from {meta.ge} to {meta.le}")
        return default

    def flag(self, key: str) -> bool:
        """A boolean, also as text."""
        found = self._found.get(key)
        said = found.lower() if isinstance(found, str) else found
        if said is None:
            return bool(self._keys[key].default)
        if said is False or said == "false":
            return False
        if said is True or said == "true":
            return True
        self.wrong(key, "must be true or false")
        return False

    def choice(self, key: str, among: tuple[str, ...] = ()) -> str:
        """One of the key's choices, in any case; its default where none was sent.

        `among` are those of the choices that there are beside the other values, of which the first is the default.
        """
        known, found = self._keys[key], self._found.get(key)
        choices = among or known.choices
        default: str = known.default if known.default in choices else choices[0]
        if found is None:
            if known.required:
                self.wrong(key, f"is missing; it must be one of: {', '.join(choices)}")
            return default
        if isinstance(found, str) and found.lower() in choices:
            return found.lower()
        self.wrong(key, f"must be one of: {', '.join(choices)}")
        return default

    def text(self, key: str) -> str | UnsetType:
        """A string; UNSET where none was sent."""
        found = self._found.get(key)
        if found is None:
            return UNSET
        if isinstance(found, str) and found:
            return found
        self.wrong(key, "must be a string, and not an empty one")
        return UNSET

    def character(self, key: str, why: str) -> str:
        """One character that the key's pattern allows; its default where none was sent, or `why` it cannot be."""
        known, found = self._keys[key], self._found.get(key)
        default: str = known.default
        if found is None:
            return default
        if isinstance(found, str) and len(found) == 1 and re.fullmatch(known.meta.pattern or ".", found):
            return found
        self.wrong(key, why)
        return default


def _is_within(number: int, meta: Meta) -> bool:
    return (meta.ge is None or meta.ge <= number) and (meta.le is None or number <= meta.le)


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
