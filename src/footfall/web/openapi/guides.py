"""The guides of `docs/` as pages of the service, so that whoever has footfall has them, also without the internet.

The Markdown is rendered when a guide is first asked for, and kept: the renderer is not loaded before that, and a
stranger can have each guide made once.
"""

import itertools
import re
import threading
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Final

from footfall.web.openapi.page import GUIDES, PAGE_POLICY, PAGE_SCRIPT, PAGE_STYLE, guide_links

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

# What a guide may do: it loads its own pictures, and nothing else from anywhere.
GUIDE_POLICY: Final = f"{PAGE_POLICY}; img-src 'self'"
# What guides show or link to, by folder, with its media type; the settings and units of `examples` are text.
ATTACHED: Final = ("images", "examples")
_MEDIA_TYPES: Final[Mapping[str, str]] = {".png": "image/png", ".svg": "image/svg+xml", ".webp": "image/webp"}

# GitHub's rule for the anchor of a heading: what is none of these is left out.
_NOT_IN_ANCHOR: Final = re.compile(r"[^\w\- ]")
_GUIDE_LINK: Final = re.compile(r"([\w-]+)\.md(#.*)?")


class Guides:
    """Renders the guides; the calls block for some 100 ms the first time, and may be made on any thread."""

    def __init__(self) -> None:
        self._folders = _find_folders()
        self._lock = threading.Lock()
        self._bodies: dict[str, str] = {}

    def page(self, name: str, base_url: str) -> str | None:
        """A guide as a page; None when there is none of this name."""
        if name not in GUIDES:
            return None
        with self._lock:
            if name not in self._bodies:
                self._bodies[name] = render_guide((self._folders["docs"] / f"{name}.md").read_text("utf-8"))
            return _fill(GUIDES[name], self._bodies[name], base_url)

    def contents(self, base_url: str) -> str:
        """A page that links to all guides."""
        body = f"<h1>Guides</h1>\n<ul>{''.join(f'<li>{link}</li>' for link in guide_links(base_url))}</ul>"
        return _fill("Guides", body, base_url)

    def attached(self, folder: str, name: str) -> tuple[bytes, str] | None:
        """A file of ATTACHED and its media type; None when there is none of this name."""
        if folder not in ATTACHED:
            return None
        found = {file.name: file for file in self._folders[folder].iterdir() if file.is_file()}.get(name)
        media_type = _MEDIA_TYPES.get(Path(name).suffix, "text/plain")
        return None if found is None else (found.read_bytes(), media_type)


def render_guide(text: str) -> str:
    """Markdown as HTML whose headings have GitHub's anchors; links to other guides lead to their pages."""
    renderer = _make_renderer()
    tokens = renderer.parse(text)
    anchors: dict[str, int] = {}
    for heading, content in itertools.pairwise(tokens):
        if heading.type == "heading_open":
            heading.attrSet("id", _make_anchor(content.children or (), anchors))
        _rewrite_links(content.children or ())
    return str(renderer.renderer.render(tokens, renderer.options, {}))


def _make_renderer() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # noqa: PLC0415 - 3 MiB that only a reader of guides needs

    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    writer: Any = renderer.renderer
    plain_fence = writer.fence
    writer.rules["table_open"] = lambda *_: '<div class="wide"><table>\n'
    writer.rules["table_close"] = lambda *_: "</table></div>\n"
    writer.rules["fence"] = lambda *given: f'<div class="example">{plain_fence(*given)}</div>\n'
    return renderer


def _make_anchor(parts: Sequence[Any], anchors: dict[str, int]) -> str:
    """The anchor of a heading; the second of the same words gets `-1`, and so on."""
    words = "".join(part.content for part in parts if part.type in ("text", "code_inline"))
    anchor = _NOT_IN_ANCHOR.sub("", words.lower()).replace(" ", "-")
    number = anchors[anchor] = anchors.get(anchor, -1) + 1
    return f"{anchor}-{number}" if number else anchor


def _rewrite_links(tokens: Sequence[Any]) -> None:
    """Have links lead to pages: `reports.md#dates` is `reports#dates`. What is not served is no link."""
    inside = ""
    for token in tokens:
        if token.type == "link_open":
            href = str(token.attrs["href"]).replace("../examples/", "examples/")
            inside = "span" if href.startswith("../") else "a"
            found = _GUIDE_LINK.fullmatch(href)
            token.attrs = {"href": f"{found[1]}{found[2] or ''}" if found else href} if inside == "a" else {}
        if token.type in ("link_open", "link_close"):
            token.tag = inside


def _fill(title: str, body: str, base_url: str) -> str:
    template = Template((files(__package__) / "guide.html").read_text("utf-8"))
    return template.substitute(
        title=escape(title),
        style=PAGE_STYLE,
        script=PAGE_SCRIPT,
        home=escape(base_url),
        contents="\n".join(guide_links(base_url)),
        body=body,
    )


def _find_folders() -> Mapping[str, Traversable]:
    """Where the guides are: in the package that a wheel installs, else in `docs` and `examples` of the working copy."""
    package = files("footfall")
    packaged = package / "guides"
    if packaged.is_dir():
        return {"docs": packaged, **{name: packaged / name for name in ATTACHED}}
    root = Path(str(package)).parents[1]
    return {"docs": root / "docs", "images": root / "docs" / "images", "examples": root / "examples"}
