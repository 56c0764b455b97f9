-- The customers and products of a report: the most rows, those with which they are compared, first and last timestamp.
-- An event that was loaded twice and is not merged yet counts twice.
SELECT
    toString(customer),
    toString(product),
    countIf(is_wanted) AS rows,
    count(),
    minIf(timestamp, is_wanted),
    maxIf(timestamp, is_wanted)
FROM (
    SELECT
        customer,
        product,
        timestamp,
        ({basis:String} = 'event' OR received BETWEEN {received_start:Int64} AND {received_end:Int64})
            AND admitted > {since:Int64} AS is_wanted
    FROM events
    WHERE {{selection}}
)
GROUP BY customer, product
ORDER BY customer, product
SETTINGS
    -- A column of the table is meant where an alias has its name.
    prefer_column_name_to_alias = 1
