-- Parts that were written in the last hour: those that a full disk may have cut short.
SELECT table, name
FROM system.parts
WHERE database = currentDatabase() AND active AND modification_time > now() - INTERVAL 1 HOUR
    AND table IN ('events', 'events_shard', 'quarantine', 'quarantine_shard')
ORDER BY table, name
