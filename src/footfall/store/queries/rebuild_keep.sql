-- Carry over the events between two times that no archived segment holds, although the archive covers their time.
INSERT INTO events_rebuilt
    (customer, product, type, version, timestamp, context, sequence, batch, received, admitted, loaded)
SELECT customer, product, type, version, timestamp, context, sequence, batch, received, admitted, loaded
FROM events FINAL
WHERE timestamp >= {start:Int64} AND timestamp < {end:Int64}
    AND admitted BETWEEN {begin:Int64} AND {through:Int64}
    AND sipHash128(customer, product, timestamp, batch, sequence) GLOBAL NOT IN
    (
        SELECT sipHash128(customer, product, timestamp, batch, sequence)
        FROM {archived:Identifier}
        WHERE timestamp >= {start:Int64} AND timestamp < {end:Int64}
    )
