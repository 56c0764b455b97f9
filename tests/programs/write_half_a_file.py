"""Writes a half of a file into a folder and stops."""

import sys
import time
from pathlib import Path

from footfall.files import local


def blocks():
    yield b"half"
    print(flush=True)
    time.sleep(600)


local.write_file(Path(sys.argv[1]), "day.csv", blocks(), 0, is_own=False)
