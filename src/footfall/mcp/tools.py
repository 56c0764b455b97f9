"""The tools: each is a `GET` of the API, described by the service's own OpenAPI document."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from msgspec import Struct

_IN_PATH: Final = re.compile(r"\{(\w+)\}")
# Parameters of forms that a model cannot read.
_OMITTED: Final = ("format", "spreadsheetSafe")


class Tool(Struct, frozen=True):
    """A tool and its call. `is_trusted`: nothing of the answer comes from events or from their senders."""

    name: str
    path: str
    hint: str = ""
    is_trusted: bool = False


class BadArguments(ValueError):
    """The arguments of a tool are none that its call takes; the text says why."""


_ASK_FIRST: Final = "Names of customers, products, types and keys are those of the tool tracking_plan."
TOOLS: Final = (
    *(
        Tool(f"usage_{name}", f"/usage/{name}", _ASK_FIRST)
        for name in (
            "counts",
            "uniques",
            "retention",
            "funnel",
            "paths",
            "top",
            "compare",
            "summary",
            "events",
            "types",
        )
    ),
    Tool("usage_definitions", "/usage/definitions", is_trusted=True),
    Tool("tracking_plan", "/plan", is_trusted=True),
    Tool("list_reports", "/reports"),
    Tool("report_status", "/reports/{source}/availability"),
    Tool("report_manifest", "/reports/{source}/manifest"),
    Tool("event_receipt", "/events/{batch}"),
)
BY_NAME: Final[Mapping[str, Tool]] = {tool.name: tool for tool in TOOLS}


def describe(tool: Tool, document: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Title, description and JSON schema of a tool's arguments, of the OpenAPI document of the service."""
    operation = document["paths"][tool.path]["get"]
    properties: dict[str, Any] = {}
    required = []
    for one in operation.get("parameters", ()):
        parameter = _resolved(one, document)
        name = parameter["name"]
        if parameter["in"] not in ("query", "path") or name in _OMITTED:
            continue
        schema = {key: value for key, value in parameter.get("schema", {}).items() if key in ("type", "enum", "items")}
        properties[name] = {
            **(_plain(schema) or {"type": "string"}),
            "description": parameter.get("description", ""),
        }
        if parameter.get("required"):
            required.append(name)
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    text = " ".join(part for part in (operation.get("description", ""), tool.hint) if part)
    return operation.get("summary", tool.name), text, schema


def target(tool: Tool, arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The path and query of a call. Raises BadArguments."""
    known = schema["properties"]
    if unknown := sorted(set(arguments) - set(known)):
        raise BadArguments(f"{tool.name} takes no {unknown[0][:100]!r}; it takes: {', '.join(known)}")
    if missing := [name for name in schema["required"] if name not in arguments]:
        raise BadArguments(f"{tool.name} lacks {', '.join(missing)}")
    in_path = _IN_PATH.findall(tool.path)
    path = _IN_PATH.sub(lambda found: quote(_text(arguments[found[1]]), safe=""), tool.path)
    pairs = []
    for name, value in arguments.items():
        if name not in in_path and value is not None:
            pairs += [(name, _text(one)) for one in (value if isinstance(value, list) else [value])]
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise BadArguments("an argument is a text, a number, or a list of them")
    return str(value)


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Types as a model gives them: a list of texts, or one."""
    if schema.get("type") != "array":
        return schema
    items = schema.get("items", {})
    item = {key: items[key] for key in ("type", "enum") if key in items} or {"type": "string"}
    return {"anyOf": [{"type": "array", "items": item}, item]}


def _resolved(one: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference within the document stands for."""
    found: Any = one
    while "$ref" in found:
        place: Any = document
        for part in found["$ref"].removeprefix("#/").split("/"):
            place = place[part]
        found = place
    resolved: Mapping[str, Any] = found
    return resolved
