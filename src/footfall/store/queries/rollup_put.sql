-- The counts of a day that was counted piece by piece; see rollup_compute.sql.
INSERT INTO rollup_days
(
    customer, product, day, epoch, loaded, late, admitted, copies, is_whole,
    hours.unit, hours.type, hours.version, hours.events, hours.duplicates, hours.late, hours.late_duplicates,
    quarters.unit, quarters.type, quarters.version,
    quarters.events, quarters.duplicates, quarters.late, quarters.late_duplicates
)
SELECT
    {customer:String}, {product:String}, {day:Int64}, {epoch:String}, {loaded:Int64}, {late:Int64}, {admitted:Int64},
    {copies:UInt64}, {is_whole:Bool},
    {hours_unit:Array(UInt8)}, {hours_type:Array(String)}, {hours_version:Array(String)}, {hours_events:Array(UInt64)},
    {hours_duplicates:Array(UInt64)}, {hours_late:Array(UInt64)}, {hours_late_duplicates:Array(UInt64)},
    {quarters_unit:Array(UInt8)}, {quarters_type:Array(String)}, {quarters_version:Array(String)},
    {quarters_events:Array(UInt64)}, {quarters_duplicates:Array(UInt64)}, {quarters_late:Array(UInt64)},
    {quarters_late_duplicates:Array(UInt64)}
