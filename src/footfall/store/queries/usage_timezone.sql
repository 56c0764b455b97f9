-- Whether there is a time zone of this name.
SELECT 1 FROM system.time_zones WHERE time_zone = {timezone:String}
