-- How many events each customer has, and the first and last of their times.
SELECT customer, count() AS events, min(timestamp) AS first, max(timestamp) AS last
FROM events FINAL
GROUP BY customer
ORDER BY customer
