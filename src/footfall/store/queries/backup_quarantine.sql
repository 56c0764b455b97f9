-- The quarantine as lines of a journal's segment, in sorting-key order, so that the same rows are the same lines.
SELECT
    customer, product, type, version, timestamp, context, sequence, batch, received,
    code, place, reason, plan, address, origin, user_agent, state, changed_by, set_type, held_since
FROM quarantine FINAL
ORDER BY batch, sequence
FORMAT JSONEachRow
SETTINGS output_format_json_quote_64bit_integers = 0, max_block_size = 1024, read_in_order_use_buffering = 0
