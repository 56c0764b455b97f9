"""The worker's side of reports: claimed, waited for, made, and recorded, under a lease."""
