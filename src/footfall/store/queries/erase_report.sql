-- Whether a report has events of persons: at most one row.
SELECT 1 FROM events WHERE {{selection}} AND {{gone}} LIMIT 1
