"""Structs for the OpenAPI schemas of the bodies that no struct with descriptions decodes.

Events are decoded for speed (`footfall.ingest`), into a struct without descriptions and bounds. `tests/web` compares
their schemas with what the call takes. All other schemas come from the structs that read or encode bodies.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from footfall.reports import Customer, Product

Milliseconds = Annotated[int, Meta(description="Milliseconds since 1970-01-01T00:00:00Z.")]
EventType = Annotated[str, Meta(min_length=1, description="The event type's code.")]
Version = Annotated[str, Meta(description="The version of the software that sent the event.")]


class Event(Struct, kw_only=True):
    """A usage event. Keys that are not named here are ignored."""

    customer: Customer
    product: Product
    type: EventType
    version: Version | UnsetType | None = UNSET
    timestamp: Milliseconds
    context: Annotated[
        list[str | None],
        Meta(description="The values of the type's context, in the tracking plan's order; null only where optional."),
    ]


class EventFull(Struct, kw_only=True):
    """An event as stored."""

    customer: Customer
    product: Product
    type: EventType
    version: Version | UnsetType = UNSET
    timestamp: Milliseconds
    context: Annotated[list[str], Meta(description="The values of the type's context.")]
    sequence: Annotated[int, Meta(ge=1, description="The event's place in its request, from 1.")]
    batch: Annotated[str, Meta(description="A UUID that all events of one request share.")]


class EventsRequest(Struct):
    """Events to accept, all or none."""

    events: Annotated[list[Event], Meta(description="An array of events. A body with other keys must have it.")] = []


class Health(Struct, frozen=True):
    """The process is alive and can accept events."""

    status: Annotated[Literal["ok"], Meta(description="Always `ok`.")] = "ok"
