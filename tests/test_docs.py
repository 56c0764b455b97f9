"""What a reader can meet stands in docs/: every call, setting, error code, command and option; and no link is dead."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from footfall.cli import main
from footfall.errors import Code
from footfall.settings import Settings

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])

LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_every_call_is_described() -> None:
    from footfall.web import ROUTES

    described = text(DOCS / "http-api.md")
    calls = {f"{route.method} {_plain(route.path)}" for route in ROUTES}
    assert calls
    assert not {call for call in calls if not re.search(rf"{re.escape(call)}(?![\w/{{])", described)}


def _plain(path: str) -> str:
    """A route's path as a reader writes it: without the types of its parts."""
    return re.sub(r":\w+}", "}", path)


def test_every_error_code_is_described() -> None:
    described = set(re.findall(r"\w+", text(DOCS / "http-api.md")))
    assert not set(map(str, Code)) - described


def test_every_setting_is_described_with_its_default() -> None:
    row = r"^\| `(\w+)` \| (`[^`]+`|empty) \| `(\w+)` \| (.+) \|$"
    rows = re.findall(row, text(DOCS / "settings.md"), re.MULTILINE)
    expected = [
        (name, f"`{_plain_value(value)}`" if value != "" else "empty", f"FOOTFALL_{name.upper()}")
        for name, value in ((name, getattr(Settings(), name)) for name in Settings.__struct_fields__)
    ]
    assert sorted(row[:3] for row in rows) == sorted(expected)


def _plain_value(value: object) -> str:
    """As TOML has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def commands(command: click.Command, name: str, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for part in command.list_commands(context):
            if inner := command.get_command(context, part):
                yield from commands(inner, f"{name} {part}", context)


def sections(path: Path) -> dict[str, str]:
    """The text under each heading, up to the next one of the same level."""
    parts = re.split(r"^## (.+)$", text(path), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_and_option_is_described() -> None:
    described = sections(DOCS / "cli.md")
    found = dict(commands(main, "footfall", click.Context(main)))
    assert sorted(described) == sorted(found), "one section for each command"
    # What stands before every command, and after it, is described once.
    shared = {option for parameter in main.params for option in parameter.opts}
    missing = [
        f"{name} {option}"
        for name, command in found.items()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in (*parameter.opts, *parameter.secondary_opts)
        if not re.search(rf"`{re.escape(option)}[ `]", described[name])
        and not (name != "footfall" and option in shared)
    ]
    assert not missing


def test_no_option_is_described_that_is_not_there() -> None:
    found = dict(commands(main, "footfall", click.Context(main)))
    for name, described in sections(DOCS / "cli.md").items():
        options = {option for parameter in found[name].params for option in parameter.opts} | {"--help", "-h"}
        assert set(re.findall(r"^\| `(--[\w-]+)", described, re.MULTILINE)) <= options, name


def test_every_command_explains_itself_with_examples() -> None:
    for name, command in commands(main, "footfall", click.Context(main)):
        assert command.help, f"{name} has no help"
        for parameter in command.params:
            assert not isinstance(parameter, click.Option) or parameter.help, f"{name} {parameter.name} has no help"


@cache
def anchors(path: Path) -> set[str]:
    """The anchors that a page's headings make."""
    plain = FENCE.sub("", text(path))
    words = (re.sub(r"[^\w\- ]", "", heading.lower()).strip() for heading in HEADING.findall(plain))
    return {one.replace(" ", "-") for one in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for link in LINK.findall(FENCE.sub("", text(page))):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            dead.append(link)
    assert not dead
