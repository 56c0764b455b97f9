-- Have the server remove at once what it keeps of parts that were replaced; no event is of 1970.
ALTER TABLE {table:Identifier} {{on_cluster}} DROP PARTITION ID '197001'
