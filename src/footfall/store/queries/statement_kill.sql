-- Breaks off the statements that carry this mark at the end of their log comment; does not wait for their end.
KILL QUERY {{on_cluster}} WHERE endsWith(Settings['log_comment'], {mark:String}) ASYNC
