-- How many events of quarantine are selected.
SELECT count()
FROM quarantine AS q FINAL

