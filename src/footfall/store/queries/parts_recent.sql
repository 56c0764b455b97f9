-- Parts that were written in the last hour: those that a full disk may have cut short.
SELECT table, name
FROM system.parts
WHERE database = currentDatabase() AND active AND modification_time > now() - INTERVAL 1 HOUR
    AND replaceOne(table, '_shard', '') IN ('events', 'quarantine', 'rollup_changes', 'rollup_days')
ORDER BY table, name
