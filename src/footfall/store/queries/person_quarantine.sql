-- What quarantine holds that has a value anywhere in its context: an event that broke the plan may have it anywhere.
SELECT customer, product, type, version, timestamp, context, batch, sequence, received, state, reason, address, user_agent
FROM quarantine FINAL
WHERE has(context, {value:String})
    AND ({customer:String} = '' OR customer = {customer:String})
ORDER BY received, batch, sequence
FORMAT JSONEachRow
SETTINGS output_format_json_quote_64bit_integers = 0, max_bytes_before_external_sort = 268435456
