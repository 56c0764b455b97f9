-- How many events there are whose actor is not of the demo, up to a bound.
SELECT count()
FROM
(
    SELECT 1
    FROM events
    WHERE NOT startsWith(context[1], {prefix:String})
    LIMIT {most:UInt64}
)
