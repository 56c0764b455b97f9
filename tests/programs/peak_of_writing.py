"""Prints the bytes of memory that writing a file of 300 MiB takes at its peak."""

import sys

import msgspec
from peak_memory import peak_bytes

from footfall.files import Files
from footfall.settings.schema import Settings

files = Files(msgspec.json.decode(sys.argv[1], type=Settings))
files.put("warm", iter([b"x"]))
before = peak_bytes()
files.put("a.csv", (bytes([n % 256]) * (1 << 20) for n in range(300)))
print(peak_bytes() - before)
