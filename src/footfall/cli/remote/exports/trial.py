"""A dry run: the first events as they would be sent, and what would be refused, without sending any."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import click
import msgspec
from msgspec import Struct

from footfall.cli.remote.display import LiveLine, bar
from footfall.cli.remote.event_files import LineFile
from footfall.cli.remote.event_rows import FileRow
from footfall.cli.remote.sending import MakeRows
from footfall.wording import plain

# Kinds of reasons that are told; one has a name in it, of which there may be any number.
_REASONS_MAX: Final = 20
_REASONS_KEPT: Final = 10_000


class RefusedRows(Struct, frozen=True):
    """Rows that are refused for one reason, with the line of the first."""

    reason: str
    rows: int
    line: int


class Trial(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an import would do with a file."""

    file: str
    events: int
    types: dict[str, int]
    left_out: int
    refused: int
    reasons: list[RefusedRows]
    first: list[dict[str, Any]]


def try_file(name: str, rows: MakeRows, show: int, line: LiveLine) -> Trial:
    """Read all of a file. Raises OSError."""
    with LineFile(name) as file:
        return _try_rows(name, iter(rows(file.lines())), show, file, line)


def _try_rows(name: str, rows: Iterator[FileRow], show: int, file: LineFile, line: LiveLine) -> Trial:
    types: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    begun_at: dict[str, int] = {}
    first: list[dict[str, Any]] = []
    left_out = refused = 0
    at = 1
    for row in rows:
        if row.event is not None:
            event = msgspec.json.decode(row.event)
            types[f"{event['product']} {event['type']}"] += 1
            if len(first) < show:
                first.append(event)
        elif row.reason:
            refused += 1
            if row.reason in reasons or len(reasons) < _REASONS_KEPT:
                reasons[row.reason] += 1
                begun_at.setdefault(row.reason, at)
        else:
            left_out += bool(row.text)
        at += row.raw.count(b"\n")
        if line.is_due:
            line.show(f"{bar(file.part() or 0)} {types.total():,} events, {refused:,} refused")
    line.clear()
    return Trial(
        file=name,
        events=types.total(),
        types=dict(types.most_common()),
        left_out=left_out,
        refused=refused,
        reasons=[RefusedRows(reason, rows, begun_at[reason]) for reason, rows in reasons.most_common(_REASONS_MAX)],
        first=first,
    )


def tell_trial(trial: Trial, *, as_json: bool) -> None:
    """Print a trial: the events as JSON lines, then what there is of each type, and the reasons."""
    if as_json:
        click.echo(msgspec.json.encode(trial))
        return
    for event in trial.first:
        click.echo(plain(msgspec.json.encode(event).decode()))
    parts = [f"{trial.events:,} events would be sent"]
    parts += [f"{trial.left_out:,} left out"] if trial.left_out else []
    parts += [f"{trial.refused:,} refused"] if trial.refused else []
    click.echo(f"{plain(trial.file)}: {', '.join(parts)}; nothing was sent")
    for name, count in trial.types.items():
        click.echo(f"  {count:>9,}  {plain(name)}")
    for one in trial.reasons:
        click.echo(f"  {one.rows:>9,}  refused, first in line {one.line:,}: {plain(one.reason)}")
