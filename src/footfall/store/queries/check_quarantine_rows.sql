-- The lines of quarantine in the archive, the rows of its table, and those of them from before the archive begins.
SELECT toUInt64(sum(archived)), toUInt64(sum(stored)), toUInt64(sum(older))
FROM
(
    SELECT count() AS archived, 0 AS stored, 0 AS older
    FROM {archived:Identifier}
    UNION ALL
    SELECT 0, count(), countIf(received < {begin:Int64})
    FROM quarantine
)
