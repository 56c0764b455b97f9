"""Draws one chart and ends, so that the library's 100 MB do not stay in a process of the service.

Run as `python -I drawing_program.py svg`: a Vega-Lite specification on standard input, the picture on standard output.
No data are fetched from anywhere: what a specification names by a URL stays empty.
"""

import sys

# A library of Rust with an engine for JavaScript: its import takes 0.1 s and 85 MB.
import vl_convert

VEGA_LITE = "5.21"
# Pixels of a picture for each unit of the specification, so that it is sharp on today's screens.
SCALE = 2.0
KINDS = ("svg", "png")


def main() -> None:
    """Draw what stands on standard input."""
    kind, specification = sys.argv[1], sys.stdin.read()
    if kind == "svg":
        picture = vl_convert.vegalite_to_svg(specification, vl_version=VEGA_LITE, allowed_base_urls=[]).encode()
    else:
        picture = vl_convert.vegalite_to_png(specification, vl_version=VEGA_LITE, scale=SCALE, allowed_base_urls=[])
    sys.stdout.buffer.write(picture)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] in KINDS:
        main()
    else:
        sys.exit("say which kind of picture: svg or png")
