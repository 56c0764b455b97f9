"""The receipt of an erasure: what was touched, and what is out of reach."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from footfall.state import Erasure, ErasureShare

# What no erasure reaches, whatever was found.
ALWAYS_OUT_OF_REACH = (
    "downloads, and copies of reports and backups that were made by others",
    "events that clients have not sent yet: they are left out when they come, and stay at the client until then",
    "entries of the audit log from before it had digests of values, where somebody asked for events by this one",
    "bytes of removed files, until the disk uses them again",
)


class ErasedEvents(Struct, frozen=True):
    """Events of a customer's product, and the times of the first and the last in ms."""

    customer: str
    product: str
    events: int
    first: int
    last: int


class ErasedReport(Struct, frozen=True, omit_defaults=True):
    """A report that has events of the person. `file` says what has become of its file."""

    source: str
    file: Annotated[str, Meta(description="`removed`, `gone` before, or `out of reach`.")]
    destination: str = ""


class ErasedBackup(Struct, frozen=True, omit_defaults=True):
    """A place of backups; `why` it has no tombstone."""

    place: str
    tombstone: bool
    why: str = ""


class NodeFiles(Struct, omit_defaults=True):
    """What a node found in its files: events in so many segments; `unread` segments are damaged or cannot be read."""

    segments: int = 0
    events: int = 0
    unread: tuple[str, ...] = ()


class ErasureReceipt(Struct, rename="camel", omit_defaults=True):
    """What was found and touched; parts that are not known yet are missing.

    `events` are those of the store, each counted once; `nodes` tell of the same events in their files. `steps` are the
    parts of the work in the store that are done.
    """

    events: tuple[ErasedEvents, ...] | UnsetType = UNSET
    quarantined: tuple[ErasedEvents, ...] | UnsetType = UNSET
    nodes: dict[str, NodeFiles] = {}
    reports: tuple[ErasedReport, ...] = ()
    searched: Annotated[int, Meta(description="When the search for reports began, in ms.")] = 0
    deleted: Annotated[int, Meta(description="When the store had nothing any more, in ms.")] = 0
    redacted: Annotated[
        tuple[str, ...], Meta(description="What had the value in a condition, and has it no more.")
    ] = ()
    backups: tuple[ErasedBackup, ...] = ()
    out_of_reach: tuple[str, ...] = ()


_decode = msgspec.json.Decoder(ErasureReceipt).decode
decode_files = msgspec.json.Decoder(NodeFiles).decode


def read_receipt(erasure: Erasure) -> ErasureReceipt:
    """The receipt of an erasure, as far as it is."""
    return _decode(erasure.receipt)


def write_receipt(receipt: ErasureReceipt) -> str:
    """The receipt as JSON for the state."""
    return msgspec.json.encode(receipt).decode()


class ErasureShown(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An erasure as answers tell it. It has no value of anybody."""

    id: str
    status: Annotated[str, Meta(description="`files`, `store` or `done`.")]
    key: str
    mode: Annotated[str, Meta(description="`erase` or `pseudonymise`.")]
    customers: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    ordered_by: str
    ordered: Annotated[int, Meta(description="Milliseconds since 1970-01-01T00:00:00Z.")]
    until: Annotated[int, Meta(description="The person's events up to this time are erased, and stay away.")]
    ended: int | UnsetType = UNSET
    kept_out: Annotated[int, Meta(description="Events that came after the order, and were left out.")] = 0
    receipt: ErasureReceipt


def shown_erasure(erasure: Erasure, shares: list[ErasureShare]) -> ErasureShown:
    """An erasure with its receipt, to which the nodes that have done their share belong."""
    receipt = read_receipt(erasure)
    receipt.nodes = {share.node: decode_files(share.result) for share in shares}
    return ErasureShown(
        id=erasure.id,
        status=erasure.phase.value,
        key=erasure.rule.key,
        mode=erasure.mode.value,
        customers=erasure.rule.customers,
        products=erasure.rule.products,
        ordered_by=erasure.ordered_by,
        ordered=erasure.ordered_ms,
        until=erasure.cut_ms,
        ended=UNSET if erasure.ended_ms is None else erasure.ended_ms,
        kept_out=erasure.kept_out,
        receipt=receipt,
    )
