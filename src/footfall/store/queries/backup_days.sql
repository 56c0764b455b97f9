-- The events of each day, by its number since the epoch: what is to be backed up, and what a restored store has.
SELECT toInt32(floor(timestamp / 86400000)) AS day, count() FROM events FINAL GROUP BY day ORDER BY day
