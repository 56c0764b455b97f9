"""The API's description as one page for people, rendered from the OpenAPI document.

Its only script copies examples and closes the menu. The page's policy names the script's hash, so that no other runs.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, Final

from footfall import errors
from footfall.web.openapi.commands import make_command
from footfall.web.openapi.examples import CUSTOMER
from footfall.web.openapi.texts import ADVICE

Json = Mapping[str, Any]

_CODE: Final = re.compile(r"`([^`]+)`")
_FILES: Final = files(__package__)
PAGE_SCRIPT: Final = (_FILES / "page.js").read_text("utf-8")
PAGE_STYLE: Final = (_FILES / "page.css").read_text("utf-8")
_SCRIPT_HASH: Final = base64.b64encode(hashlib.sha256(PAGE_SCRIPT.encode()).digest()).decode()
# What the page may do: it loads nothing from anywhere.
PAGE_POLICY: Final = (
    f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_SCRIPT_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_MODES: Final = {
    "strict": "a request with an event that breaks it is refused as a whole",
    "quarantine": "events that break it are held for an operator, the others of the request are stored",
    "open": "customers, products and types that it does not know are accepted as they come",
}
# The titles of the guides, by the names of their files, in the order in which they are read.
GUIDES: Final[Mapping[str, str]] = {
    "dashboard": "The page",
    "python-client": "The Python client",
    "mcp": "Tools for language models",
    "importing": "Moving from another product",
    "clients": "Writing a client",
    "http-api": "The HTTP API",
    "tracking-plan": "The tracking plan",
    "quarantine": "Quarantine",
    "reports": "Reports",
    "schedules": "Schedules",
    "statistics": "Statistics",
    "deployment": "Deployment",
    "operating": "Operating",
    "alerts": "Alerts",
    "security": "Security",
    "sign-in": "Signing in with an identity provider",
    "privacy": "Privacy",
    "settings": "Settings",
    "cli": "The command line",
    "metrics": "Metrics",
    "backup": "Backup and restore",
    "scaling": "Scaling",
    "reliability": "Reliability",
    "performance": "Performance",
    "journal-format": "The journal's format",
    "glossary": "Glossary",
}
# An array of strings and numbers alone, which the encoder spreads over lines.
_FLAT_ARRAY: Final = re.compile(r"\[\n\s+([^][{}]+?)\n\s+\]")


def render_page(document: Json, base_url: str) -> str:
    """The whole page. `base_url` is the URL of the service for its reader, without a slash at the end."""
    calls = _calls(document)
    info = document["info"]
    return Template((_FILES / "page.html").read_text("utf-8")).substitute(
        title=escape(info["title"]),
        version=escape(info["version"]),
        description=escape(info["description"]),
        style=PAGE_STYLE,
        script=PAGE_SCRIPT,
        base_url=escape(base_url),
        plan=_plan(document),
        sign_in=_pre("AUTH='USER:PASSWORD'"),
        contents=_contents(calls, base_url),
        calls="\n".join(_call(method, path, call, document, base_url) for method, path, call in calls),
        error_example=_example(_example_error(calls)),
        errors="".join(_error_row(code, text) for code, text in ADVICE.items()),
    )


def guide_links(base_url: str) -> list[str]:
    """A link to each guide of the service at `base_url`."""
    return [f'<a href="{escape(base_url)}/docs/guides/{name}">{escape(title)}</a>' for name, title in GUIDES.items()]


def _plan(document: Json) -> str:
    """Which plan and mode hold for events; nothing where the document does not say."""
    if (plan := document.get("x-tracking-plan")) is None:
        return ""
    text = f"Events are checked against the tracking plan `{plan['fingerprint']}` in the mode {plan['mode']}: "
    text += f"{_MODES[plan['mode']]}. "
    note = "" if CUSTOMER not in json.dumps(document["paths"]) else f" Put your customer's code for `{CUSTOMER}`."
    return f'<p>{_text(text)}<a href="#show_plan">GET /plan</a> shows it to users.{_text(note)}</p>'


def _calls(document: Json) -> list[tuple[str, str, Json]]:
    """Method, path and call of each call, by tag; calls that remove something come last, as they would in use."""
    tags = [tag["name"] for tag in document["tags"]]
    calls = [
        (method.upper(), path, call) for path, methods in document["paths"].items() for method, call in methods.items()
    ]
    return sorted(calls, key=lambda each: (tags.index(each[2]["tags"][0]), each[0] == "DELETE"))


def _contents(calls: list[tuple[str, str, Json]], base_url: str) -> str:
    lines: list[str] = []
    for tag in dict.fromkeys(call["tags"][0] for _, _, call in calls):
        lines.append(f"<h3>{escape(tag)}</h3>")
        lines += [
            f'<a href="#{escape(call["operationId"])}">{escape(call["summary"])}</a>'
            for _, _, call in calls
            if call["tags"][0] == tag
        ]
    lines += ["<h3>All calls</h3>", '<a href="#errors">Errors</a>', "<h3>Guides</h3>"]
    return "\n".join(lines + guide_links(base_url))


def _call(method: str, path: str, call: Json, document: Json, base_url: str) -> str:
    lock = ' <em class="lock">user</em>' if call["security"] else ""
    blocks = [
        f"<h2>{escape(call['summary'])}</h2>",
        f'<p class="call"><span class="method {method.lower()}">{method}</span><code>{escape(path)}</code>{lock}</p>',
        f"<p>{_text(call['description'])}</p>",
        _table("Parameters", [(item["name"], item["in"], item["description"]) for item in call.get("parameters", ())]),
        _body(call, document),
        f"<h3>Example</h3>{_pre(make_command(method, path, call, document, base_url, _json))}",
        _answer(call["responses"]),
    ]
    return f'<section id="{escape(call["operationId"])}">\n' + "\n".join(filter(None, blocks)) + "\n</section>"


def _body(call: Json, document: Json) -> str:
    if "requestBody" not in call:
        return ""
    schema = call["requestBody"]["content"]["application/json"]["schema"]
    return _table("Request body", list(_properties(schema, document, "")))


def _properties(schema: Json, document: Json, prefix: str) -> Iterator[tuple[str, str, str]]:
    """Name, type and text of every key of a body. The keys of an inner object follow the object's own key."""
    schema = _resolve(schema, document)
    required = schema.get("required", ())
    for name, found in schema.get("properties", {}).items():
        kind, inner, mark = _kind(found, document)
        optional = "" if name in required else ", optional"
        given = found.get("default")
        default = f", default `{given}`" if given and isinstance(given, str) else ""
        text = found.get("description") or inner.get("description", "")
        yield f"{prefix}{name}", f"{kind}{optional}{default}", text
        yield from _properties(inner, document, f"{prefix}{name}{mark}.")


def _kind(schema: Json, document: Json) -> tuple[str, Json, str]:
    """The type in words, the schema of inner objects, and what stands between their name and their keys' names."""
    resolved = _resolve(schema, document)
    if resolved.get("type") == "array":
        kind, inner, _ = _kind(resolved["items"], document)
        return f"array of {kind}", inner, "[]"
    if "anyOf" in resolved:
        options = [option for option in resolved["anyOf"] if option.get("type") != "null"]
        if len(options) == 1:
            # A key that may be null may be left out, which the page says already.
            return _kind(options[0], document)
        return " or ".join(_kind(option, document)[0] for option in resolved["anyOf"]), {}, ""
    return str(resolved.get("type", "string")), resolved, ""


def _resolve(schema: Json, document: Json) -> Json:
    if "$ref" not in schema:
        return schema
    found: Json = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _answer(responses: Json) -> str:
    """The answer 200, its headers, and the other statuses."""
    media_type, content = next(iter(responses["200"]["content"].items()))
    headers = [(name, "", item["description"]) for name, item in responses["200"].get("headers", {}).items()]
    rows = "".join(_status_row(status, response) for status, response in responses.items() if status != "200")
    return "\n".join(
        (
            f'<h3>Answer 200, <span class="faint">{escape(media_type)}</span></h3>',
            _example(content["example"]),
            _table("Answer's headers", headers),
            f'<h3>Other answers</h3><div class="wide"><table class="statuses"><tbody>{rows}</tbody></table></div>',
        )
    )


def _status_row(status: str, response: Json) -> str:
    content = response.get("content", {}).get("application/json", {})
    codes = "<br>".join(f"<code>{escape(code)}</code>" for code in content.get("examples", ()))
    text = codes or _text(response["description"])
    return f'<tr><td>{status}</td><td class="{"code" if codes else ""}">{text}</td></tr>'


def _example_error(calls: list[tuple[str, str, Json]]) -> Any:
    examples: Json = calls[0][2]["responses"]["400"]["content"]["application/json"]["examples"]
    return next(iter(examples.values()))["value"]


def _error_row(code: Any, text: str) -> str:
    status = errors.STATUS[code]
    return f'<tr><td>{status}</td><td class="code"><code>{code}</code></td><td>{_text(text)}</td></tr>'


def _table(title: str, rows: list[tuple[str, str, str]]) -> str:
    if not rows:
        return ""
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code></td>"
        + (f'<td class="faint">{_text(kind)}</td>' if kind else "")
        + f"<td>{_text(text)}</td></tr>"
        for name, kind, text in rows
    )
    return f'<h3>{escape(title)}</h3><div class="wide"><table><tbody>{cells}</tbody></table></div>'


def _example(value: Any) -> str:
    return _pre(value if isinstance(value, str) else _json(value))


def _json(value: Any) -> str:
    spread = json.dumps(value, indent=2, ensure_ascii=False)
    return _FLAT_ARRAY.sub(lambda found: "[" + re.sub(r"\n\s*", " ", found[1]) + "]", spread)


def _pre(text: str) -> str:
    return f'<div class="example"><pre><code>{escape(text, quote=False)}</code></pre></div>'


def _text(text: str) -> str:
    """Escaped text, with code between backticks."""
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))
