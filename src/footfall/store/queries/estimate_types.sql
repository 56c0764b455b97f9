-- The types of the first rows of a piece of a report: those that its sample may have.
SELECT DISTINCT type
FROM (
    SELECT type
    FROM events FINAL
    WHERE {{selection}}
        AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
        AND admitted > {since:Int64}
    ORDER BY timestamp, batch, sequence
    LIMIT {rows:UInt64}
)
