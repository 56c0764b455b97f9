-- The events between two times as lines of a journal's segment, in sorting-key order, so that the same are the same.
SELECT customer, product, type, version, timestamp, context, sequence, batch, received, admitted
FROM events FINAL
WHERE timestamp BETWEEN {start:Int64} AND {end:Int64}
ORDER BY customer, product, timestamp, batch, sequence
FORMAT JSONEachRow
-- Small blocks that wait for nobody keep the memory low, whatever the values' length and the number of parts.
SETTINGS output_format_json_quote_64bit_integers = 0, max_block_size = 1024, read_in_order_use_buffering = 0
