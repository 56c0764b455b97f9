"""What a report asks of the store: the statement of its rows, the counts that it is held against.

And columnar files."""
