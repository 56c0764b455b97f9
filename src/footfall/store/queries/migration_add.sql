-- Record that a file of schema/ has been applied.
INSERT INTO schema_migrations (number, name, sha256, applied)
VALUES ({number:UInt32}, {name:String}, {sha256:String}, {applied:Int64})
