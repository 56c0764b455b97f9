-- The duplicates between two times, by interval and dimensions: of equal events all but those of the first batch.
-- Which batch is first does not depend on the other conditions, such as the time of receipt.
-- Beside them, how many duplicates came late; and how many more rows than events the table holds, because a load was
-- repeated and is not merged yet.
-- Intervals are parameters, as pieces of time; see `footfall.usage.intervals`.
SELECT
    {{begin}} AS begin,
    {{dimensions}}
    sum(arrayCount(member -> member.1 != first_batch AND member.2 > {since:Int64}, members)) AS duplicates,
    sum(more_copies) AS unmerged_copies,
    sum(arrayCount(member -> member.1 != first_batch AND member.2 > {since:Int64} AND member.3, members)) AS late_duplicates
FROM (
    SELECT
        customer,
        product,
        timestamp,
        type,
        version,
        context,
        groupArrayIf((batch, first_admitted, first_received - timestamp > {late:Int64}), is_selected) AS members,
        argMin(batch, (first_admitted, batch)) AS first_batch,
        sum(copies - 1) AS more_copies
    FROM (
        -- An event that was loaded twice and is not merged yet counts once; its first admission counts. FINAL does the
        -- same, but reads all contexts.
        SELECT
            customer,
            product,
            timestamp,
            type,
            version,
            context,
            batch,
            sequence,
            min(admitted) AS first_admitted,
            argMin(received, admitted) AS first_received,
            {basis:String} = 'event'
                OR first_received BETWEEN {received_start:Int64} AND {received_end:Int64} AS is_selected,
            count() AS copies
        FROM events
        WHERE {{selection}}
            AND timestamp GLOBAL IN (
                -- Only timestamps with events of several batches, or with one event twice: this reads no contexts.
                SELECT timestamp
                FROM (
                    SELECT timestamp, batch, count() AS copies
                    FROM events
                    WHERE {{selection}}
                        AND timestamp GLOBAL IN (
                            -- Only timestamps with several events, and the first of each day. Most have one event, and
                            -- this reads no batches. A day's timestamps are nearly in order, so that sorting costs less
                            -- than grouping.
                            SELECT arrayJoin(arrayFilter((time, gap) -> gap = 0, times, arrayDifference(times)))
                            FROM (
                                SELECT arraySort(groupArray(timestamp)) AS times
                                FROM events
                                WHERE {{selection}}
                                GROUP BY intDiv(timestamp, 86400000)
                            )
                        )
                    GROUP BY timestamp, batch, sequence
                )
                GROUP BY timestamp
                HAVING min(batch) != max(batch) OR max(copies) > 1
            )
        GROUP BY customer, product, timestamp, type, version, context, batch, sequence
    )
    GROUP BY customer, product, timestamp, type, version, context
    HAVING min(batch) != max(batch) OR more_copies > 0
)
GROUP BY begin{{groups}}
HAVING duplicates > 0 OR unmerged_copies > 0
SETTINGS
    -- Where most events are duplicates, their groups go to disk.
    max_bytes_before_external_group_by = 268435456
