-- How many rows a table has of persons, those too that are not merged yet, and the rows of its parts that are left over.
SELECT
    (SELECT count() FROM {table:Identifier} WHERE {{gone}}),
    (
        SELECT count() FROM system.parts
        WHERE NOT active AND database = currentDatabase() AND table IN ({name:String}, concat({name:String}, '_shard'))
    )
