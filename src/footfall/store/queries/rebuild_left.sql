-- The events between two times that one table has and another has not, up to a time of admission.
SELECT count()
FROM {old:Identifier} FINAL
WHERE timestamp >= {start:Int64} AND timestamp < {end:Int64}
    AND admitted <= {settled:Int64} AND NOT ({{gone}})
    AND sipHash128(customer, product, timestamp, batch, sequence) GLOBAL NOT IN
    (
        SELECT sipHash128(customer, product, timestamp, batch, sequence)
        FROM {new:Identifier}
        WHERE timestamp >= {start:Int64} AND timestamp < {end:Int64}
    )
