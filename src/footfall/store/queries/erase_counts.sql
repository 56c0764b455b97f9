-- What a table has of persons, each event once, by customer and product, with the times of the first and the last.
SELECT customer, product, count(), min(timestamp), max(timestamp)
FROM {table:Identifier} FINAL
WHERE {{gone}}
GROUP BY customer, product
ORDER BY customer, product
