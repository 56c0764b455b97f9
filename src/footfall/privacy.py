"""What is kept of a person: a person is a value of a context key, such as a user's id.

The tracking plan says where a key stands in the context of each type, so events are found in the same way as by the
statistics. An event that broke the plan may have the value anywhere: of quarantine, every event is given that has it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs

from footfall.plan import Plan
from footfall.settings import Settings
from footfall.store import Store, query
from footfall.tombstones import digest_of
from footfall.usage import Condition, EventSelection, compile_selection, parse_condition

# Of a digest that stands for a value, so many digits: enough that no two of one log are alike.
_DIGITS: Final = 20
# Query strings within query strings, such as the page to go to after signing in, that are looked into.
_LEVELS_MAX: Final = 4


class PersonKey(Struct, frozen=True):
    """Who has `value` under the context key `key`, at one customer or, where that is empty, at all of them."""

    key: str
    value: str
    customer: str = ""


class PersonalEvent(Struct, kw_only=True, omit_defaults=True):
    """An event of a person; times are ms since 1970.

    `keptIn` says where it is. The context's values stand under their keys where the plan knows the type, else in order.
    """

    keptIn: str = ""  # noqa: N815 - as answers of the API are written
    customer: str
    product: str
    type: str
    version: str = ""
    timestamp: int
    context: list[str] | dict[str, str]
    batch: str
    sequence: int
    received: int
    admitted: int | UnsetType = UNSET
    state: str = ""
    reason: str = ""
    address: str = ""
    user_agent: str = ""


_decode = msgspec.json.Decoder(PersonalEvent).decode


def find_personal_events(
    store: Store, settings: Settings, plan: Plan, person: PersonKey, watermark_ms: int
) -> Iterator[PersonalEvent]:
    """All events of a person that were admitted up to a watermark, those of quarantine last.

    Events stream through, so that memory does not grow with their number. Raises what the store raises.
    """
    selection = EventSelection(
        customers=(person.customer,) if person.customer else (),
        products=(),
        where=(Condition(person.key, "is", (person.value,)),),
    )
    chosen = compile_selection(selection, watermark_ms, plan)
    limits = {"max_execution_time": 0, "max_memory_usage": settings.report_memory_bytes_max}
    names = {(kind.product, kind.name): [key.name for key in kind.keys] for kind in plan.types}
    statements: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("events", chosen.fill(query("person_events")), chosen.parameters),
        ("quarantine", query("person_quarantine"), {"value": person.value, "customer": person.customer}),
    )
    for place, text, parameters in statements:
        with store.stream(text, parameters, limits) as blocks:
            for line in _lines(blocks):
                event = _decode(line)
                event.keptIn = place
                keys = names.get((event.product, event.type), []) if place == "events" else []
                if len(keys) >= len(event.context) and isinstance(event.context, list):
                    event.context = dict(zip(keys, event.context, strict=False))
                yield event


def _lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of blocks that end anywhere."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
    if rest:
        yield rest


class ValueConcealer:
    """Puts digests in the place of the values of conditions, such as `userId:is:ada`, in what is written down for good.

    The same value has the same digest in one installation, with whose secret they are made: entries can be compared.
    """

    def __init__(self, salt: str) -> None:
        self._salt = salt

    def conceal(self, details: Mapping[str, Any]) -> Mapping[str, Any]:
        """The details of an entry without such values, which may stand in them as they are, or in a query string."""
        return {name: self._without(value) for name, value in details.items()}

    def _without(self, value: Any) -> Any:
        match value:
            case str():
                return self._text(value)
            case Mapping():
                return self.conceal(value)
            case list() | tuple():
                return [self._without(each) for each in value]
        return value

    def _text(self, text: str, levels: int = _LEVELS_MAX) -> str:
        if condition := parse_condition(text):
            values = tuple(f"#{digest_of(self._salt, value)[:_DIGITS].lower()}" for value in condition.values)
            return str(structs.replace(condition, values=values))
        if "=" not in text or not levels:
            return text
        pairs = parse_qsl(text, keep_blank_values=True)
        concealed = [(name, self._text(value, levels - 1)) for name, value in pairs]
        return text if concealed == pairs else urlencode(concealed)
