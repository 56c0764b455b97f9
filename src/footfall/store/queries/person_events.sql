-- The events of a person, in the order of their time.
SELECT customer, product, type, version, timestamp, context, batch, sequence, received, admitted
FROM events FINAL
WHERE {{selection}}
    AND ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
ORDER BY timestamp, customer, product, batch, sequence
FORMAT JSONEachRow
SETTINGS
    output_format_json_quote_64bit_integers = 0,
    -- A person with very many events is put in order on the disk.
    max_bytes_before_external_sort = 268435456
