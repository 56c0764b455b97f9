"""Habits of this code that hold because they run: who may import whom, how long things may get, nothing left over."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "footfall"
# The distributions beside the service, each of one package, which imports nothing of the others.
CLIENTS = (ROOT / "clients" / "python" / "src" / "footfall_client",)

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 350

# Imports only point down this list; what stands in one line shares a level, and does not import its neighbours.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("service",),
    ("dashboard",),
    ("web",),
    ("ingest",),
    ("erasure", "expiry"),
    ("backup", "demo", "doctor", "integrity", "privacy"),
    ("alerts", "schedules"),
    ("views",),
    ("reports",),
    ("live",),
    ("quarantine",),
    ("receipts", "usage"),
    ("loading",),
    ("tombstones",),
    ("validation",),
    ("mcp", "oidc", "plan"),
    ("accounts", "audit"),
    ("journal",),
    ("store",),
    ("state",),
    ("rate_limits",),
    ("addresses", "files", "metrics", "tracing"),
    ("system",),
    ("settings",),
    ("errors", "windows"),
    ("wire", "wording"),
)

# Rooms of tools, each module of which is a door of its own: who needs the clock does not pay for the log.
MODULE_DOORS = ("service", "settings", "system")

# Files that are shorter than a file should be, each with its reason.
SHORT_FILES = {
    "__main__.py": "what `python -m` runs",
    "errors.py": "exceptions that a room's modules share",
    "events.py": "the calls of one room; what they do is in it",
    "drawing_program.py": "a program of its own, which imports nothing of footfall",
    "pages.py": "a table with a line for each page",
    "svg.py": "elements of one language, and nothing else",
    "zstd.py": "one name for two releases of one library",
}
FILE_LINES_MIN = 40
# Some pages have little to ask.
VIEWS = "footfall.dashboard.views"

# Imports past a front door, each with its reason.
SIDE_DOORS = {
    ("cli", "footfall.store.engine.process"): "only the engine's own process may load its library of 500 MB",
}

# Modules of clients that programs import by their own names, so that who does not need them does not pay for them.
DOORS_OF_CLIENTS = ("pytest_plugin",)

# What nothing imports, because something else starts it.
ENTRY_POINTS = ("footfall.__main__", "footfall.cli.__main__", "footfall.cli")
# Modules that Alembic finds by their place.
FOUND_BY_PLACE = "footfall.state.migrations"

# Put together here, so that this file does not hold what it looks for.
MARKS = re.compile("|".join(rf"\b{first}{second}\b" for first, second in (("TO", "DO"), ("FIX", "ME"), ("X", "XX"))))
PLACES = re.compile(
    "|".join(("pypi" + r"\.org", "python" + "hosted", "/" + "root/", "/" + "opt/", "/" + "home/", "/" + "Users/"))
    + "|"
    + r"(?<![\w.])/(?:work|tmp)"
    + "/"
)


def tracked() -> list[Path]:
    """The files of the repository that can be read as text."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    if listed.returncode != 0:  # an unpacked archive
        names = [
            path for part in ("src", "clients", "tests", "docs", "examples") for path in (ROOT / part).rglob("*.*")
        ]
    return [path for path in names if path.is_file() and b"\0" not in path.read_bytes()[:8192]]


def python_files() -> list[Path]:
    return sorted(path for part in ("src", "clients", "tests", "bench") for path in (ROOT / part).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def modules(source: Path = SOURCE) -> dict[str, Path]:
    """Every module of a package by its dotted name."""
    found = {}
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> Iterator[tuple[int, str, str | None]]:
    """(line, module, name) of everything that a file imports from this package; `import a.b` has no name."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, one.name, None) for one in node.names if one.name.split(".")[0] == "footfall")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute here"
            module = node.module or ""
            if module.split(".")[0] == "footfall":
                for one in node.names:
                    deeper = f"{module}.{one.name}"
                    yield (node.lineno, deeper, None) if deeper in modules() else (node.lineno, module, one.name)


def room(module: str) -> str:
    """The room of a module: the part after the package's name."""
    return module.removeprefix("footfall").removeprefix(".").partition(".")[0]


def front_names(module: str) -> list[str] | None:
    """What a room's front door offers; None where it offers nothing in `__all__`."""
    for node in tree(modules()[module]).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return None


def between_rooms() -> Iterator[tuple[str, str, str, str | None]]:
    """(place, room, module, name) of every import that leaves its room."""
    for importer, path in modules().items():
        for line, module, name in imports(path):
            if room(importer) and room(module) != room(importer):
                yield f"{path.relative_to(ROOT)}:{line}", room(importer), module, name


def test_every_room_has_its_layer() -> None:
    known = {name for layer in LAYERS for name in layer}
    assert {room(module) for module in modules() if room(module)} <= known, "say in LAYERS where the new room stands"


def test_imports_only_point_down() -> None:
    level = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    wrong = [
        f"{place}: {importer} may not import {module}"
        for place, importer, module, _ in between_rooms()
        if not level[importer] < level.get(room(module), -1)
    ]
    assert not wrong, "\n".join(wrong)


def test_rooms_are_entered_by_the_front_door() -> None:
    wrong = []
    for place, importer, module, name in between_rooms():
        door = f"footfall.{room(module)}"
        is_room = modules()[door].name == "__init__.py"
        if (importer, module) in SIDE_DOORS or not is_room or room(module) in MODULE_DOORS:
            continue
        if module != door:
            wrong.append(f"{place}: goes into {module}, past the front door of {door}")
        elif name is not None and name not in (front_names(door) or []):
            wrong.append(f"{place}: {name} is not in the __all__ of {door}")
    assert not wrong, "\n".join(wrong)


def test_every_room_has_a_front_door() -> None:
    rooms = [module for module, path in modules().items() if path.name == "__init__.py" and module.count(".") == 1]
    closed = [module for module in rooms if room(module) not in MODULE_DOORS]
    assert not [module for module in closed if front_names(module) is None], "these rooms have no __all__"


def test_no_front_door_hides_a_module_behind_a_name() -> None:
    rooms = [module for module, path in modules().items() if path.name == "__init__.py"]
    hidden = [
        f"{module}.{name}" for module in rooms for name in front_names(module) or [] if f"{module}.{name}" in modules()
    ]
    assert not hidden, "`from ROOM import NAME` would give a module before it was imported, and then something else"


@pytest.mark.parametrize("source", [SOURCE, *CLIENTS], ids=lambda source: source.name)
def test_every_module_says_what_it_is(source: Path) -> None:
    assert not [module for module, path in modules(source).items() if not ast.get_docstring(tree(path))]


def test_functions_stay_short() -> None:
    wrong = []
    for path in python_files():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {lines} lines")
    assert not wrong, "\n".join(wrong)


def test_files_stay_short() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}
    wrong = [f"{path.relative_to(ROOT)}: {lines} lines" for path, lines in lengths.items() if lines > FILE_LINES_MAX]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("source", [SOURCE, *CLIENTS], ids=lambda source: source.name)
def test_files_are_worth_opening(source: Path) -> None:
    wrong = []
    for module, path in modules(source).items():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        may_be_short = (
            path.name == "__init__.py" or path.name in SHORT_FILES or module.startswith((FOUND_BY_PLACE, VIEWS))
        )
        if lines < FILE_LINES_MIN and not may_be_short:
            wrong.append(f"{path.relative_to(ROOT)}: {lines} lines")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("source", [SOURCE, *CLIENTS], ids=lambda source: source.name)
def test_no_public_class_name_stands_for_two_things(source: Path) -> None:
    homes: dict[str, list[str]] = {}
    for module, path in modules(source).items():
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(module)
    twice = {name: found for name, found in homes.items() if len(found) > 1}
    assert not twice


def test_every_module_is_reached_from_an_entry_point() -> None:
    reached: set[str] = set()
    ahead = [*ENTRY_POINTS, *(name for name in modules() if name.startswith(FOUND_BY_PLACE))]
    while ahead:
        module = ahead.pop()
        if module in reached or module not in modules():
            continue
        reached.add(module)
        path = modules()[module]
        ahead.append(module.rpartition(".")[0])
        ahead += [name for _, name, _ in imports(path)]
        # A module that is named in a string is imported on call: "footfall.cli.run:serve".
        ahead += [text.partition(":")[0] for text in strings(path) if text.startswith("footfall.")]
    unused = sorted(set(modules()) - reached)
    assert not unused, "nothing uses these"


@pytest.mark.parametrize("source", CLIENTS, ids=lambda source: source.name)
def test_a_client_is_one_package_all_of_which_is_used(source: Path) -> None:
    """A module is reached from the package itself, or is one that a program imports by its name or runs."""
    found = modules(source)
    taken = {name for path in found.values() for name in _absolute_imports(path)}
    entered = {source.name, f"{source.name}.__main__", *(f"{source.name}.{name}" for name in DOORS_OF_CLIENTS)}
    assert not sorted(set(found) - taken - entered), "nothing uses these"
    assert not {name for name in taken if name.split(".")[0] == "footfall"}


def _absolute_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute here"
            yield from (str(node.module), *(f"{node.module}.{one.name}" for one in node.names))


def strings(path: Path) -> set[str]:
    return {
        node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_statement_is_named_in_the_code() -> None:
    named = {text for path in modules().values() for text in strings(path)}
    unused = [
        path.relative_to(ROOT)
        for path in SOURCE.rglob("*.sql")
        # Numbered ones are run in their order, whatever they are called.
        if path.stem not in named and not re.match(r"\d+", path.stem)
    ]
    assert not unused


def test_nothing_is_left_for_later() -> None:
    assert not list(_lines_with(MARKS))


def test_no_file_names_where_it_was_made() -> None:
    assert not list(_lines_with(PLACES))


def _lines_with(pattern: re.Pattern[str]) -> Iterator[str]:
    for path in tracked():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if pattern.search(line):
                yield f"{path.relative_to(ROOT)}:{number}: {line.strip()}"


LOCKED = re.compile(r"^([a-z0-9-]+)==(\S+)(.*)\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


def locked(name: str) -> dict[str, set[str]]:
    """The releases that a lock holds for each package: more than one where Pythons differ."""
    text = (ROOT / name).read_text(encoding="utf-8")
    pins = re.findall(r"^[^#\s].*", text, re.MULTILINE)
    found = LOCKED.findall(text)
    assert len(pins) == len(found), f"{name} holds a line without hashes"
    releases: dict[str, set[str]] = {}
    for package, version, *_ in found:
        releases.setdefault(package, set()).add(version)
    return releases


@pytest.mark.parametrize(
    ("lock", "group"),
    [("requirements.txt", "build"), ("requirements-dev.txt", "dev"), ("requirements-bench.txt", "bench")],
)
def test_the_lock_holds_what_the_project_asks_for(lock: str, group: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *project["dependency-groups"][group]]
    releases = locked(lock)
    for requirement in (Requirement(one) for one in asked if isinstance(one, str)):
        found = releases.get(canonicalize_name(requirement.name), set())
        assert found, f"{lock} lacks {requirement.name}: make lock"
        assert all(requirement.specifier.contains(one) for one in found), f"{lock} is behind {requirement}: make lock"


def test_all_locks_hold_the_same_releases() -> None:
    development = locked("requirements-dev.txt")
    assert all(development.get(name) == found for name, found in locked("requirements.txt").items())
    measuring = locked("requirements-bench.txt")
    assert all(development.get(name, found) == found for name, found in measuring.items())
