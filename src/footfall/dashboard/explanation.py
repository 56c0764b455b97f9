"""What numbers stand on: their definitions, as the API serves them, and the report with exactly the same events."""

from functools import cache
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from footfall.dashboard.texts import text
from footfall.usage import DEFINITIONS

# Numbers that only pages have, by the names of their texts.
_OWN: Final = ("actors", "visits", "each")


@cache
def definitions() -> dict[str, str]:
    """What each number is, by its name."""
    found = {definition.name: definition.text.replace("`", "") for definition in DEFINITIONS}
    return found | {name: text(f"common.definition.{name}") for name in _OWN}


def report_text(body: Any | UnsetType, **narrower: str) -> str:
    """The body of a report with exactly the events of an answer, as JSON; empty where reports cannot select them.

    `narrower` are parameters of the statistics, with one value that the events must have.
    """
    if body is UNSET:
        return ""
    given = msgspec.to_builtins(body)
    filter_ = given["filter"]
    for name, value in narrower.items():
        if name == "types":
            filter_["types"] = [value]
        elif name in ("customer", "product"):
            if filter_.get(name) != value:
                return ""
        else:
            return ""
    return msgspec.json.encode(given).decode()
