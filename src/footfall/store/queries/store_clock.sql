-- The clock of the store's machine, in ms.
SELECT toUnixTimestamp64Milli(now64(3))
