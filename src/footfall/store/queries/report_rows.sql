-- The rows of a report's file between two times, in the order of the table's key.
-- reports/query/statement.py makes the pieces.
{{with}}SELECT {{columns}}
FROM (
    -- An inner selection, because the engine names an expression by its text, which is long here, and so are the names of
    -- all expressions that contain it.
    SELECT {{sources}}, {{layout}}
    -- FINAL, where an event may have been loaded twice.
    FROM events {{final}}
    WHERE {{selection}}
        AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
        AND admitted > {since:Int64}
        -- Where a report drops duplicates: of equal events of several batches only those of the first batch.
        {{without_duplicates}}
)
ORDER BY {{order}}
FORMAT {{format}}
SETTINGS
    -- No buffering keeps the memory low, whatever the number of parts.
    read_in_order_use_buffering = 0,
    -- A column of the file may have the name of a column of the table.
    prefer_column_name_to_alias = 1,
    -- Rows that need no quotes, nearly all, are not split into fields.
    short_circuit_function_evaluation = 'force_enable',
    -- One thread formats short rows faster than several that exchange them.
    output_format_parallel_formatting = 0,
    format_custom_escaping_rule = 'Raw',
    output_format_json_quote_64bit_integers = 0,
    output_format_json_escape_forward_slashes = 0,
    output_format_arrow_compression_method = 'none'
