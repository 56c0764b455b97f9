"""The running service: the composition root, the supervisor, and what is made sure of before it serves."""
