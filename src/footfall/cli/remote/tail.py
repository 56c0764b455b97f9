"""`footfall tail`: events while a service accepts them, a line each."""

import datetime as dt
import sys
from collections.abc import Iterator
from typing import Any, Final, TypeVar

import click
import msgspec
from msgspec import Struct

from footfall.cli.failures import Interrupted
from footfall.cli.output import WholeNumber, chosen_zone, short_zone_option
from footfall.cli.remote.connecting import RemoteService, service_command
from footfall.cli.remote.event_stream import EventStream, StreamMessage
from footfall.cli.remote.selection import ChosenEvents, scope_options
from footfall.cli.tables import terminal_width
from footfall.wording import count_of, moment, plain

Told = TypeVar("Told")
# An event that came so much later than it happened is shown with its own time too.
_LATE_MS: Final = 60_000
_CUT: Final = "..."
_WHY_DROPPED: Final = {
    "slow": "this command takes less than there is",
    "busy": "the service takes more than it can tell",
    "gone": "what came meanwhile is no longer there",
}


class ToldEvent(Struct, frozen=True):
    """What is shown of an event; of one in quarantine also why it is there."""

    customer: str
    product: str
    type: str
    timestamp: int
    context: list[str | None] = []
    version: str = ""
    received: int = 0
    code: str = ""
    reason: str = ""


class _Enough(Exception):
    """As many events were shown as were asked for."""


@click.command()
@scope_options
@click.option("--events", "most", metavar="N", type=WholeNumber(), help="End after so many events.")
@short_zone_option
@click.option("--json", "as_json", is_flag=True, help="Each event as one line of JSON, as the service tells it.")
@click.option("--quiet", is_flag=True, help="Say nothing but events and what went wrong.")
@service_command
def tail(
    service: RemoteService, selection: ChosenEvents, most: int | None, zone: str | None, as_json: bool, quiet: bool
) -> None:
    """Show events while they are accepted, until Ctrl-C: of all that the user may see, or of those that options name.

    A line has the time of receipt, customer, product, type, version and context. A broken stream is taken up again
    behind the last event. Standard error tells when events are missing, and why.

    \b
    Examples:
      footfall tail
      footfall tail --customer ACME --types 'ORDER-*' --zone Europe/Berlin
      footfall tail --json | jq .context
    """
    del zone  # read before all else, as chosen_zone
    service.require_auth()
    shown = _Shown(chosen_zone(), most, as_json=as_json, quiet=quiet)
    stream = EventStream(service, selection.usage_parameters(), shown.tell, shown.say)
    try:
        stream.follow()
    except _Enough:
        return
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            click.echo(err=True)  # below the ^C
        sys.exit(Interrupted.exit_code)


class _Shown:
    """Shows messages as lines, and counts events."""

    def __init__(self, zone: dt.tzinfo, most: int | None, *, as_json: bool, quiet: bool) -> None:
        self._zone = zone
        self._left = most
        self._as_json = as_json
        self._quiet = quiet

    def tell(self, messages: list[StreamMessage]) -> None:
        """Show messages, in one write. Raises _Enough behind the last event that was asked for."""
        lines: list[str] = []
        for message in messages:
            if message.name in ("dropped", "refusals"):
                self._tell_missing(message)
            elif message.name in ("", "refused") and self._left != 0:
                lines += self._lines(message)
                self._left = None if self._left is None else self._left - 1
        if lines:
            click.echo("\n".join(lines))
        if self._left == 0:
            raise _Enough

    def say(self, text: str) -> None:
        """Tell on standard error what went wrong."""
        click.echo(plain(text), err=True)

    def _lines(self, message: StreamMessage) -> Iterator[str]:
        event = _read(message.data, ToldEvent)
        if self._as_json:
            yield plain(message.data.decode("utf-8", "replace"))
            return
        line = describe_event(event, self._zone)
        width = terminal_width()
        yield line if width is None or len(line) <= width else f"{line[: width - len(_CUT)]}{_CUT}"

    def _tell_missing(self, message: StreamMessage) -> None:
        found = _read(message.data, dict[str, Any])
        events = found.get("events")
        count = count_of(events, "event") if isinstance(events, int) else "events"
        if message.name == "dropped":
            reason = str(found.get("reason"))
            self.say(f"{count} left out: {_WHY_DROPPED.get(reason, reason)}")
        elif not self._quiet:
            kind = [str(found[key]) for key in ("customer", "product", "type") if found.get(key)]
            whose = " ".join(kind) or "a request that could not be taken"
            where = [str(found["where"])] if found.get("where") else []
            self.say(f"{count} refused: {': '.join([whose, *where, str(found.get('reason'))])}")


def describe_event(event: ToldEvent, zone: dt.tzinfo) -> str:
    """An event as a line that cannot control a terminal."""
    received = event.received or event.timestamp
    context = msgspec.json.encode(event.context).decode()
    words = [moment(received, zone), event.customer, event.product, event.type, event.version or "-", context]
    if abs(received - event.timestamp) > _LATE_MS:
        words.append(f"of {moment(event.timestamp, zone)}")
    if event.code:
        words.append(f"in quarantine: {event.reason}")
    return plain("  ".join(words))


def _read(data: bytes, kind: type[Told]) -> Told:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise click.ClickException("the stream is none that this footfall can show: --json needs it too") from error
