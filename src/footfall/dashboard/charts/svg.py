"""Elements of SVG, with everything escaped."""

from markupsafe import Markup, escape

Value = str | int | float


def element(name: str, *children: Markup | str, **attributes: Value | None) -> Markup:
    """An element. In names of attributes, `_` stands for `-`, and one at the end falls away: `class_`, `text_anchor`.

    `viewBox` and others with capitals stay as they are; an attribute of None is left out.
    """
    written = Markup("").join(
        Markup(' {}="{}"').format(Markup(key.rstrip("_").replace("_", "-")), number(value))  # noqa: S704 - our own names
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(escape(child) for child in children)
    tag = Markup(name)  # noqa: S704 - our own names
    return Markup("<{0}{1}>{2}</{0}>").format(tag, written, inside)


def number(value: Value) -> str:
    """A number in as few digits as a screen can show."""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".") or "0"
    return str(value)


def percent(part: float) -> str:
    """A part of the width."""
    return f"{number(100.0 * part)}%"


def path(points: list[tuple[float, float]]) -> str:
    """A line through points."""
    return "".join(f"{'L' if at else 'M'}{number(x)} {number(y)}" for at, (x, y) in enumerate(points))
