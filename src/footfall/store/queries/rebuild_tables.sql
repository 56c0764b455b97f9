-- The tables of a rebuild that are there, each with its mark.
SELECT replaceOne(name, '_shard', ''), max(comment)
FROM system.tables
WHERE database = currentDatabase()
    AND replaceOne(name, '_shard', '') IN ('events', 'events_rebuilt', 'events_rebuilding', 'events_old')
GROUP BY 1
