-- Note what was loaded between two times: the days, and in the same part that it was looked at.
INSERT INTO rollup_changes (customer, product, day, epoch, loaded, admitted, rows)
SELECT customer, product, intDiv(timestamp, 86400000) AS day, {epoch:String}, max(loaded), max(admitted), count()
FROM events
WHERE loaded > {after:Int64} AND loaded <= {through:Int64}
GROUP BY customer, product, day
UNION ALL
SELECT '', '', 0, {epoch:String}, {through:Int64}, 0, 0
