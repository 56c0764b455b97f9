-- What quarantine has of one request.
SELECT sequence, toString(customer), held_since, toString(state), toString(code), reason
FROM quarantine FINAL
WHERE batch = {batch:UUID}
ORDER BY sequence
