-- Count days anew, each into one row, also a day whose events are gone; and how many copies the table has of them.
INSERT INTO rollup_days
(
    customer, product, day, epoch, loaded, late, admitted, copies, is_whole,
    hours.unit, hours.type, hours.version, hours.events, hours.duplicates, hours.late, hours.late_duplicates,
    quarters.unit, quarters.type, quarters.version,
    quarters.events, quarters.duplicates, quarters.late, quarters.late_duplicates
)
SELECT
    customer, product, day, {epoch:String}, {loaded:Int64}, {late:Int64}, last_admitted,
    if(rows > all_events, rows - all_events, 0), size <= {groups:UInt64},
    by_hour.1, by_hour.2, by_hour.3, by_hour.4, by_hour.5, by_hour.6, by_hour.7,
    by_quarter.1, by_quarter.2, by_quarter.3, by_quarter.4, by_quarter.5, by_quarter.6, by_quarter.7
FROM (
    SELECT one.1 AS customer, one.2 AS product, one.3 AS day
    FROM (SELECT arrayJoin(arrayZip({customers:Array(String)}, {products:Array(String)}, {days:Array(Int64)})) AS one)
) AS wanted
LEFT JOIN (
    SELECT
        customer,
        product,
        day,
        max(latest) AS last_admitted,
        sumIf(events, is_quarter) AS all_events,
        countIf(is_quarter) AS size,
        groupArrayIf((unit, type, version, events, duplicates, late, late_duplicates), NOT is_quarter) AS hours,
        groupArrayIf((unit, type, version, events, duplicates, late, late_duplicates), is_quarter) AS quarters,
        if(size <= {groups:UInt64}, hours, []) AS by_hour,
        if(size <= {groups:UInt64}, quarters, []) AS by_quarter
    FROM (
        SELECT
            customer,
            product,
            intDiv(begin, 86400000) AS day,
            is_quarter,
            intDiv(begin % 86400000, if(is_quarter, 900000, 3600000)) AS unit,
            type,
            version,
            sum(found.events) AS events,
            sum(found.duplicates) AS duplicates,
            sum(found.late) AS late,
            sum(found.late_duplicates) AS late_duplicates,
            max(found.latest) AS latest
        FROM ({{counts}}) AS found
        ARRAY JOIN [false, true] AS is_quarter
        GROUP BY customer, product, day, is_quarter, unit, type, version
        ORDER BY customer, product, day, type, version, unit
    )
    GROUP BY customer, product, day
) AS counted USING (customer, product, day)
LEFT JOIN (
    SELECT customer, product, intDiv(timestamp, 86400000) AS day, count() AS rows
    FROM events
    WHERE {{selected}}
    GROUP BY customer, product, day
) AS stored USING (customer, product, day)
