-- Nothing is handed to the table beside that of events any more.
DROP VIEW IF EXISTS {{database}}.events_rebuilding {{on_cluster}} SYNC
