-- The rows of a report between two times, by customer, product and type: as in the counts by type alone.
SELECT
    toString(customer),
    toString(product),
    toString(type),
    count(),
    min(timestamp),
    max(timestamp),
    countIf(received - timestamp > {late:Int64})
-- FINAL, where an event may have been loaded twice.
FROM events {{final}}
WHERE {{selection}}
    AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
    AND admitted > {since:Int64}
    -- Where a report drops duplicates: of equal events of several batches only those of the first batch.
    {{without_duplicates}}
GROUP BY customer, product, type
ORDER BY customer, product, type
