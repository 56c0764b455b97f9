-- The rows of a report's file between two times, in the order of the table's key; `shown` is made by reports/rows.py.
SELECT {{shown}}
FROM events FINAL
WHERE customer = {customer:String}
    AND product = {product:String}
    AND timestamp BETWEEN {start:Int64} AND {end:Int64}
    AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
    AND admitted > {since:Int64}
    AND admitted <= {watermark:Int64}
    AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
    -- Of equal events of several batches only those of the first; where nothing is to be dropped, `drop_end` is before
    -- `start`, and nothing is looked for.
    AND (timestamp, batch, sequence) GLOBAL NOT IN (
        SELECT timestamp, member.1, member.2
        FROM (
            SELECT
                timestamp,
                argMin(batch, (admitted, batch)) AS first,
                arrayJoin(arrayFilter(one -> one.1 != first, groupArray((batch, sequence)))) AS member
            FROM events FINAL
            WHERE customer = {customer:String}
                AND product = {product:String}
                AND timestamp BETWEEN {start:Int64} AND {drop_end:Int64}
                AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
                AND admitted <= {watermark:Int64}
                AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
                AND timestamp GLOBAL IN (
                    -- Only times with events of several batches: looking for them reads no contexts.
                    SELECT timestamp
                    FROM events
                    WHERE customer = {customer:String}
                        AND product = {product:String}
                        AND timestamp BETWEEN {start:Int64} AND {drop_end:Int64}
                        AND admitted <= {watermark:Int64}
                        AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
                    GROUP BY timestamp
                    HAVING min(batch) != max(batch)
                )
            GROUP BY customer, product, timestamp, type, version, context
            HAVING min(batch) != max(batch)
        )
    )
ORDER BY customer, product, timestamp, batch, sequence
FORMAT {{format}}
SETTINGS
    -- Small blocks that wait for nobody keep the memory low, whatever the values' length and the number of parts.
    max_block_size = 2048,
    read_in_order_use_buffering = 0,
    -- What a column is called in the file must not be taken for a column of the table.
    prefer_column_name_to_alias = 1,
    -- Rows without a character that needs quotes, nearly all, are not taken apart.
    short_circuit_function_evaluation = 'force_enable',
    format_custom_escaping_rule = 'Raw',
    output_format_json_quote_64bit_integers = 0,
    output_format_json_escape_forward_slashes = 0,
    output_format_arrow_compression_method = 'none'
