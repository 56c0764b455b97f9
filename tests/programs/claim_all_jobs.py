"""Claims jobs until there is none, and prints their ids."""

import sys

from footfall.state import State

state = State(sys.argv[1])
while job := state.jobs.claim(sys.argv[2], 60_000):
    print(job.id)
state.close()
