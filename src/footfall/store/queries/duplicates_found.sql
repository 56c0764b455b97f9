-- The duplicates between two times: of equal events of several batches, all but those of the first batch.
-- Which batch is first does not depend on the report's other conditions, such as the time of receipt.
SELECT timestamp, member.1, member.2
FROM (
    SELECT
        timestamp,
        argMin(batch, (admitted, batch)) AS first,
        arrayJoin(arrayFilter(one -> one.1 != first, groupArray((batch, sequence)))) AS member
    FROM events FINAL
    WHERE {{selection}}
        AND timestamp GLOBAL IN (
            -- Only timestamps with events of several batches: this selection reads no contexts.
            SELECT timestamp
            FROM events
            WHERE {{selection}}
            GROUP BY timestamp
            HAVING min(batch) != max(batch)
        )
    GROUP BY customer, product, timestamp, type, version, context
    HAVING min(batch) != max(batch)
)
