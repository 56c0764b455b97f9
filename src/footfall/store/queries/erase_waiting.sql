-- The changes of a table that the server has not finished, and why the last of them failed, if it did.
SELECT count(), max(latest_fail_reason)
FROM system.mutations
WHERE NOT is_done AND database = currentDatabase() AND table IN ({name:String}, concat({name:String}, '_shard'))
