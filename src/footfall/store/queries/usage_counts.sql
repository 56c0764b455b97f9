-- Events by interval and type, duplicates among them.
-- Intervals are parameters, as pieces of time; see `footfall.usage.intervals`.
WITH
    roundDown(timestamp, {starts:Array(Int64)}) AS piece,
    transform(piece, {starts:Array(Int64)}, {widths:Array(Int64)}, toInt64(0)) AS width
SELECT
    if(
        width = 0,
        piece,
        greatest(
            piece,
            timestamp - positiveModulo(
                timestamp + transform(piece, {starts:Array(Int64)}, {offsets:Array(Int64)}, toInt64(0)),
                greatest(width, 1)
            )
        )
    ) AS begin,
    toString(type),
    count()
FROM events FINAL
WHERE customer = {customer:String}
    AND product = {product:String}
    AND timestamp BETWEEN {start:Int64} AND {end:Int64}
    AND admitted <= {watermark:Int64}
    AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
GROUP BY begin, type
ORDER BY begin, type
LIMIT {limit:UInt64}
