-- The events behind some findings of a comparison.
WITH hex(sipHash128(customer, product, timestamp, batch, sequence)) AS event
SELECT DISTINCT event, customer, product, timestamp, toString(batch), sequence
FROM
(
    SELECT customer, product, timestamp, batch, sequence FROM {archived:Identifier}
    WHERE timestamp IN {times:Array(Int64)}
    UNION ALL
    SELECT customer, product, timestamp, batch, sequence FROM {stored:Identifier}
    WHERE timestamp IN {times:Array(Int64)}
)
WHERE event IN {events:Array(String)}
ORDER BY customer, product, timestamp, batch, sequence
