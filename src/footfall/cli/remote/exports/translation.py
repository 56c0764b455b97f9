"""Makes events of records, by the mapping and the tracking plan: an event, a reason why not, or nothing at all."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from footfall_client.factory import EventFactory, EventInvalid

from footfall import windows
from footfall.cli.remote.event_rows import FileRow
from footfall.cli.remote.exports.formats import name_of
from footfall.cli.remote.exports.mapping import ExportMapping, as_code
from footfall.cli.remote.exports.records import Record, find_field
from footfall.wording import plain

_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,9}))? ?(?:(Z|UTC)|([+-]\d\d):?(\d\d)?)?", re.ASCII
)
_SECONDS: Final = re.compile(r"\d{1,11}(\.\d+)?", re.ASCII)
_MILLISECONDS: Final = re.compile(r"\d{12,14}", re.ASCII)
# Of a reason, which may name what stands in the record.
_REASON_CHARS_MAX: Final = 500
_encode: Final = msgspec.json.Encoder().encode
# Where a record's own fields are, besides the record.
_INNER: Final = ("properties", "props")


class Untranslatable(ValueError):
    """A record cannot be an event; the text says why."""


class Translator:
    """Makes the events of one import. `plan` is the answer of GET /plan."""

    def __init__(self, mapping: ExportMapping, plan: Mapping[str, Any], zone: dt.tzinfo) -> None:
        self._mapping = mapping
        self._factory = EventFactory(plan)
        self._products: Mapping[str, Any] = plan["products"]
        self._is_open = plan.get("mode") == "open"
        self._zone = zone

    def rows(self, found: Iterator[Record]) -> Iterator[FileRow]:
        """A row for each record: what is left out has neither an event nor a reason."""
        for record in found:
            if record.fields is None:
                yield FileRow(record.raw, None, record.reason)
                continue
            try:
                event = self.event(record.fields)
            except Untranslatable as error:
                reason = plain(str(error)[:_REASON_CHARS_MAX])
                yield FileRow(record.raw, None, reason, record.text or _encode(record.fields))
            else:
                # What is left out is no blank line: a dry run counts it.
                yield FileRow(record.raw, None, "", b"-") if event is None else FileRow(record.raw, _encode(event))

    def event(self, fields: Mapping[str, Any]) -> dict[str, Any] | None:
        """The event of a record's fields; None where the mapping leaves it out. Raises Untranslatable."""
        mapping = self._mapping
        if any(self._text(fields, (path,)) not in values for path, values in mapping.only.items()):
            return None
        place = self._place(fields)
        if place is None:
            return None
        customer, product = place
        kind = self._type(fields, product)
        if kind is None:
            return None
        event: dict[str, Any] = {"customer": customer, "product": product, "type": kind}
        if version := self._text(fields, mapping.version):
            event["version"] = version
        event["timestamp"] = self._time(fields)
        event["context"] = self._context(fields, event)
        return event

    def _place(self, fields: Mapping[str, Any]) -> tuple[str, str] | None:
        """The customer and the product; None for a site that is left out."""
        mapping = self._mapping
        names = [name for path in mapping.site if (name := self._text(fields, (path,)))]
        site = next((mapping.sites[name] for name in names if name in mapping.sites), None)
        if isinstance(site, bool):
            return None
        found = (site.customer if site else "") or mapping.customer, (site.product if site else "") or mapping.product
        for what, code in zip(("customer", "product"), found, strict=True):
            if not code:
                at = f"; or the site {names[0]!r} under [sites] of the mapping" if names else ""
                raise Untranslatable(f"no {what} is named: say --{what}{at}")
        return found

    def _type(self, fields: Mapping[str, Any], product: str) -> str | None:
        mapping = self._mapping
        name = self._text(fields, mapping.name) if mapping.name else name_of(mapping.source, fields)
        name = self._text(fields, mapping.format.name) if name is None else name
        if not name:
            raise Untranslatable("the record names no event")
        chosen = mapping.types.get(name)
        if isinstance(chosen, bool):
            return None
        known = self._products.get(product, {}).get("types", {})
        tried = [chosen or name, as_code(chosen or name)]
        tried += [f"{product}-{one}" for one in tried]
        found = next((one for one in tried if one in known), None)
        if found is not None:
            return found
        if mapping.leaves_others and not chosen:
            return None
        if self._is_open:
            return chosen or as_code(name) or name
        raise Untranslatable(
            f"the plan has no type for {name!r}: say under [types] of the mapping which it is, or false"
        )

    def _time(self, fields: Mapping[str, Any]) -> int:
        text = self._text(fields, self._mapping.time)
        if not text:
            raise Untranslatable(f"the record has no time in {' or '.join(self._mapping.time)}")
        if self._mapping.time_unit == "s" and _SECONDS.fullmatch(text):
            return round(float(text) * 1000)
        if _MILLISECONDS.fullmatch(text):
            return int(text)
        if (parts := _TIME.fullmatch(text)) is not None:
            day, minute, second, fraction, utc, hours, minutes = parts.groups()
            part = f".{fraction[:3]}" if fraction else ""
            offset = "Z" if utc else f"{hours}:{minutes or '00'}" if hours else ""
            found = windows.parse_instant(f"{day}T{minute}{second or ':00'}{part}{offset}", self._zone)
            if found is not None:
                return found
        raise Untranslatable(f"{text!r} is no time of an event: a date with a clock time, or a number of {self._unit}")

    @property
    def _unit(self) -> str:
        return "seconds" if self._mapping.time_unit == "s" else "milliseconds"

    def _context(self, fields: Mapping[str, Any], event: Mapping[str, Any]) -> list[str | None]:
        product, kind = event["product"], event["type"]
        described = self._products.get(product, {})
        keys = described.get("types", {}).get(kind)
        chosen = {**self._mapping.context, **self._mapping.contexts.get(kind, {})}
        if keys is None:  # a type that an open plan does not know has the values as the mapping has them
            values = [self._text(fields, paths) for paths in chosen.values() or [self._mapping.visitor]]
            return list(values)
        names = _by_plain_names(fields)
        given = {}
        for key in (key.removesuffix("?") for key in keys):
            if key in chosen:
                value = self._text(fields, chosen[key])
            elif key == described.get("actor"):
                value = self._text(fields, self._mapping.visitor)
            else:
                usual = self._mapping.format.fields.get(_plain_name(key), ())
                value = self._text(fields, usual) or _as_text(names.get(_plain_name(key)))
            if value:
                given[key] = value
        try:
            return list(self._factory.make(kind, given, product=product, customer=event["customer"])["context"])
        except EventInvalid as error:
            raise Untranslatable(str(error)) from error

    def _text(self, fields: Mapping[str, Any], paths: tuple[str, ...]) -> str:
        """The first value that there is, as text."""
        for path in paths:
            found = path[1:] if path.startswith("=") else _as_text(find_field(fields, path))
            if found:
                return found
        return ""


def _plain_name(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def _by_plain_names(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields by their names without case and signs, so that `order_id` is found for the key `orderId`."""
    found: dict[str, Any] = {}
    for source in (*(inner for name in _INNER if isinstance(inner := _object(fields, name), dict)), fields):
        found |= {_plain_name(name): value for name, value in source.items()}
    return found


def _object(fields: Mapping[str, Any], name: str) -> Any:
    inner = fields.get(name)
    if isinstance(inner, str) and inner.startswith("{"):
        try:
            return msgspec.json.decode(inner)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return None
    return inner


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return str(value) if type(value) in (int, float) else _encode(value).decode()
