-- In which months plan_history_events.sql finds events: the first and last timestamp of each, and how many they are.
SELECT min(e.timestamp), max(e.timestamp), count()
FROM events AS e FINAL
WHERE e.timestamp BETWEEN {start:Int64} AND {end:Int64}
    AND (empty({customers:Array(String)}) OR e.customer IN {customers:Array(String)})
    AND (empty({products:Array(String)}) OR e.product IN {products:Array(String)})
GROUP BY toYYYYMM(fromUnixTimestamp64Milli(e.timestamp, 'UTC'))
ORDER BY 1
