-- How many rows a table has of persons.
SELECT count() FROM {table:Identifier} WHERE {{gone}}
