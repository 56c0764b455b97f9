-- The files of schema/ that have been applied, with the hash that each had then.
SELECT number, argMin(sha256, applied) AS sha256 FROM schema_migrations GROUP BY number ORDER BY number
