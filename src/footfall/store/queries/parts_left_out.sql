-- Parts of this database's tables that the engine found broken when it started, and left out since.
SELECT table, name
FROM system.detached_parts
WHERE database = currentDatabase() AND startsWith(ifNull(reason, ''), 'broken')
ORDER BY table, name
