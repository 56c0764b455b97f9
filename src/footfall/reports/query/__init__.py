"""What a report asks of the store: histogram, counts and rows; and Parquet and Arrow files made of the rows."""
