"""What a count says, in the key order of the wire."""

from msgspec import UNSET, Struct, UnsetType


class Total(Struct, frozen=True):
    """So many events, and so many duplicates: among them, or left out of them, as was asked for."""

    events: int
    duplicates: int


class Count(Struct, frozen=True, kw_only=True):
    """The same for one type in one interval, which begins at `start`, in ms since 1970; all in one have no start."""

    start: int | UnsetType = UNSET
    type: str
    events: int
    duplicates: int


class Counts(Struct, frozen=True):
    """Events that were admitted up to `asOf`. `complete` says that no other can ever be among them."""

    asOf: int  # noqa: N815 - the wire's own name
    complete: bool
    interval: str
    timezone: str
    duplicates: str
    total: Total
    counts: list[Count]
