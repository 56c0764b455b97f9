-- Take the counts of a customer's product for changed: each of its days is counted anew.
INSERT INTO rollup_changes (customer, product, day, epoch, loaded, admitted, rows)
SELECT customer, product, day, epoch, {now:Int64}, 0, 0
FROM rollup_changes
WHERE customer = {customer:String} AND product = {product:String}
GROUP BY customer, product, day, epoch
