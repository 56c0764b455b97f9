-- The bytes on disk of the table of events, on this server.
SELECT sum(bytes_on_disk) FROM system.parts
WHERE active AND database = currentDatabase() AND table IN ('events', 'events_shard')
