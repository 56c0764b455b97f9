-- What the tables that answers depend on hold, as a hash of their parts' own hashes: equal where nothing has changed.
-- It is empty where the tables are on several servers, of which one knows its own parts alone. The hash is a selection of
-- its own: beside `if`, whose branch the engine chooses before it reads, it would be gone, and with it the one row.
SELECT if(
    (SELECT any(engine) FROM system.tables WHERE database = currentDatabase() AND name = 'events') = 'ReplacingMergeTree',
    (
        SELECT hex(sipHash128(arraySort(groupArray((table, name, hash_of_all_files)))))
        FROM system.parts
        WHERE database = currentDatabase() AND active AND table IN ('events', 'rollup_changes')
    ),
    ''
)
