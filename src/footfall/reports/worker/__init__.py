"""The worker's side of reports: claim a job, hold its lease, wait at the barrier, write the file, record the end."""
