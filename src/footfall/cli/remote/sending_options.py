"""The options that commands have in common which send files: at what rate, how patiently, and what they tell."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import click
from msgspec import Struct

from footfall.cli.output import WholeNumber, short_zone_option
from footfall.cli.remote.rejects_file import default_place
from footfall.cli.remote.sending import MakeRows, Sending

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])
_CONNECTIONS_MAX: Final = 32
_GIVE_UP_S_MAX: Final = 7 * 86_400


class SendingOptions(Struct, frozen=True):
    """What the options say; `give_up` is in seconds."""

    rejects: Path | None
    connections: int
    give_up: int
    as_json: bool
    quiet: bool

    def sending(self, name: str, rows: MakeRows, signature: bytes, *, anew: bool) -> Sending:
        """How a file is sent."""
        return Sending(name, rows, signature, self.rejects or default_place(name), self.connections, anew)


_OPTIONS: Final = (
    click.option("--rejects", type=click.Path(path_type=Path, dir_okay=False), help="The file for what is refused."),
    click.option(
        "--connections", type=WholeNumber(_CONNECTIONS_MAX), default=4, metavar="N", help="So many at once; 4."
    ),
    click.option(
        "--give-up", type=WholeNumber(_GIVE_UP_S_MAX), default=600, metavar="SECONDS", help="Without an answer; 600."
    ),
    click.option("--json", "as_json", is_flag=True, help="One JSON object for each file, at its end."),
    click.option("--quiet", is_flag=True, help="Say nothing but what went wrong."),
)


def sending_options(command: AnyFunction) -> AnyFunction:
    """Pass a command the `SendingOptions` of its options; the zone of its times is `chosen_zone`."""

    @functools.wraps(command)
    def informed(*arguments: Any, zone: str | None, **options: Any) -> Any:  # noqa: ARG001 - read by `chosen_zone`
        given = {name: options.pop(name) for name in SendingOptions.__struct_fields__}
        return command(*arguments, how=SendingOptions(**given), **options)

    for option in reversed(_OPTIONS):
        informed = option(informed)
    return cast("AnyFunction", short_zone_option(informed))
