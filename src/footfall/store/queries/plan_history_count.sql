-- How many events plan_history_events.sql gives.
SELECT count()
FROM events AS e FINAL
WHERE e.timestamp BETWEEN {start:Int64} AND {end:Int64}
    AND (empty({customers:Array(String)}) OR e.customer IN {customers:Array(String)})
