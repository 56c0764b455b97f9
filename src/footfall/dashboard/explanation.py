"""What numbers stand on: their definitions, as the API serves them, and the report with exactly the same events."""

from functools import cache
from typing import Final

import msgspec

from footfall.dashboard.texts import text
from footfall.usage import DEFINITIONS, ReportBody

# Numbers that only pages have, by the names of their texts.
_OWN: Final = ("actors", "visits", "each")

# The key of a report's filter under which the values of a parameter stand.
_KEY_OF: Final = {
    "customer": "customers",
    "product": "products",
    "types": "types",
    "versions": "versions",
}


@cache
def definitions() -> dict[str, str]:
    """What each number is, by its name."""
    found = {definition.name: definition.text.replace("`", "") for definition in DEFINITIONS}
    return found | {name: text(f"common.definition.{name}") for name in _OWN}


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
