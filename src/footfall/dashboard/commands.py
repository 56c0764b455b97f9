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
_FILTERS: Final = ("customer", "product", "types", "versions", "where")
# Those that take several names with commas between.
_LISTS: Final = ("customer", "product", "types")


def answer_command(base_url: str, link: str) -> str:
    """The command for the `link` of an answer; empty where no command can say the same.

    `footfall stats` takes no comma in a name, and what it has no option for but once. Raw events are had by
    `footfall report`: all of the selection, not those of one page.
    """
    call, _, query = link.removeprefix("usage/").partition("?")
    pairs = parse_qsl(query)
    if call == "events":
        return _events_command(base_url, pairs)
    others = [name for name, _ in pairs if name not in _OPTIONS]
    if call not in _STATISTICS or len(others) != len(set(others)) or not _can_be_named(pairs):
        return ""
    return shlex.join(["footfall", "stats", call, "--url", base_url, *_words(pairs)])


def tail_command(base_url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """`footfall tail` for the filters of the page Live; empty where the command cannot say the same."""
    known = [pair for pair in pairs if pair[0] in _FILTERS]
    return shlex.join(["footfall", "tail", "--url", base_url, *_words(known)]) if _can_be_named(known) else ""


def _events_command(base_url: str, pairs: list[tuple[str, str]]) -> str:
    kept = [pair for pair in pairs if pair[0] in _OPTIONS and pair[0] != "asOf"]
    if not _can_be_named(kept):
        return ""
    as_of = [word for name, value in pairs if name == "asOf" for word in ("--output", f"asOf={value}")]
    words = ["footfall", "report", "--url", base_url, *_words(kept, every=True), "--format", "jsonl", *as_of]
    return shlex.join([*words, "--to", "-"])


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
