"""The tour of docs/dashboard.md: its pictures are there and small, the script makes them, and its pages exist."""

import re
from pathlib import Path

import page_pictures

from footfall.dashboard import PAGES

DOCS = Path(__file__).parents[2] / "docs"
IMAGES = DOCS / "images"
TEXT = (DOCS / "dashboard.md").read_text("utf-8")
PICTURE_BYTES_MAX = 60_000


def test_the_pictures_are_those_that_the_script_makes_and_small() -> None:
    named = set(re.findall(r"\]\(images/(page-[a-z]+\.webp)\)", TEXT))
    assert named == {f"page-{name}.webp" for name, *_ in page_pictures.TOUR}
    assert {path.name for path in IMAGES.glob("page-*.webp")} == named
    for name in named:
        data = (IMAGES / name).read_bytes()
        assert (data[:4], data[8:12], len(data) < PICTURE_BYTES_MAX) == (b"RIFF", b"WEBP", True), name


def test_the_readme_begins_with_the_pictures_of_the_tour_each_of_which_leads_to_its_part() -> None:
    readme = (DOCS.parent / "README.md").read_text("utf-8").partition("docs/footfall.svg")[0]
    shown = re.findall(r"\[!\[[^\]]+\]\(docs/images/page-([a-z]+)\.webp\)\]\(docs/dashboard\.md(?:#[a-z-]+)?\)", readme)
    assert shown == [name for name, *_ in page_pictures.TOUR]


def test_the_pages_of_the_tour_and_of_its_pictures_exist() -> None:
    paths = {page.path for page in PAGES if page.method == "GET"}
    tour = set(re.findall(r"`(/|/dashboard/[a-z/]+)`", TEXT))
    assert len(tour) >= 10
    assert tour <= paths
    assert {path.partition("?")[0] for _, path, *_ in page_pictures.TOUR} <= paths


def test_each_page_of_the_navigation_is_named() -> None:
    assert [page.path for page in PAGES if page.nav and f"`{page.path}`" not in TEXT] == []
