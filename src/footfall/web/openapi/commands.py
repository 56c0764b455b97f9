"""Calls as commands for a shell, which work as they are copied once the shell knows AUTH.

What a path names comes from a call before: the newest report, the events just sent. URLs are quoted, because a part of
them comes from the request for the page.
"""

import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from msgspec import Struct

from footfall.web.openapi.texts import EXAMPLE_KEY_NAME, EXAMPLE_NAME, EXAMPLE_VIEW_NAME

Json = Mapping[str, Any]

_AUTH: Final = '-u "$AUTH"'


class _Lookup(Struct, frozen=True):
    """How a shell finds what a part of a path names: the variable, the call that tells it, and where in its answer."""

    part: str
    variable: str
    path: str
    pattern: str
    found: str = r"\1"


_SOURCE: Final = _Lookup("{source}", "SOURCE", "/reports?limit=1", r'"source":"\([^"]*\)"')
_LOOKUPS: Final = (
    _SOURCE,
    _Lookup("{schedule}", "SCHEDULE", "/schedules", rf'"id":"\([^"]*\)","user":"[^"]*","name":"{EXAMPLE_NAME}"'),
    _Lookup("{view}", "VIEW", "/views", rf'"id":"\([^"]*\)","name":"{EXAMPLE_VIEW_NAME}"'),
    _Lookup("{share}", "SHARE", "/shares", rf'"id":"\([^"]*\)","title":"{EXAMPLE_VIEW_NAME}"'),
    _Lookup("{erasure}", "ERASURE", "/erasures", r'"id":"\([^"]*\)"'),
    _Lookup("{key}", "KEY", "/keys", rf'"id":"\([^"]*\)","user":"[^"]*","name":"{EXAMPLE_KEY_NAME}"'),
    _Lookup(
        "{batch}/{sequence}", "HELD", "/quarantine?limit=1", r'"sequence":\([0-9]*\),"batch":"\([^"]*\)"', r"\2\/\1"
    ),
)
_LINK: Final = _Lookup("", "LINK", "/reports/$SOURCE?wait=50", r'"link":"\([^"]*\)"')
_SHARED: Final = _Lookup("", "SHARED", "", r'"url":"\([^"]*\)"')
_BATCH: Final = _Lookup("{batch}", "BATCH", "", r'"batch":"\([^"]*\)"')


def make_command(method: str, path: str, call: Json, document: Json, base_url: str, json: Callable[[Any], str]) -> str:
    """One call as a command, after the lines that find what its path names. `json` spreads a body over lines."""
    lines, path, options = _located(path, document, base_url, json)
    query = [item for item in call.get("parameters", ()) if item["in"] == "query" and "example" in item]
    parameters = urlencode({item["name"]: item["example"] for item in query}, doseq=True)
    url = path if path.startswith('"') else _url(base_url, path + (f"?{parameters}" if parameters else ""))
    words = ["curl", *options, *([_AUTH] if call["security"] else []), url]
    if "requestBody" in call:
        content = call["requestBody"]["content"]["application/json"]
        words.append("\\\n  -H 'Content-Type: application/json' \\\n  -d " + shlex.quote(json(content["example"])))
    elif method != "GET":
        words.insert(1, f"-X {method}")
    return "\n".join([*lines, " ".join(words)])


def _located(path: str, document: Json, base_url: str, json: Callable[[Any], str]) -> tuple[list[str], str, list[str]]:
    """Lines that set variables, the path with these, and further options."""
    if path.startswith("/files/"):
        return [_line(_SOURCE, base_url), _line(_LINK, base_url)], '"$LINK"', ["-OJ"]
    if path.startswith("/shared/"):
        share = make_command("POST", "/shares", document["paths"]["/shares"]["post"], document, base_url, json)
        return [_assignment(_SHARED, share.replace("curl", "curl -s", 1))], '"$SHARED/data.json"', []
    if path == "/events/{batch}":
        send = make_command("POST", "/events", document["paths"]["/events"]["post"], document, base_url, json)
        return [_assignment(_BATCH, send.replace("curl", "curl -s", 1))], "/events/$BATCH", []
    for lookup in _LOOKUPS:
        if lookup.part in path:
            return [_line(lookup, base_url)], path.replace(lookup.part, f"${lookup.variable}"), []
    return [], path, []


def _line(lookup: _Lookup, base_url: str) -> str:
    return _assignment(lookup, f"curl -s {_AUTH} {_url(base_url, lookup.path)}")


def _assignment(lookup: _Lookup, command: str) -> str:
    return f"{lookup.variable}=$({command} | sed -n 's/.*{lookup.pattern}.*/{lookup.found}/p')"


def _url(base_url: str, path: str) -> str:
    """A URL for the shell; in `path` it sees variables."""
    base = shlex.quote(base_url)
    if "$" not in path:
        return shlex.quote(base_url + path)
    return f'"{base_url}{path}"' if base == base_url else f'{base}"{path}"'
