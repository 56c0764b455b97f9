-- Which events of one request are duplicates of which: equal ones were admitted in another batch before.
SELECT
    groupArrayIf(sequence, batch = {batch:UUID}) AS sequences,
    -- Of several equal events of the first batch, the one that comes first in it.
    argMin((toString(batch), sequence), (admitted, batch, sequence)) AS original
FROM events FINAL
WHERE (customer, product, timestamp) GLOBAL IN (
    SELECT customer, product, timestamp FROM events FINAL WHERE batch = {batch:UUID}
)
GROUP BY customer, product, timestamp, type, version, context
HAVING notEmpty(sequences) AND original.1 != toString({batch:UUID})
SETTINGS use_skip_indexes_if_final = 1
