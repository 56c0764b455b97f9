-- Archive and store side by side, event by event, between two times: how many of each verdict a day, and a few of each.
WITH
    sipHash128(customer, product, timestamp, batch, sequence) AS identity,
    cityHash64(type, version, context) AS content,
    cityHash64(content, received, admitted) AS copy
SELECT
    toString(toDate(fromUnixTimestamp64Milli(time, 'UTC'))) AS day,
    verdict,
    count(),
    groupArray({samples:UInt8})((time, hex(event)))
FROM
(
    SELECT
        any(timestamp) AS time,
        identity AS event,
        countIf(is_stored) AS rows,
        countIf(NOT is_stored) AS copies,
        minIf(admitted, is_stored) AS stored,
        minIf(admitted, NOT is_stored) AS archived,
        multiIf(
            rows > 1, 'doubled',
            rows = 0, 'missing',
            -- The archive of older ones may be gone, and younger ones may still stand in the journal.
            copies = 0 AND stored < {begin:Int64}, 'older',
            copies = 0 AND stored > {through:Int64}, 'newer',
            copies = 0, 'unarchived',
            stored = archived AND has(groupUniqArrayIf(copy, NOT is_stored), anyIf(copy, is_stored)), 'good',
            -- An earlier copy of it, of such a time, is the one that counts.
            stored < archived AND (stored < {begin:Int64} OR stored > {through:Int64})
                AND anyIf(content, is_stored) = anyIf(content, NOT is_stored), 'good',
            'changed'
        ) AS verdict
    FROM
    (
        SELECT false AS is_stored, customer, product, timestamp, batch, sequence, type, version, context, received, admitted
        FROM {archived:Identifier}
        WHERE timestamp >= {start:Int64} AND timestamp < {end:Int64} AND NOT ({{gone}})
        UNION ALL
        SELECT true, customer, product, timestamp, batch, sequence, type, version, context, received, admitted
        FROM {stored:Identifier} FINAL
        WHERE timestamp >= {start:Int64} AND timestamp < {end:Int64} AND NOT ({{gone}})
    )
    GROUP BY event
)
GROUP BY day, verdict
ORDER BY day, verdict
