"""Paths as a tree that lies on its side: a column for each step, whose blocks are as high as they have events."""

from collections.abc import Iterator, Sequence
from os.path import commonprefix

from markupsafe import Markup
from msgspec import Struct

from footfall.dashboard.charts.svg import element, percent

# Pixels of the whole, and of a block that is high enough for its name.
HEIGHT = 420.0
_NAMED = 15.0
_GAP = 1.5
# The part of a column's width that its blocks take.
_WIDTH = 0.94


class Branch(Struct, frozen=True):
    """So many events have this name at this place, and then those of the branches."""

    name: str
    events: int
    branches: tuple["Branch", ...] = ()


def grow(paths: Sequence[tuple[tuple[str, ...], int]], levels: int, end: str) -> tuple[Branch, ...]:
    """Paths with their events as branches, the largest first. A path that ends early has `end` behind it."""
    if not levels:
        return ()
    found: dict[str, list[tuple[tuple[str, ...], int]]] = {}
    for names, events in paths:
        found.setdefault(names[0] if names else "", []).append((names[1:], events))
    grown = []
    for name, rest in found.items():
        following = grow(rest, levels - 1, end) if name else ()
        grown.append(Branch(name or end, sum(events for _, events in rest), following))
    return tuple(sorted(grown, key=lambda branch: -branch.events))


def draw_branches(root: Branch, levels: int, direction: str) -> Markup:
    """The tree from left to right; that of what was before, from right to left."""
    columns = levels + 1
    cut = _common(root)
    blocks = list(_blocks(root, 0, 0.0, HEIGHT / max(root.events, 1), []))
    drawn = []
    for column, top, height, branch, color in blocks:
        at = column if direction == "after" else levels - column
        x, width = at / columns, _WIDTH / columns
        inside = [
            element("title", f"{branch.name}: {branch.events:,}"),
            element("rect", width="100%", height=max(height - _GAP, 0.5), rx=3, class_=f"block c{color}"),
        ]
        if height >= _NAMED:
            # A name that is too long for its block is cut by the page's style, which text of SVG knows nothing of.
            name = element("div", branch.name.removeprefix(cut), class_="block-name")
            inside.append(element("foreignObject", name, width="100%", height=height - _GAP))
        drawn.append(element("svg", *inside, x=percent(x), y=top, width=percent(width), height=max(height - _GAP, 0.5)))
    hidden = "true"
    return element("svg", *drawn, class_="plot branches", aria_hidden=hidden, width="100%", height=HEIGHT)


def _common(root: Branch) -> str:
    """What all names begin with, up to a hyphen: `WATCHLIST-`. The names in the blocks leave it out."""
    names = {branch.name for _, _, _, branch, _ in _blocks(root, 0, 0.0, 1.0, [])}
    start = commonprefix([name for name in names if not name.startswith("(")])  # noqa: RUF071 - letters are meant
    return start[: start.rfind("-") + 1] if len(names) > 1 else ""


def _blocks(
    branch: Branch, column: int, top: float, scale: float, colors: list[str]
) -> Iterator[tuple[int, float, float, Branch, int]]:
    """Column, top, height and colour of each block: a name has one colour wherever it is."""
    if branch.name not in colors:
        colors.append(branch.name)
    yield column, top, branch.events * scale, branch, colors.index(branch.name) % 12
    for each in branch.branches:
        yield from _blocks(each, column + 1, top, scale, colors)
        top += each.events * scale
