-- What the store has of one request.
SELECT sequence, toString(customer), received, admitted
FROM events FINAL
WHERE batch = {batch:UUID}
ORDER BY sequence
SETTINGS use_skip_indexes_if_final = 1
