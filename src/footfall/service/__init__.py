"""The running service: the supervisor, its processes, the checks before it serves, and the composition root."""
