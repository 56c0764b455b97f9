-- The lines of quarantine in the archive, the records of its table, and those of them from before the archive begins.
SELECT
    (SELECT count() FROM {archived:Identifier}),
    (SELECT count() FROM quarantine),
    (SELECT countIf(received < {begin:Int64}) FROM quarantine)
