"""Writes 40 MiB of a file and stops before its end."""

import sys
import time

import msgspec

from footfall.files import Files
from footfall.settings.schema import Settings


def blocks():
    for _ in range(40):
        yield bytes(1 << 20)
    print("sent", flush=True)
    time.sleep(600)


Files(msgspec.json.decode(sys.argv[1], type=Settings)).put("a.csv", blocks())
