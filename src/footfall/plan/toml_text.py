"""Plans written as TOML files, safe for a terminal: one to begin with, and one that was inferred from events."""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from footfall.plan.inference import Inferred, InferredColumn, InferredProduct
from footfall.plan.value_statistics import INTEGER, ValueKind
from footfall.wording import count_of

_BARE = re.compile(r"[A-Za-z0-9_-]+")
# The last code point that has the short escape.
_SHORT_MAX: Final = 0xFFFF
# A list that is longer stands on several lines.
LINE_CHARS_MAX: Final = 100


_STARTER: Final = """\
# The tracking plan: which customers, products and types of events there are,
# and what each type's context holds. docs/tracking-plan.md has the whole format.
# After a change:
#   footfall plan check FILE     names every mistake with its line
#   kill -HUP PID                has the running service read the file again
#                                (PID: that of footfall serve)

{customers}

[products.{product}]
# Every key of a context, in the order in which reports list them. Readers rely
# on it: add new ones at the end.
columns = {columns}
# The key whose value says who acted: statistics count people by it.
# actor = {key}

[products.{product}.types]
# TYPE = the keys of its context, in order. A question mark makes a key
# optional; optional keys come last.
{types}

# Rules are conditions on values: non_empty, uuid, one_of, regex, optional; of
# the customers, products and keys that they name, or of all.
# [[rules]]
# keys = [{key}]
# non_empty = true
"""
_STARTER_CUSTOMERS: Final = (
    "# The customers that may send events; others are refused. Without it, every\n# customer may.\n"
)
_INFERRED_HEAD: Final = """\
# Inferred from {events} of {first} to {last}.
# It accepts every one of them{but}.
#
# Look through it before you use it:
# - Columns are named by what their values look like: give them the names that
#   readers of reports should see, here, in the types and in the rules alike.
# - A key with a question mark is optional: some event had no value there.
# - Rules say what all values had in common so far. Remove those that the next
#   value may break.
# - docs/tracking-plan.md has the whole format. {check}:
#     footfall plan check FILE --against-history 30d
"""
_LEFT_OUT_SHOWN: Final = 20
# A product has a column at least, even when none of its types has a value.
_NO_COLUMN: Final = ('    "value1",', "never a value")
# A rule that holds where the value may be empty although its key is required.
_INTEGER_OR_EMPTY: Final = f"({INTEGER.pattern})?"


def escape(text: str) -> str:
    """The text with TOML's escapes: senders choose the names of types, and may put control characters into them."""
    return "".join(map(_escape, text))


def quote(text: str) -> str:
    """A TOML string."""
    return f'"{escape(text)}"'


def key(name: str) -> str:
    """A TOML key, quoted where it has other characters than letters, digits, - and _."""
    return name if _BARE.fullmatch(name) else quote(name)


def array(texts: Iterable[str]) -> str:
    """A TOML list of strings, over several lines when it is long."""
    quoted = [quote(text) for text in texts]
    line = f"[{', '.join(quoted)}]"
    if len(line) <= LINE_CHARS_MAX:
        return line
    return "\n".join(["[", *(f"    {text}," for text in quoted), "]"])


def _escape(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\u{code:04x}" if code <= _SHORT_MAX else f"\\U{code:08x}"


def write_starter(product: str, types: Mapping[str, Sequence[str]], customers: Sequence[str]) -> str:
    """The text of a plan's file. `types` are the keys of each type, `?` behind optional ones.

    It is a good plan when the names are good, each context names a key once, and optional keys come last.
    """
    columns = list(dict.fromkeys(name.removesuffix("?") for keys in types.values() for name in keys))
    listed = f"customers = {array(customers)}" if customers else '# customers = ["ACME", "GLOBEX"]'
    return _STARTER.format(
        customers=_STARTER_CUSTOMERS + listed,
        product=key(product),
        columns=array(columns or ["userId"]),
        types="\n".join(f"{key(name)} = [{', '.join(map(quote, keys))}]" for name, keys in types.items()),
        key=quote((columns or ["userId"])[0]),
    )


def write_inferred(found: Inferred) -> str:
    """The text of the plan's file."""
    left = sum(events for *_, events in found.left_out)
    but = f", but for {left:,} that no plan can name (see below)" if left else ""
    check = "This checks the result, and refuses what is left out" if left else "This checks the result"
    days = {"first": _day(found.first), "last": _day(found.last)}
    head = _INFERRED_HEAD.format(events=_events(found.events), **days, but=but, check=check)
    parts = [head, *_customers(found.customers), *(line for each in found.products for line in _product(each))]
    parts += [line for each in found.products for line in _rules(each)]
    return "\n".join([*parts, *_left_out(found), ""])


def _customers(customers: dict[str, int] | None) -> Iterator[str]:
    if customers is None:
        yield "# Every customer may send events: there are too many to list, or some with names that no plan can have."
        return
    yield "customers = ["
    yield from _commented((f"    {quote(name)},", _events(events)) for name, events in sorted(customers.items()))
    yield "]"


def _product(product: InferredProduct) -> Iterator[str]:
    name = key(product.name)
    yield f"\n[products.{name}]"
    yield "columns = ["
    columns = [(f"    {quote(each.name)},", each.statistics.describe()) for each in product.columns]
    yield from _commented(columns or [_NO_COLUMN])
    yield f"]\n\n[products.{name}.types]"
    yield from _commented(
        (f"{key(each.name)} = [{', '.join(map(quote, each.keys))}]", _events(each.events)) for each in product.types
    )


def _rules(product: InferredProduct) -> Iterator[str]:
    """One rule for all columns of which it says the same, and one for each choice."""
    same: dict[str, list[str]] = {}
    for column in product.columns:
        statistics = column.statistics
        if column.required and statistics.values and not statistics.empty:
            same.setdefault("non_empty = true", []).append(column.name)
        if demand := _demand(column):
            same.setdefault(demand, []).append(column.name)
    for demand, names in same.items():
        yield f"\n[[rules]]\nproducts = [{quote(product.name)}]\nkeys = {array(names)}\n{demand}"


def _demand(column: InferredColumn) -> str:
    statistics = column.statistics
    match statistics.kind:
        case ValueKind.UUID:
            return "" if column.may_be_empty else "uuid = true"
        case ValueKind.INTEGER:
            return f"regex = '{_INTEGER_OR_EMPTY if column.may_be_empty else INTEGER.pattern}'"
        case ValueKind.CHOICE if statistics.choices:
            choices = sorted(statistics.choices, key=lambda value: (-(statistics.choices or {})[value], value))
            counts = ", ".join(f"{escape(value)} {statistics.choices[value]:,}" for value in choices)
            return f"one_of = {array([*choices, *([''] if column.may_be_empty else [])])}\n# {counts}"
        case _:
            return ""


def _left_out(found: Inferred) -> Iterator[str]:
    if found.left_out:
        yield "\n# Left out, because no plan can have them:"
    for product, kind, why, events in found.left_out[:_LEFT_OUT_SHOWN]:
        yield f"# {quote(kind)} of {quote(product)}, {count_of(events, 'event')}: {why}"
    if len(found.left_out) > _LEFT_OUT_SHOWN:
        yield f"# and {len(found.left_out) - _LEFT_OUT_SHOWN} more"


def _commented(lines: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Lines with their comments below each other."""
    found = list(lines)
    width = max((len(line) for line, _ in found), default=0)
    return (f"{line:<{width}}  # {comment}" for line, comment in found)


def _events(count: int) -> str:
    return count_of(count, "event")


def _day(time_ms: int) -> str:
    return f"{dt.datetime.fromtimestamp(time_ms / 1000, dt.UTC):%Y-%m-%d}"
