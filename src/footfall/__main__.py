"""`python -m footfall`: the command line."""

from footfall.cli import main

main(prog_name="footfall")
