"""`footfall-client`, or `python -m footfall_client`: look at outboxes from a terminal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from footfall_client import outbox_command
from footfall_client.errors import OutboxError, ServiceError
from footfall_client.transport import Unreachable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives its exit code: 0 done, 1 refused or failed, 2 a command line that cannot be read."""
    parser = argparse.ArgumentParser(prog="footfall-client", description="Look at outboxes of footfall's client.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    outbox = commands.add_parser("outbox", help="show an outbox, send what waits in it, list what was refused")
    outbox_command.add_to(outbox)
    given = parser.parse_args(arguments)
    try:
        return int(given.run(given))
    except (OutboxError, ServiceError, Unreachable, OSError, ValueError) as error:
        print(f"footfall-client: {error}", file=sys.stderr)  # noqa: T201 - a command
        return 1


if __name__ == "__main__":
    sys.exit(main())
