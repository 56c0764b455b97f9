-- The rows of a report's file between two times, by the table's key; reports/rows.py makes the pieces.
{{given}}SELECT {{shown}}
FROM (
    -- A selection of its own, for the engine calls an expression by its text, lists and all, and each that it is a part
    -- of too.
    SELECT timestamp, type, context, batch, sequence, {{layout}}
    -- FINAL, where an event may have been loaded twice.
    FROM events {{final}}
    WHERE customer = {customer:String}
        AND product = {product:String}
        AND timestamp BETWEEN {start:Int64} AND {end:Int64}
        AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
        AND admitted > {since:Int64}
        AND admitted <= {watermark:Int64}
        AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
        -- Of equal events of several batches only those of the first, where a report asks for that.
        {{undoubled}}
)
-- The rest of the key, which begins with customer and product: comparing those too would take longer.
ORDER BY timestamp, batch, sequence
FORMAT {{format}}
SETTINGS
    -- Blocks that wait for nobody keep the memory low, whatever the number of parts.
    read_in_order_use_buffering = 0,
    -- What a column is called in the file must not be taken for a column of the table.
    prefer_column_name_to_alias = 1,
    -- Rows without a character that needs quotes, nearly all, are not taken apart.
    short_circuit_function_evaluation = 'force_enable',
    -- One thread is quicker with short rows than handing them around.
    output_format_parallel_formatting = 0,
    format_custom_escaping_rule = 'Raw',
    output_format_json_quote_64bit_integers = 0,
    output_format_json_escape_forward_slashes = 0,
    output_format_arrow_compression_method = 'none'
