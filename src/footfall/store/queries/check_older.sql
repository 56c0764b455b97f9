-- Whether any event was admitted before the archive begins: at most one row.
SELECT admitted FROM {stored:Identifier} WHERE admitted < {begin:Int64} LIMIT 1
