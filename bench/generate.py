"""Generated events, straight into the events store: many customers, out of order, some late.

What number an event has decides all of it, so that any two machines have the same events. A year of events comes in the
order in which software sends them: each within a few seconds of its time, one in fifty up to thirty days late. A batch
has 100 events of one customer's product; one batch in a thousand repeats the contents of another at its own time.
"""

from footfall.store import Store

BEGIN_MS = 1_735_689_600_000  # 2025-01-01T00:00:00Z
YEAR_MS = 31_536_000_000
STEP = 2_000_000

# Two in five events are of the first customer's PORTFOLIO; the rest is spread over others.
_FILL = """
INSERT INTO events (customer, product, type, version, timestamp, context, sequence, batch, received, admitted, loaded)
WITH
    intDiv(number, 100) AS packet,
    if(packet % 1000 = 999, number - 50000, number) AS origin,
    cityHash64(intDiv(origin, 100)) AS chance,
    multiIf(chance % 10 < 4, 0, chance % 10 < 6, 1, chance % 10 < 8, 2, 3) AS kind,
    cityHash64(origin, 1) AS own,
    ['BARCHART', 'TGAM', 'BARCHART', 'TGAM'][kind + 1] AS who,
    ['PORTFOLIO', 'WATCHLIST', 'WATCHLIST', 'PORTFOLIO'][kind + 1] AS what,
    concat('user-', toString(own % 200000)) AS person,
    toString(reinterpret(concat(reinterpret(own, 'FixedString(8)'), reinterpret(cityHash64(person), 'FixedString(8)')),
        'UUID')) AS thing,
    concat('SYM', toString(own % 5000)) AS symbol,
    {begin:Int64} + intDiv(toInt64(number) * {year:Int64}, {total:Int64}) AS arrival,
    arrival - (own % 4000) - if(own % 50 = 0, cityHash64(own) % 2592000000, 0) AS moment
SELECT
    who,
    what,
    multiIf(
        what = 'WATCHLIST', ['WATCHLIST-ACCESSED', 'WATCHLIST-SYMBOL-ADDED', 'WATCHLIST-CREATED'][own % 3 + 1],
        ['PORTFOLIO-ACCESSED', 'PORTFOLIO-TRANSACTION-CREATED', 'PORTFOLIO-APPLICATION-LOADED'][own % 3 + 1]
    ),
    if(own % 4 = 0, '', '1.4.2'),
    moment,
    multiIf(
        own % 3 = 2 AND what = 'PORTFOLIO', [person],
        own % 3 = 1 AND what = 'PORTFOLIO', [person, thing, toString(own % 900), symbol],
        own % 3 = 1, [person, thing, symbol],
        [person, thing]
    ),
    number % 100 + 1,
    reinterpret(concat(reinterpret(cityHash64(packet, 2), 'FixedString(8)'),
        reinterpret(cityHash64(packet, 3), 'FixedString(8)')), 'UUID'),
    arrival,
    arrival,
    toUnixTimestamp64Milli(now64(3))
FROM numbers({first:UInt64}, {count:UInt64})
"""


def fill(store: Store, total: int) -> None:
    """Put `total` events into a new store, as steps of many parts, as loading segments would."""
    for first in range(0, total, STEP):
        wanted = {"first": first, "count": min(STEP, total - first), "total": total}
        store.write(_FILL, {**wanted, "begin": BEGIN_MS, "year": YEAR_MS})
        print(f"\r{first + wanted['count']:,} of {total:,} events", end="", flush=True)
    print()
