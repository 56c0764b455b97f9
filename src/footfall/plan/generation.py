"""A tracking plan as source code: a constructor for each type of events, whose arguments a type checker checks.

Names of the plan become identifiers of the language; where two become the same, or one is a word of the language, the
later gets an underscore. Everything else is the plan's own text as a string of the language, so that no name of a plan
can be code.
"""

import json
import keyword
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from footfall.plan.model import EventType, Plan

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# Arguments that every constructor has; what they are called in both languages.
_ARGUMENTS: Final = ("customer", "timestamp", "version")
_SCRIPT_WORDS: Final = frozenset(
    [
        "await",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "debugger",
        "default",
        "delete",
        "do",
        "else",
        "enum",
        "export",
        "extends",
        "false",
        "finally",
        "for",
        "function",
        "if",
        "implements",
        "import",
        "in",
        "instanceof",
        "interface",
        "let",
        "new",
        "null",
        "package",
        "private",
        "protected",
        "public",
        "return",
        "static",
        "super",
        "switch",
        "this",
        "throw",
        "true",
        "try",
        "typeof",
        "var",
        "void",
        "while",
        "with",
        "yield",
        "arguments",
        "eval",
    ]
)

_PYTHON: Final = '''\
"""Events of the tracking plan {fingerprint}. Made by `footfall plan generate python`: do not edit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import {imports}

Customer = {customers}


class Event(TypedDict):
    """What an outbox tracks: `outbox.track(**event)`. A time that is None is now."""

    customer: Customer
    product: str
    type: str
    context: Sequence[Optional[str]]
    timestamp: Optional[int]
    version: Optional[str]
'''
_SCRIPT: Final = """\
// Events of the tracking plan {fingerprint}. Made by `footfall plan generate typescript`: do not edit.

export type Customer = {customers};

export interface Event {{
  customer: Customer;
  product: string;
  type: string;
  context: string[];
  timestamp: number;
  version?: string;
}}

export interface Options {{
  timestamp?: number;
  version?: string;
}}
"""


def generate_python(plan: Plan) -> str:
    """The module for Python 3.9 or newer, which imports the standard library alone."""
    parts = [_PYTHON.format(fingerprint=plan.fingerprint, imports=_imports(plan), customers=_python_customers(plan))]
    for name, event_type in _named(plan, _snake, frozenset(("Event", "Customer", *keyword.kwlist))):
        taken = frozenset((*_ARGUMENTS, *keyword.kwlist))
        keys = _unique((key.name for key in event_type.keys), _snake, taken)
        arguments = [
            f"    {key}: Optional[str] = None,\n" if each.optional else f"    {key}: str,\n"
            for key, each in zip(keys, event_type.keys, strict=True)
        ]
        parts.append(
            f"\n\ndef {name}(\n    *,\n    customer: Customer,\n{''.join(arguments)}"
            "    timestamp: Optional[int] = None,\n    version: Optional[str] = None,\n) -> Event:\n"
            f"    {_literal(_about(event_type))}\n"
            f'    return {{\n        "customer": customer,\n        "product": {_literal(event_type.product)},\n'
            f'        "type": {_literal(event_type.name)},\n        "context": [{", ".join(keys)}],\n'
            '        "timestamp": timestamp,\n        "version": version,\n    }\n'
        )
    return "".join(parts)


def generate_typescript(plan: Plan) -> str:
    """The module for TypeScript, which imports nothing."""
    customers = " | ".join(json.dumps(name) for name in plan.customers) or "string"
    parts = [_SCRIPT.format(fingerprint=plan.fingerprint, customers=customers)]
    for name, event_type in _named(plan, _camel, _SCRIPT_WORDS):
        fields = "; ".join(f"{json.dumps(key.name)}{'?' * key.optional}: string" for key in event_type.keys)
        values = ", ".join(
            f"context[{json.dumps(key.name)}]{' ?? ' + json.dumps('') if key.optional else ''}"
            for key in event_type.keys
        )
        given = f"context: {{ {fields} }}, " if event_type.keys else ""
        parts.append(
            f"\n/** {_about(event_type).replace('*/', '* /')} */\n"
            f"export function {name}(customer: Customer, {given}options: Options = {{}}): Event {{\n"
            f"  return {{\n    customer,\n    product: {json.dumps(event_type.product)},\n"
            f"    type: {json.dumps(event_type.name)},\n    context: [{values}],\n"
            "    timestamp: options.timestamp ?? Date.now(),\n"
            "    ...(options.version === undefined ? {} : { version: options.version }),\n  };\n}\n"
        )
    return "".join(parts)


def _imports(plan: Plan) -> str:
    return "Literal, Optional, TypedDict" if plan.customers else "Optional, TypedDict"


def _python_customers(plan: Plan) -> str:
    return f"Literal[{', '.join(_literal(name) for name in plan.customers)}]" if plan.customers else "str"


def _literal(text: str) -> str:
    """A string of Python. JSON's are of it too, except for characters that JSON writes as two halves."""
    return json.dumps(text) if text.isascii() else ascii(text)


def _about(event_type: EventType) -> str:
    """What a constructor is for, in one line."""
    text = event_type.description or f"{event_type.name} of {event_type.product}"
    text = f"Deprecated. {text}" if event_type.deprecated else text
    return " ".join(text.split())


def _named(plan: Plan, style: Callable[[str], str], taken: frozenset[str]) -> Iterator[tuple[str, EventType]]:
    """Each type with the name of its constructor. The product comes first where the type's name lacks it."""
    types = [event_type for product in plan.products for event_type in product.types]
    names = (
        each.name if each.name.lower().startswith(each.product.lower()) else f"{each.product} {each.name}"
        for each in types
    )
    yield from zip(_unique(names, style, taken), types, strict=True)


def _unique(names: Iterable[str], style: Callable[[str], str], taken: frozenset[str]) -> list[str]:
    """Identifiers for names, in their order."""
    found: list[str] = []
    for name in names:
        made = style(name)
        while made in taken or made in found:
            made += "_"
        found.append(made)
    return found


def _words(name: str) -> list[str]:
    """The words of a name; one that has none of ASCII, or begins with a digit, gets one."""
    words = [word.lower() for word in _WORD.findall(name)]
    return words if words and not words[0].isdigit() else ["x", *words]


def _snake(name: str) -> str:
    return "_".join(_words(name))


def _camel(name: str) -> str:
    first, *others = _words(name)
    return first + "".join(word.capitalize() for word in others)
