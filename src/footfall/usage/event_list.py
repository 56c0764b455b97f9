"""The events themselves, newest first, and the types that the plan and the store have."""

import base64
import binascii
import uuid
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from footfall.usage.counts import Total
from footfall.usage.matching import type_test
from footfall.usage.numbers import total_of
from footfall.usage.query import Answer, Query
from footfall.usage.request import ParameterReader
from footfall.usage.selection import TIME_MS_LEAST, TIME_MS_MOST, EventSelection

EVENTS_MAX: Final = 1000
_BATCH_MOST: Final = uuid.UUID(int=2**128 - 1)


class PageEnd(Struct, frozen=True, array_like=True):
    """The event at which a page ended: events are in order by these three."""

    timestamp: Annotated[int, Meta(ge=TIME_MS_LEAST, le=TIME_MS_MOST)] = TIME_MS_MOST
    batch: uuid.UUID = _BATCH_MOST
    sequence: Annotated[int, Meta(ge=0, le=2**32)] = 2**32


class ListedEvent(Struct, frozen=True):
    """An event as it was answered, with the times of its receipt and of its admission, in ms since 1970."""

    customer: str
    product: str
    type: str
    version: str
    timestamp: int
    context: list[str]
    batch: str
    sequence: int
    received: int
    admitted: int


class EventList(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """A page of events, newest first; `next` is the `after` of the next one, where there are more."""

    total: Total | UnsetType = UNSET
    events: list[ListedEvent]
    next: str | UnsetType = UNSET


class EventListRequest(Struct, frozen=True, kw_only=True):
    """Which events, from after which one, and how many."""

    selection: EventSelection
    after: PageEnd
    limit: int


def parse_events(reader: ParameterReader) -> EventListRequest:
    """Read the parameters of `GET /usage/events`; problems are collected in the reader."""
    selection = reader.selection()
    text = reader.one("after")
    place = _read_end(text) if text else PageEnd()
    if place is None:
        reader.wrong("after", "must be the `next` of an earlier page")
    elif text and selection.as_of is UNSET:
        reader.wrong("asOf", "is missing: a further page has the asOf of the first, so that no event is left out")
    return EventListRequest(
        selection=selection, after=place or PageEnd(), limit=reader.number("limit", 100, 1, EVENTS_MAX)
    )


def list_events(asked: Query, wanted: EventListRequest) -> EventList:
    """A page of events. Raises what the store raises. The first page has the total too."""
    after = wanted.after
    parameters: dict[str, Any] = {
        "last_timestamp": after.timestamp,
        "last_batch": after.batch,
        "last_sequence": after.sequence,
        "limit": wanted.limit + 1,
    }
    first = after == PageEnd()
    total = Total(**total_of(asked)[0].shown(asked.selection.duplicates)) if first else UNSET
    rows = [ListedEvent(*row) for row in asked.rows("usage_events", parameters)]
    events = rows[: wanted.limit]
    last = events[-1] if len(rows) > wanted.limit else None
    following = PageEnd(last.timestamp, uuid.UUID(last.batch), last.sequence) if last else None
    return EventList(**asked.about(), total=total, events=events, next=_write_end(following) if following else UNSET)


def _write_end(place: PageEnd) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _read_end(text: str) -> PageEnd | None:
    try:
        padded = text + "=" * (-len(text) % 4)
        return msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=PageEnd)
    except (ValueError, binascii.Error, msgspec.DecodeError, msgspec.ValidationError):
        return None


class TypeSeen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A type of the plan or of the store: its events, and the times of the first and the last, in ms since 1970."""

    product: str
    type: str
    events: int
    first: int | UnsetType = UNSET
    last: int | UnsetType = UNSET
    inPlan: bool = True  # noqa: N815 - the wire's own name
    deprecated: bool = False
    description: str = ""
    keys: list[str] = []


class TypesSeen(Answer, frozen=True, kw_only=True):
    """All types of the selected products in the plan, those without events too, and others that the store has."""

    total: Total
    types: list[TypeSeen]


class TypesRequest(Struct, frozen=True, kw_only=True):
    """Of which events."""

    selection: EventSelection


def parse_types(reader: ParameterReader) -> TypesRequest:
    """Read the parameters of `GET /usage/types`; problems are collected in the reader."""
    return TypesRequest(selection=reader.selection())


def list_types(asked: Query, wanted: TypesRequest) -> TypesSeen:
    """List the types. Raises RequestRefused where there are too many, and what the store raises."""
    chosen = wanted.selection
    total, asked = total_of(asked)
    rows = asked.rows("usage_types", {"limit": asked.settings.usage_rows_max + 1})
    found = {(product, name): (events, first, last) for product, name, events, first, last in rows}
    listed, is_selected = [], type_test(chosen.types)
    for product in asked.plan.products if asked.plan else ():
        if chosen.products and product.name not in chosen.products:
            continue
        for kind in product.types:
            events, first, last = found.pop((product.name, kind.name), (0, UNSET, UNSET))
            if not events and not is_selected(kind.name):
                continue
            listed.append(
                TypeSeen(
                    product=product.name,
                    type=kind.name,
                    events=events,
                    first=first,
                    last=last,
                    deprecated=kind.deprecated,
                    description=kind.description,
                    keys=[str(key) for key in kind.keys],
                )
            )
    for (product_name, name), (events, first, last) in found.items():
        listed.append(TypeSeen(product=product_name, type=name, events=events, first=first, last=last, inPlan=False))
    asked.check_length(len(listed))
    return TypesSeen(**asked.about(), total=Total(**total.shown(chosen.duplicates)), types=listed)
