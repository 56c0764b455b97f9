-- Archived lines of quarantine and its table side by side, record by record: how many of each verdict a day, and a few.
-- A record's lines may differ by anything but their batch and sequence, so that a step is of batches and not of times.
WITH
    cityHash64(
        customer, product, type, version, timestamp, toString(context), code, place, reason, plan, address, origin,
        user_agent, toString(state), changed_by, set_type, received, held_since
    ) AS copy
SELECT
    toString(toDate(fromUnixTimestamp64Milli(record.3, 'UTC'))) AS day,
    verdict,
    count(),
    groupArray({samples:UInt8})(record)
FROM
(
    SELECT
        any((toString(customer), toString(product), timestamp, toString(batch), sequence)) AS record,
        countIf(is_stored) AS rows,
        countIf(NOT is_stored) AS copies,
        maxIf(precedence, is_stored) AS stored,
        maxIf(precedence, NOT is_stored) AS archived,
        maxIf(received, is_stored) AS changed,
        multiIf(
            rows > 1, 'doubled',
            rows = 0, 'missing',
            -- The archive of older ones may be gone, and younger ones may still stand in the journal.
            copies = 0 AND changed < {begin:Int64}, 'older',
            copies = 0 AND changed > {through:Int64}, 'newer',
            copies = 0, 'unarchived',
            stored = archived AND has(groupUniqArrayIf(copy, NOT is_stored), anyIf(copy, is_stored)), 'good',
            -- A line of such a time, or of another node, has brought it further.
            stored > archived AND ({shared:Bool} OR changed < {begin:Int64} OR changed > {through:Int64}), 'good',
            stored > archived, 'unarchived',
            'changed'
        ) AS verdict
    FROM
    (
        SELECT *, false AS is_stored, toUInt64(toInt8(state)) * 2305843009213693952 - received AS precedence
        FROM {archived:Identifier}
        WHERE NOT ({{gone}})
        UNION ALL
        SELECT *, true, toUInt64(toInt8(state)) * 2305843009213693952 - received
        FROM quarantine FINAL
        WHERE NOT ({{gone}})
    )
    WHERE cityHash64(batch) % {steps:UInt64} = {step:UInt64}
    GROUP BY batch, sequence
)
GROUP BY day, verdict
ORDER BY day, verdict
