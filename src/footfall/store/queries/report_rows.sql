-- The rows of a report's file between two times: RFC 4180 with quotes only where they are needed, in sorting-key order.
WITH
    -- For each event, where in its context each column stands, or 0; the first of the rows is for types not listed.
    {places:Array(Array(UInt16))}[transform(type, {placed_types:Array(String)}, {placed_rows:Array(UInt32)}, 1)] AS place,
    arrayConcat([toString(timestamp), toString(type)], arrayMap(position -> context[position], place)) AS fields,
    arrayMap(
        field -> if(
            multiSearchAny(field, [{delimiter:String}, '"', '\r', '\n']),
            concat('"', replaceAll(field, '"', '""'), '"'),
            field
        ),
        fields
    ) AS quoted
SELECT arrayStringConcat(quoted, {delimiter:String})
FROM events FINAL
WHERE customer = {customer:String}
    AND product = {product:String}
    AND timestamp BETWEEN {start:Int64} AND {end:Int64}
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
                AND admitted <= {watermark:Int64}
                AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
                AND timestamp GLOBAL IN (
                    -- Only times with events of several batches: looking for them reads no contexts.
                    SELECT timestamp
                    FROM (
                        SELECT
                            timestamp,
                            batch,
                            lagInFrame(timestamp) OVER before AS timestamp_before,
                            lagInFrame(batch) OVER before AS batch_before
                        FROM events FINAL
                        WHERE customer = {customer:String}
                            AND product = {product:String}
                            AND timestamp BETWEEN {start:Int64} AND {drop_end:Int64}
                            AND admitted <= {watermark:Int64}
                            AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
                        WINDOW before AS (
                            ORDER BY customer, product, timestamp, batch ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
                        )
                    )
                    WHERE timestamp = timestamp_before AND batch != batch_before
                )
            GROUP BY customer, product, timestamp, type, version, context
            HAVING min(batch) != max(batch)
        )
    )
ORDER BY customer, product, timestamp, batch, sequence
FORMAT CustomSeparated
-- Small blocks that wait for nobody keep the memory low, whatever the values' length and the number of parts.
SETTINGS format_custom_escaping_rule = 'Raw', max_block_size = 2048, read_in_order_use_buffering = 0
