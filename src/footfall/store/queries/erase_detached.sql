-- The parts of the tables that the server has put aside, which no statement reads or changes.
SELECT replaceOne(table, '_shard', '') AS kept, count()
FROM system.detached_parts
WHERE database = currentDatabase() AND kept IN ('events', 'events_old', 'quarantine')
GROUP BY kept
ORDER BY kept
