"""`footfall journal`: the segments on this node's disk, what is in them, and what can be saved of a damaged one."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from footfall.cli.context import OverviewGroup, data_command
from footfall.cli.integrity_output import plain_errors
from footfall.cli.output import WholeNumber
from footfall.cli.tables import echo_text, terminal_width
from footfall.integrity import (
    CannotRepair,
    Repair,
    SegmentContents,
    SegmentFile,
    SegmentFolders,
    SegmentState,
    is_being_written,
    read_contents,
    read_frames,
)
from footfall.journal import Damage
from footfall.settings import Settings
from footfall.wording import are, count_of, moment

_STATES = [state.value for state in SegmentState]
_ROW = "{:<8}  {:<10}  {:>7}  {:>9}  {:>11}  {:<20}  {:<20}  {}"
_HEAD = ("STATE", "HOLDS", "FRAMES", "EVENTS", "BYTES", "FIRST RECEIVED", "LAST RECEIVED", "FILE")
# A line with the usual name of a file.
_ROW_CHARS = 160


class SegmentLine(Struct, frozen=True):
    """A segment as `ls --json` prints it; times are ms since the epoch, and null where it holds no event."""

    file: str
    state: str
    kind: str
    frames: int
    events: int
    bytes: int
    first_received: int | None
    last_received: int | None
    damaged_bytes: int


@click.group(cls=OverviewGroup)
def journal() -> None:
    """Look at the segments on this node's disk, and repair them.

    A segment is open while it is written to, sealed while it waits to be loaded, and archived afterwards; one that is
    damaged, or that the store refuses, is set aside. Each is a plain file: zstdcat FILE | jq reads it too.

    \b
    Examples:
      footfall journal ls --state open --state sealed --state aside
      footfall journal cat footfall-data/aside/SEGMENT.jsonl.zst | jq .customer
      footfall journal repair footfall-data/aside/SEGMENT.jsonl.zst
    """


@journal.command()
@click.option("--state", "states", type=click.Choice(_STATES), multiple=True, help="Only these; repeat for more.")
@click.option("--days", metavar="N", type=WholeNumber(), help="Only the archive's last N days.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line; times are ms since the epoch.")
@data_command()
def ls(settings: Settings, states: tuple[str, ...], days: int | None, as_json: bool) -> None:
    """List segments: state, what they hold, frames, events, bytes, first and last time of receipt.

    Every file is read and its checksums are checked, so that a long archive takes a while: about 300 MB/s.

    \b
    Examples:
      footfall journal ls
      footfall journal ls --state archived --days 1
      footfall journal ls --json | jq -s 'map(.events) | add'
    """
    with plain_errors():
        folders = SegmentFolders(settings)
        room = terminal_width()
        is_narrow = room is not None and room < _ROW_CHARS
        if not as_json and not is_narrow:
            click.echo(_ROW.format(*_HEAD))
        for segment in _segments(folders, states, days):
            try:
                contents = read_contents(segment.path, segment.state)
            except FileNotFoundError:
                continue  # it has moved on, to where it is listed too, or was listed
            one = _segment_line(folders, segment, contents)
            if is_narrow and not as_json:
                click.echo(one.file)
                echo_text(_in_words(one), 2)
            else:
                click.echo(msgspec.json.encode(one) if as_json else _row(one))


@journal.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@data_command()
def cat(settings: Settings, files: tuple[str, ...]) -> None:
    """Print the events in segments as JSON lines, whole frames only.

    FILE is a path, or a file as `footfall journal ls` names it. Damage is told on standard error, and makes the exit
    code 1; the frame that a living writer has not finished is no damage.

    \b
    Examples:
      footfall journal cat archive/2026-11-23/*.jsonl.zst \\
          | jq -r .customer | sort | uniq -c
      footfall journal cat aside/1790000000000-0a1b2c3d-000001.jsonl.zst
    """
    damaged = False
    for file in files:
        with plain_errors():
            damaged |= _print_frames(_find(settings, file))
    sys.exit(1 if damaged else 0)


@journal.command()
@click.argument("file", metavar="FILE")
@data_command()
def repair(settings: Settings, file: str) -> None:
    """Save what is whole of a segment, or put one that was set aside back into the journal.

    A torn tail is cut off, whole frames around damage go into a new segment, and one of the aside that is whole goes
    back to be loaded. The original is kept in the folder repaired, and nothing is ever written over. A segment whose
    writer lives is left alone.

    \b
    Example:
      footfall journal repair aside/1790000000000-0a1b2c3d-000001.jsonl.zst
    """
    with plain_errors():
        try:
            told = Repair(SegmentFolders(settings)).repair(_find(settings, file))
        except CannotRepair as error:
            raise click.ClickException(f"{file}: {error}") from error
    for line in told:
        click.echo(line)


def _segments(folders: SegmentFolders, states: tuple[str, ...], days: int | None) -> Iterator[SegmentFile]:
    wanted = {SegmentState(state) for state in states} or set(SegmentState)
    # The journal first, so that a segment which is archived meanwhile is listed twice rather than not at all.
    yield from (segment for segment in folders.waiting() if segment.state in wanted)
    if SegmentState.ASIDE in wanted:
        yield from folders.aside_segments()
    if SegmentState.ARCHIVED in wanted:
        yield from folders.archived(days)


def _segment_line(folders: SegmentFolders, segment: SegmentFile, contents: SegmentContents) -> SegmentLine:
    return SegmentLine(
        file=str(segment.path.relative_to(folders.data)),
        state=segment.state.value,
        kind=segment.kind.removeprefix(".") or "events",
        frames=contents.frames,
        events=contents.events,
        bytes=contents.bytes,
        first_received=contents.first_ms,
        last_received=contents.last_ms,
        damaged_bytes=sum(damage.size for damage in contents.damage),
    )


def _in_words(one: SegmentLine) -> str:
    """What stands below the file's name where a terminal has no room for a table."""
    held = "quarantined event" if one.kind == "quarantine" else "event"
    words = [one.state, count_of(one.events, held), count_of(one.frames, "frame"), count_of(one.bytes, "byte")]
    if one.damaged_bytes:
        words.append(f"{one.damaged_bytes:,} of them damaged")
    if one.first_received is not None and one.last_received is not None:
        first, last = moment(one.first_received), moment(one.last_received)
        words.append(f"received {first}" if first == last else f"received {first} to {last}")
    return f"  {', '.join(words)}"


def _row(one: SegmentLine) -> str:
    first, last = ("-" if time is None else moment(time) for time in (one.first_received, one.last_received))
    note = f"  {count_of(one.damaged_bytes, 'byte')} damaged" if one.damaged_bytes else ""
    return _ROW.format(one.state, one.kind, one.frames, one.events, one.bytes, first, last, one.file) + note


def _find(settings: Settings, file: str) -> Path:
    """The file at this path, or of this name in the data folder."""
    given, inside = Path(file), settings.data / file
    return inside if not given.exists() and inside.exists() else given


def _print_frames(path: Path) -> bool:
    """Print whole frames; returns whether there is damage."""
    out = sys.stdout.buffer
    damaged = False
    parts = list(read_frames(path))
    for number, part in enumerate(parts):
        if not isinstance(part, Damage):
            out.write(part.lines)
        elif number == len(parts) - 1 and is_being_written(path):
            click.echo(f"{path}: ends in {count_of(part.size, 'byte')} of a frame that is being written", err=True)
        else:
            click.echo(
                f"{path}: {count_of(part.size, 'byte')} at {part.offset:,} {are(part.size)} no whole frame", err=True
            )
            damaged = True
    return damaged
