-- Which share of its rows the running statement has read that carries this mark at the end of its log comment.
SELECT max(if(total_rows_approx > 0, least(read_rows / total_rows_approx, 1), 0))
FROM system.processes
WHERE endsWith(Settings['log_comment'], {mark:String})
