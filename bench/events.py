"""The events that every contestant gets: of the packaged tracking plan, some 260 bytes of JSON each.

There are several bodies of each size, which take turns, so that nobody compresses one request against itself.
"""

import gzip
import json
import random
import uuid
from functools import cache
from typing import Any

from footfall.system import zstd

CUSTOMERS = ("BARCHART", "TGAM")
PORTFOLIO = (
    "PORTFOLIO-TRANSACTION-CREATED",
    "PORTFOLIO-TRANSACTION-EDITED",
    "PORTFOLIO-POSITION-CREATED",
    "PORTFOLIO-SCREEN-INVOKED-TRANSACTIONS-SINGLE",
)
WATCHLIST = ("WATCHLIST-SYMBOL-ADDED", "WATCHLIST-SYMBOL-REMOVED", "WATCHLIST-SCREEN-INVOKED-SYMBOL-NOTES")
# Bodies of a size: as many as hold this many events together.
VARIETY_EVENTS = 25_600
VARIETY_LEAST, VARIETY_MOST = 8, 4096


@cache
def bodies(events: int, begin_ms: int) -> tuple[bytes, ...]:
    """Requests of `events` events each, as POST /events takes them, of the minute before `begin_ms`."""
    chance = random.Random(events)  # noqa: S311 - the same events in every run is the point
    return tuple(
        json.dumps({"events": [event(chance, begin_ms) for _ in range(events)]}, separators=(",", ":")).encode()
        for _ in range(max(VARIETY_LEAST, min(VARIETY_MOST, VARIETY_EVENTS // events)))
    )


def event(chance: random.Random, begin_ms: int) -> dict[str, Any]:
    """One event of somebody who works with a portfolio or a watchlist."""
    user, thing, position = (str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(3))
    symbol = f"SYM{chance.randrange(5000)}"
    is_portfolio = chance.random() < 0.75
    return {
        "customer": chance.choice(CUSTOMERS),
        "product": "PORTFOLIO" if is_portfolio else "WATCHLIST",
        "type": chance.choice(PORTFOLIO if is_portfolio else WATCHLIST),
        "version": f"1.{chance.randrange(10)}.{chance.randrange(10)}",
        "timestamp": begin_ms - chance.randrange(60_000),
        "context": [user, thing, position, symbol] if is_portfolio else [user, thing, symbol],
    }


def lines(body: bytes, now_ms: int) -> bytes:
    """The events of a body as lines of JSONEachRow, with the columns that footfall adds."""
    batch = str(uuid.uuid5(uuid.NAMESPACE_OID, body[:1000].decode()))
    added = {"batch": batch, "received": now_ms, "admitted": now_ms}
    found = json.loads(body)["events"]
    rows = ({**one, "sequence": number, **added} for number, one in enumerate(found, 1))
    return b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows)


def answer(body: bytes) -> bytes:
    """What footfall answers to a body, but for the batch."""
    batch = str(uuid.UUID(int=0))
    found = json.loads(body)["events"]
    rows = [{**one, "sequence": number, "batch": batch} for number, one in enumerate(found, 1)]
    return json.dumps(rows, separators=(",", ":")).encode()


def pack(body: bytes, encoding: str) -> bytes:
    """A body as it travels: as it is, or by gzip or zstd at the level that clients use."""
    match encoding:
        case "gzip":
            return gzip.compress(body, 6, mtime=0)
        case "zstd":
            return zstd.compress(body)
        case _:
            return body
