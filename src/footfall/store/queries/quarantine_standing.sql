-- How far the records of some batches are.
SELECT toString(batch), sequence, toString(state)
FROM quarantine FINAL
WHERE batch IN {batches:Array(UUID)}
