"""What numbers stand on: each is written with the name of its definition, and a page tells those that it has.

A number is a button that a script explains to the pointer and to the keyboard; the definitions, and up to when the
page counts, stand at the page's end for everybody (`number_notes` of the macros).
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

import msgspec
from markupsafe import Markup, escape
from msgspec import Struct

from footfall.dashboard.texts import all_texts, text
from footfall.usage import DEFINITIONS, ReportBody

# The key of a report's filter under which the values of a parameter stand.
_KEY_OF: Final = {
    "customer": "customers",
    "product": "products",
    "types": "types",
    "versions": "versions",
}
# A number in a sentence, with its unit.
_IN_TEXT: Final = re.compile(r"(?<![\w.])\d[\d,.]*(?<![,.])(?: (?:bytes|[kMG]B|s|minutes|hours|days)\b)?")
# Where a number is of the selected events, and so as exact as the answer that has it.
_EVENTS: Final = "events"


class Meaning(Struct, frozen=True):
    """What a number is: its title, one sentence, and where it comes from (`events` are those of an answer)."""

    title: str
    text: str
    source: str


@cache
def definitions() -> Mapping[str, Meaning]:
    """What each number is, by its name: those of the statistics as the API serves them, and those of pages."""
    found = {each.name: Meaning(each.name, each.text.replace("`", ""), _EVENTS) for each in DEFINITIONS}
    for name in (key.split(".")[1] for key in all_texts() if key.startswith("numbers.") and key.endswith(".is")):
        named = (text(f"numbers.{name}.{part}") for part in ("title", "is", "from"))
        found[name] = Meaning(*named)
    return found


def marked_number(number: float) -> Markup:
    """A number, which a script writes in the browser's language."""
    return Markup(f'<data value="{number}">{number:,}</data>')  # noqa: S704 - digits


class Numbers:
    """Writes the numbers of one page, and keeps which definitions they need."""

    def __init__(self) -> None:
        self._named: dict[str, Meaning] = {}

    def write(self, value: float, name: str, facts: Mapping[str, Any] | None = None, written: str = "") -> Markup:
        """A number that explains itself. `facts` are what a script shows beside it; `written` stands in its place."""
        if written:
            return self._button(name, {"value": value, **(facts or {})}, written)
        return self._button(name, facts or {}, marked_number(value))

    def within(self, sentence: str, name: str) -> Markup:
        """A sentence, each of whose numbers explains itself."""
        parts, end = [], 0
        for found in _IN_TEXT.finditer(sentence):
            parts += [escape(sentence[end : found.start()]), self._button(name, {}, found.group())]
            end = found.end()
        return Markup("").join([*parts, escape(sentence[end:])])

    def marks(self, name: str, facts: Mapping[str, Any]) -> Markup:
        """What makes an element explain itself that is no button, such as a link."""
        self._named[name] = definitions()[name]
        told = ((key, fact) for key, fact in {"number": name, **facts}.items() if fact not in (None, ""))
        return Markup("".join(f' data-{key}="{escape(fact)}"' for key, fact in told))  # noqa: S704 - escaped

    def used(self) -> Iterable[tuple[str, Meaning]]:
        """The definitions of the numbers that were written, in the order of the first of each."""
        return self._named.items()

    def _button(self, name: str, facts: Mapping[str, Any], shown: str) -> Markup:
        marks = self.marks(name, facts)
        return Markup(f'<button type="button" class="number" tabindex="-1"{marks}>{escape(shown)}</button>')  # noqa: S704 - escaped


def report_text(body: ReportBody, **narrower: str) -> str:
    """The body of a report with exactly the events of an answer, as JSON.

    `narrower` are parameters of the statistics, with one value that the events must have: a row of a list has fewer
    events than the answer. Where the answer is of one customer or product, its rows are of that one too.
    """
    given = msgspec.to_builtins(body)
    filter_ = given["filter"]
    for parameter, value in narrower.items():
        key = _KEY_OF[parameter]
        if key == parameter or key in filter_:
            filter_[key] = [value]
    return msgspec.json.encode(given).decode()
