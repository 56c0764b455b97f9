-- Breaks off the statements that carry this mark in their log comment; does not wait for their end.
KILL QUERY {{on_cluster}} WHERE position(Settings['log_comment'], {mark:String}) > 0 ASYNC
