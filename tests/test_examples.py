"""The example settings load, and the full one leaves nothing out."""

import re
from pathlib import Path

import pytest
from msgspec import structs

from footfall.settings import Settings
from footfall.settings.load import load

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.parametrize("name", ["footfall.toml", "footfall-full.toml"])
def test_every_example_loads_and_explains_itself(name: str) -> None:
    load(EXAMPLES / name, {}, {})
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    settings = re.findall(r"^\w+ = ", text, re.MULTILINE)
    assert settings
    assert len(re.findall(r"(?:^|\n)\n(?:# .*\n)+\w+ = .*(?=\n\n|\n?$)", text)) == len(settings)


def test_the_comment_of_a_setting_in_the_full_example_is_about_that_setting() -> None:
    """It has most words in common with what docs/settings.md says of the same setting, which is written with it."""
    page = (EXAMPLES.parent / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (?:`[^`]+`|empty) \| `\w+` \| (.+) \|$", page, re.MULTILINE))
    text = (EXAMPLES / "footfall-full.toml").read_text(encoding="utf-8")
    found = {name: words(comment) for comment, name in re.findall(r"\n\n((?:# .*\n)+)(\w+) = ", text)}
    strange = [name for name, said in found.items() if len(said & words(rows[name])) < len(said) * 2 / 5]
    assert (strange, len(found)) == ([], len(rows))


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{3,}", text.lower()))


def test_the_full_example_holds_every_setting_with_its_default() -> None:
    loaded = load(EXAMPLES / "footfall-full.toml", {}, {})
    assert [name for name, source in loaded.sources.items() if source == "default"] == []
    assert structs.asdict(loaded.settings) == structs.asdict(Settings())


def test_the_small_example_says_only_what_differs() -> None:
    loaded = load(EXAMPLES / "footfall.toml", {}, {})
    given = [name for name, source in loaded.sources.items() if source != "default"]
    assert 0 < len(given) <= 6
    assert all(getattr(loaded.settings, name) != getattr(Settings(), name) for name in given)
