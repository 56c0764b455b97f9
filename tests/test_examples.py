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
    settings = re.findall(r"^(\S.*)\n\w+ = ", (EXAMPLES / name).read_text(encoding="utf-8"), re.MULTILINE)
    assert settings
    assert all(line.startswith("# ") for line in settings)


def test_the_full_example_holds_every_setting_with_its_default() -> None:
    loaded = load(EXAMPLES / "footfall-full.toml", {}, {})
    assert [name for name, source in loaded.sources.items() if source == "default"] == []
    assert structs.asdict(loaded.settings) == structs.asdict(Settings())


def test_the_small_example_says_only_what_differs() -> None:
    loaded = load(EXAMPLES / "footfall.toml", {}, {})
    given = [name for name, source in loaded.sources.items() if source != "default"]
    assert 0 < len(given) <= 6
    assert all(getattr(loaded.settings, name) != getattr(Settings(), name) for name in given)
