-- A span of time in pieces of one width: the first and last timestamp and the most rows of each.
SELECT min(timestamp), max(timestamp), count()
FROM events
WHERE {{selection}}
GROUP BY intDiv(timestamp - {start:Int64}, {width:Int64})
ORDER BY min(timestamp)
