-- Days that have changed since they were counted, those that have been quiet for longest first, with their rows.
SELECT toString(customer), toString(product), day, rows
FROM (
    SELECT customer, product, day, max(loaded) AS loaded, sum(rows) AS rows
    FROM rollup_changes
    WHERE epoch = {epoch:String} AND customer != ''
    GROUP BY customer, product, day
) AS known
LEFT JOIN (
    SELECT customer, product, day, loaded, late FROM rollup_days FINAL WHERE epoch = {epoch:String}
) AS counted USING (customer, product, day)
WHERE known.day BETWEEN 1 AND {last_day:Int64}
    AND known.loaded <= {quiet_since:Int64}
    AND (counted.loaded < known.loaded OR counted.late != {late:Int64})
ORDER BY known.loaded, customer, product, day
LIMIT {limit:UInt64}
