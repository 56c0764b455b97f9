-- Whether there is an event of a customer, or of a product of some customers: a look at the front of the key.
SELECT count()
FROM (SELECT 1 FROM events WHERE {{scope}} LIMIT 1)
