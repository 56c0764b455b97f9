-- The selected events: those of some days with FINAL, and those of all others, which stand in the table once, without it.
-- It fails where an event of the others was loaded after a time: then it may stand there twice. The engine may try this
-- on rows that another condition leaves out, so that it names all of them. See footfall.usage.reading.
SELECT customer, product, type, version, timestamp, context, context1, sequence, batch, received, admitted
FROM events FINAL
WHERE {{selection}}
    AND intDiv(timestamp, 86400000) IN {unmerged_days:Array(Int64)}
UNION ALL
SELECT customer, product, type, version, timestamp, context, context1, sequence, batch, received, admitted
FROM events
WHERE {{selection}}
    AND intDiv(timestamp, 86400000) NOT IN {unmerged_days:Array(Int64)}
    AND NOT throwIf(
        loaded > {looked:Int64}
            AND {{selection}}
            AND intDiv(timestamp, 86400000) NOT IN {unmerged_days:Array(Int64)}
    )
