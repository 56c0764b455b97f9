"""footfall: usage events, collected durably, counted once, reported completely."""
