"""The commands that do what a page shows: of `footfall`, for people who have it, as `Visit.curl` is for all others."""

import shlex
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import parse_qsl

from footfall.dashboard.selection import ALL
from footfall.dashboard.views.choice import Choice

# The statistics that the command knows, and its options by the names of their parameters.
_STATISTICS: Final = frozenset({"counts", "summary", "uniques", "funnel", "retention", "top", "compare", "paths"})
_OPTIONS: Final = {
    "customer": "--customer",
    "product": "--product",
    "types": "--types",
    "versions": "--version",
    "where": "--where",
    "start": "--start",
    "end": "--end",
    "timezone": "--zone",
    "basis": "--basis",
    "duplicates": "--duplicates",
    "interval": "--interval",
    "by": "--by",
    "key": "--key",
    "top": "--top",
    "compare": "--compare",
    "step": "--step",
    "window": "--window",
    "asOf": "--as-of",
}
# Those that take several names with commas between.
_LISTS: Final = ("customer", "product", "types")


def stats_command(base_url: str, link: str) -> str:
    """`footfall stats` for the `link` of an answer; empty where the command cannot say the same.

    The command takes no statistic `events`, no comma in a name, and what it has no option for but once.
    """
    call, _, query = link.removeprefix("usage/").partition("?")
    pairs = parse_qsl(query)
    others = [name for name, _ in pairs if name not in _OPTIONS]
    if call not in _STATISTICS or len(others) != len(set(others)) or not _can_be_named(pairs):
        return ""
    return shlex.join(["footfall", "stats", call, "--url", base_url, *_words(pairs)])


def report_command(base_url: str, choice: Choice) -> str:
    """`footfall report` for a report's form; empty where the command cannot say the same."""
    pairs = [(name, value) for name, values in choice.lists().items() for value in values]
    given = ((name, str(getattr(choice, name))) for name in ("start", "end", "timezone", "duplicates"))
    pairs += [pair for pair in given if pair[1]]
    pairs += [("basis", choice.basis)] if choice.basis == "received" else []
    if not _can_be_named(pairs):
        return ""
    output = choice.output() | ({"asOf": choice.as_of} if choice.as_of else {})
    form = str(output.pop("format"))
    further = [word for name, value in output.items() for word in ("--output", f"{name}={_text(value)}")]
    return shlex.join(["footfall", "report", "--url", base_url, *_words(pairs, every=True), "--format", form, *further])


def _words(pairs: Iterable[tuple[str, str]], *, every: bool = False) -> Iterator[str]:
    """Options and values; without `every`, all customers and products are what the command begins with."""
    for name, value in pairs:
        if name in ("customer", "product") and value == ALL and not every:
            continue
        # A value that begins with a hyphen would be an option.
        option = _OPTIONS.get(name, "")
        yield from (
            (f"{option}={value}",)
            if value.startswith("-") and option
            else ((option, value) if option else ("--parameter", f"{name}={value}"))
        )


def _can_be_named(pairs: Iterable[tuple[str, str]]) -> bool:
    return not any("," in value or value.strip() != value for name, value in pairs if name in _LISTS)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
