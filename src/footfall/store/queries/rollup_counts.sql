-- Events and duplicates of some days of customers and products, by interval, customer, product, type and version.
-- Of equal events of several batches, all but those of the first are duplicates; see `footfall.usage.duplicates`. An
-- event that was loaded twice and is not merged yet counts once, and its first admission counts.
SELECT
    {{customer}} AS customer,
    {{product}} AS product,
    begin,
    type,
    version,
    sum(events) AS events,
    sum(duplicates) AS duplicates,
    sum(late) AS late,
    sum(late_duplicates) AS late_duplicates,
    max(latest) AS latest
FROM (
    SELECT
        {{keys}}
        {{begin}} AS begin,
        type,
        version,
        count() AS events,
        toUInt64(0) AS duplicates,
        countIf(received - timestamp > {late:Int64}) AS late,
        toUInt64(0) AS late_duplicates,
        max(admitted) AS latest
    FROM events FINAL
    WHERE {{selected}}
    GROUP BY {{keys}} begin, type, version
    UNION ALL
    SELECT
        {{keys}}
        {{begin}} AS begin,
        type,
        version,
        toUInt64(0),
        sum(arrayCount(member -> member.1 != first_batch, members)) AS duplicates,
        toUInt64(0),
        sum(arrayCount(member -> member.1 != first_batch AND member.2, members)),
        toInt64(0)
    FROM (
        SELECT
            {{keys}}
            timestamp,
            type,
            version,
            groupArray((batch, first_received - timestamp > {late:Int64})) AS members,
            argMin(batch, (first_admitted, batch)) AS first_batch
        FROM (
            SELECT
                {{keys}}
                timestamp,
                type,
                version,
                context,
                batch,
                sequence,
                min(admitted) AS first_admitted,
                argMin(received, admitted) AS first_received
            FROM events
            WHERE {{selected}}
                AND timestamp GLOBAL IN (
                    -- Only timestamps with events of several batches: this reads no contexts.
                    SELECT timestamp
                    FROM (
                        SELECT {{keys}} timestamp, batch
                        FROM events
                        WHERE {{selected}}
                            AND timestamp GLOBAL IN (
                                -- Only timestamps with several events, and the first of each day: this reads no batches.
                                SELECT arrayJoin(arrayFilter((time, gap) -> gap = 0, times, arrayDifference(times)))
                                FROM (
                                    SELECT arraySort(groupArray(timestamp)) AS times
                                    FROM events
                                    WHERE {{selected}}
                                    GROUP BY {{keys}} intDiv(timestamp, 86400000)
                                )
                            )
                    )
                    GROUP BY {{keys}} timestamp
                    HAVING min(batch) != max(batch)
                )
            GROUP BY {{keys}} timestamp, type, version, context, batch, sequence
        )
        GROUP BY {{keys}} timestamp, type, version, context
        HAVING min(batch) != max(batch)
    )
    GROUP BY {{keys}} begin, type, version
    HAVING duplicates > 0
)
GROUP BY {{keys}} begin, type, version
