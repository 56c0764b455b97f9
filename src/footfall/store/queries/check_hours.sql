-- By hour: the events of archive and store, and those of the store that are older or newer than what the archive covers.
SELECT hour, toUInt64(sum(archived)), toUInt64(sum(stored)), toUInt64(sum(older)), toUInt64(sum(newer))
FROM
(
    SELECT timestamp - positiveModulo(timestamp, 3600000) AS hour, count() AS archived, 0 AS stored, 0 AS older, 0 AS newer
    FROM {archived:Identifier}
    WHERE NOT ({{gone}})
    GROUP BY hour
    UNION ALL
    SELECT
        timestamp - positiveModulo(timestamp, 3600000) AS hour,
        0,
        count(),
        countIf(admitted < {begin:Int64}),
        countIf(admitted > {through:Int64})
    FROM {stored:Identifier} FINAL
    WHERE NOT ({{gone}})
    GROUP BY hour
)
GROUP BY hour
ORDER BY hour
