-- Remove the rows of persons from a table; the server does it in the background.
ALTER TABLE {table:Identifier} {{on_cluster}} DELETE WHERE {{gone}}
