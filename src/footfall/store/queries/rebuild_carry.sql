-- Carry over the events between two times that were admitted when the archive does not cover them.
INSERT INTO events_rebuilt
    (customer, product, type, version, timestamp, context, sequence, batch, received, admitted, loaded)
SELECT customer, product, type, version, timestamp, context, sequence, batch, received, admitted, loaded
FROM events FINAL
WHERE timestamp >= {start:Int64} AND timestamp < {end:Int64}
    AND (admitted < {begin:Int64} OR admitted > {through:Int64})
