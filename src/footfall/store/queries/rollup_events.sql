-- Counts of days from their events; see rollup_counts.sql.
SELECT
    begin,
    if({by_customer:Bool}, toString(customer), '') AS customer_code,
    if({by_product:Bool}, toString(product), '') AS product_code,
    if({by_type:Bool}, toString(type), '') AS type_code,
    if({by_version:Bool}, toString(version), '') AS version_code,
    sum(counts.events),
    sum(counts.duplicates),
    sum(counts.late),
    sum(counts.late_duplicates)
FROM ({{counts}}) AS counts
GROUP BY begin, customer_code, product_code, type_code, version_code
LIMIT {limit:UInt64}
