"""`python -m footfall.cli`."""

from footfall.cli import main

main(prog_name="footfall")
