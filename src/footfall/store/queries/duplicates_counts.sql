-- The duplicates between two times, by interval and type: of equal events all but those of the batch that was first.
-- Which was first does not depend on which of them are selected, by their times of receipt or as new ones.
-- How many of the duplicates came late.
-- And how many more of these events are in the table than there are, for they were loaded twice and are not merged yet.
-- Intervals are given as pieces of time; see `footfall.usage.intervals`.
WITH
    roundDown(timestamp, {starts:Array(Int64)}) AS piece,
    transform(piece, {starts:Array(Int64)}, {widths:Array(Int64)}, toInt64(0)) AS width
SELECT
    if(
        width = 0,
        piece,
        greatest(
            piece,
            timestamp - positiveModulo(
                timestamp + transform(piece, {starts:Array(Int64)}, {offsets:Array(Int64)}, toInt64(0)),
                greatest(width, 1)
            )
        )
    ) AS begin,
    toString(type),
    sum(arrayCount(member -> member.1 != first AND member.2 > {since:Int64}, members)) AS number,
    sum(more) AS twins,
    sum(arrayCount(member -> member.1 != first AND member.2 > {since:Int64} AND member.3, members)) AS tardy
FROM (
    SELECT
        timestamp,
        type,
        groupArrayIf((batch, came, got - timestamp > {late:Int64}), wanted) AS members,
        argMin(batch, (came, batch)) AS first,
        sum(copies - 1) AS more
    FROM (
        -- An event that was loaded twice, and is not merged yet, is one; its first admission counts, as with FINAL, which
        -- would read all contexts.
        SELECT
            timestamp,
            type,
            version,
            context,
            batch,
            sequence,
            min(admitted) AS came,
            argMin(received, admitted) AS got,
            {basis:String} = 'event' OR got BETWEEN {received_start:Int64} AND {received_end:Int64} AS wanted,
            count() AS copies
        FROM events
        WHERE customer = {customer:String}
            AND product = {product:String}
            AND timestamp BETWEEN {start:Int64} AND {end:Int64}
            AND admitted <= {watermark:Int64}
            AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
            AND timestamp GLOBAL IN (
                -- Only times with events of several batches, or with one twice: looking for them reads no contexts.
                SELECT timestamp
                FROM (
                    SELECT timestamp, batch, count() AS copies
                    FROM events
                    WHERE customer = {customer:String}
                        AND product = {product:String}
                        AND timestamp BETWEEN {start:Int64} AND {end:Int64}
                        AND admitted <= {watermark:Int64}
                        AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
                        AND timestamp GLOBAL IN (
                            -- Only times with several events, and the first of each day: most have one, and looking for
                            -- them reads no batches. The times of a day are nearly in order, which makes sorting them
                            -- cheaper than grouping by them.
                            SELECT arrayJoin(arrayFilter((time, gap) -> gap = 0, times, arrayDifference(times)))
                            FROM (
                                SELECT arraySort(groupArray(timestamp)) AS times
                                FROM events
                                WHERE customer = {customer:String}
                                    AND product = {product:String}
                                    AND timestamp BETWEEN {start:Int64} AND {end:Int64}
                                    AND admitted <= {watermark:Int64}
                                    AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
                                GROUP BY intDiv(timestamp, 86400000)
                            )
                        )
                    GROUP BY timestamp, batch, sequence
                )
                GROUP BY timestamp
                HAVING min(batch) != max(batch) OR max(copies) > 1
            )
        GROUP BY timestamp, type, version, context, batch, sequence
    )
    GROUP BY timestamp, type, version, context
    HAVING min(batch) != max(batch) OR more > 0
)
GROUP BY begin, type
HAVING number > 0 OR twins > 0
SETTINGS
    -- Where most are duplicates, their groups go to disk.
    max_bytes_before_external_group_by = 268435456
