"""What actors did right after, or right before, each event of a type; and which values of a key are most used."""

from typing import Any, Final

from msgspec import Struct

from footfall.usage.counts import Total
from footfall.usage.grouping import COLUMNS, Dimension, dimension_value
from footfall.usage.numbers import total_of
from footfall.usage.query import Answer, Query
from footfall.usage.request import ParameterReader
from footfall.usage.selection import EventSelection
from footfall.usage.uniques import actor_of

LEVELS_MAX: Final = 3
_SLICES: Final = {
    "after": "arraySlice(types, at + 1, {levels:UInt8})",
    "before": "arraySlice(arrayReverse(arraySlice(types, 1, at - 1)), 1, {levels:UInt8})",
}


class ActorPath(Struct, frozen=True):
    """The types of the events beside one of the type that was asked for, nearest first; fewer at the end."""

    types: list[str]
    events: int
    actors: int


class PathsTotal(Total, frozen=True, kw_only=True):
    """The total of the selected events; the events of the type that have an actor, and their actors."""

    anchors: int
    actors: int


class Paths(Answer, frozen=True, kw_only=True):
    """The paths that most events of the type have; those of all others are in the total."""

    type: str
    direction: str
    levels: int
    key: str
    total: PathsTotal
    paths: list[ActorPath]


class PathsRequest(Struct, frozen=True, kw_only=True):
    """Beside which type, in which direction, and how many events."""

    selection: EventSelection
    type: str
    direction: str
    levels: int
    key: Dimension | None
    top: int


def parse_paths(reader: ParameterReader) -> PathsRequest:
    """Read the parameters of `GET /usage/paths`; problems are collected in the reader."""
    selection = reader.selection()
    names = reader.type_names("type")
    if len(names) != 1:
        reader.wrong("type", "must be given once: the type beside whose events others are looked for")
    return PathsRequest(
        selection=selection,
        type=names[0] if names else "",
        direction=reader.choice("direction", ("after", "before"), "after"),
        levels=reader.number("levels", LEVELS_MAX, 1, LEVELS_MAX),
        key=reader.optional_key("key", selection.products),
        top=reader.number("top", 20, 1, 1000),
    )


def find_paths(asked: Query, wanted: PathsRequest) -> Paths:
    """Find the paths with most events. Raises what the store raises."""
    total, asked = total_of(asked)
    parameters: dict[str, Any] = {"anchor": wanted.type, "levels": wanted.levels, "limit": wanted.top + 1}
    texts = {"actor": actor_of(asked, wanted.key, parameters), "slice": _SLICES[wanted.direction]}
    (_, anchors, actors), *rows = asked.rows("usage_paths", parameters, texts) or [([], 0, 0)]
    shown = total.shown(asked.selection.duplicates)
    return Paths(
        **asked.about(),
        type=wanted.type,
        direction=wanted.direction,
        levels=wanted.levels,
        key=wanted.key.name if wanted.key else "actor",
        total=PathsTotal(**shown, anchors=anchors, actors=actors),
        paths=[ActorPath(list(types), events, found) for types, events, found in rows],
    )


class TopValue(Struct, frozen=True):
    """A value, its events, and their actors."""

    value: str
    events: int
    actors: int


class TopTotal(Total, frozen=True, kw_only=True):
    """The total of the events, how many different values they have, and the events and actors that have one."""

    values: int
    withValue: int  # noqa: N815 - the wire's own name
    actors: int


class Top(Answer, frozen=True, kw_only=True):
    """The values with most events. Actors are never added up: one may have used several values."""

    key: str
    total: TopTotal
    top: list[TopValue]


class TopRequest(Struct, frozen=True, kw_only=True):
    """Of which key or column, and how many values."""

    selection: EventSelection
    key: Dimension
    top: int


def parse_top(reader: ParameterReader) -> TopRequest:
    """Read the parameters of `GET /usage/top`; problems are collected in the reader."""
    selection = reader.selection()
    name = reader.one("key")
    if not name:
        reader.wrong("key", f"is missing: name a context key, or one of {', '.join(COLUMNS)}")
    key = Dimension(name) if name in COLUMNS else reader.optional_key("key", selection.products)
    return TopRequest(selection=selection, key=key or Dimension("type"), top=reader.number("top", 10, 1, 1000))


def find_top(asked: Query, wanted: TopRequest) -> Top:
    """Find the values with most events. Raises what the store raises."""
    total, asked = total_of(asked)
    found, *rows = top_rows(asked, wanted.key, wanted.top)
    _, with_value, actors, values = found
    return Top(
        **asked.about(),
        key=wanted.key.name,
        total=TopTotal(**total.shown(asked.selection.duplicates), values=values, withValue=with_value, actors=actors),
        top=[TopValue(value, events, found) for value, events, found, _ in rows],
    )


def top_rows(asked: Query, key: Dimension, top: int) -> list[tuple[str, int, int, int]]:
    """The values with most events, with their events and actors; first of all events that have one, and the values."""
    parameters: dict[str, Any] = {"limit": top + 1}
    texts = {
        "actor": actor_of(asked, None, parameters),
        "value": dimension_value(key, asked.plan, asked.selection.products, "value", parameters),
    }
    return [tuple(row) for row in asked.rows("usage_top", parameters, texts)] or [("", 0, 0, 0)]
