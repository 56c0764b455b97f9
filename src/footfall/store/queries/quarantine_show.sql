-- One quarantined event, whole.
-- What is among the events is released, whatever else its record says: it may have been sent again meanwhile.
WITH if(
    (q.batch, q.sequence) GLOBAL IN (SELECT batch, sequence FROM events WHERE batch = {batch:UUID}),
    'released',
    toString(q.state)
) AS standing
SELECT
    q.customer AS customer,
    q.product AS product,
    q.type AS type,
    if(standing = 'held', q.version, '') AS version,
    q.timestamp AS timestamp,
    if(standing = 'held', q.context, []) AS context,
    q.sequence AS sequence,
    q.batch AS batch,
    standing AS state,
    q.held_since AS received,
    q.code AS code,
    q.place AS `where`,
    q.reason AS reason,
    q.plan AS plan,
    if(standing = 'held', q.address, '') AS address,
    if(standing = 'held', q.origin, '') AS origin,
    if(standing = 'held', q.user_agent, '') AS userAgent,
    if(q.state = 'held', 0, q.received) AS changed,
    q.changed_by AS changedBy,
    q.set_type AS setType
FROM quarantine AS q FINAL
WHERE q.batch = {batch:UUID} AND q.sequence = {sequence:UInt32}
FORMAT JSONEachRow
SETTINGS output_format_json_quote_64bit_integers = 0
