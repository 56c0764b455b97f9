"""The wheel is whole: it holds every file, asks for what the code imports, and serves from any folder."""

import ast
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from importlib.metadata import packages_distributions, version
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"
# The wheel carries its files, and depends on no distribution of them.
CLIENT = ROOT / "clients" / "python" / "src" / "footfall_client"

# Dependencies that no line of ours imports, each with its reason.
NOT_IMPORTED = {
    "httptools": "uvicorn parses requests with it where it is installed",
    "tzdata": "the standard library reads time zones from it alone, by `footfall.windows`",
}
# Parts of the standard library that the oldest supported Python does not have yet.
NEWER_STANDARD = {"compression"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("footfall-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with the wheel.

    The dependencies are those of the environment that runs the tests, seen through a path file: installing them again
    would take minutes and show nothing more.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", str(python)]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(
        "".join(f"{sysconfig.get_path(kind)}\n" for kind in ("purelib", "platlib")), encoding="utf-8"
    )
    return folder / "bin"


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("FOOTFALL_", "PYTHONPATH"))}


def test_it_holds_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = [path for path in (SOURCE / "footfall").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    guides = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*") if path.is_file()]
    guides += [path.relative_to(ROOT) for path in (ROOT / "examples").rglob("*") if path.is_file()]
    expected = {path.relative_to(SOURCE).as_posix() for path in files}
    client = [path for path in CLIENT.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    expected |= {f"footfall/client/{path.relative_to(CLIENT.parent).as_posix()}" for path in client}
    assert held == expected | {f"footfall/guides/{path.as_posix()}" for path in guides}


def test_it_asks_for_exactly_what_the_code_imports(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        asked = message_from_bytes(archive.read(metadata)).get_all("Requires-Dist", [])
    declared = {canonicalize_name(Requirement(one).name) for one in asked}
    assert not set(NOT_IMPORTED) - declared, "no longer needs an excuse"
    owners = packages_distributions()
    missing, used = [], set(NOT_IMPORTED)
    for name in sorted(imported() - sys.stdlib_module_names - NEWER_STANDARD - {"footfall", CLIENT.name}):
        found = {canonicalize_name(owner) for owner in owners.get(name, [])} & declared
        used |= found
        if not found:
            missing.append(name)
    assert not missing, "imported, but not among the dependencies"
    # The backport exists only for Pythons that need it.
    unneeded = {"backports-zstd"} if sys.version_info >= (3, 14) else set()
    assert declared - unneeded <= used, "among the dependencies, but not imported"


def imported() -> set[str]:
    """Top-level names of all imports of the package."""
    names: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {one.name.partition(".")[0] for one in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    return names


def test_the_program_is_the_wheels_own(installed: Path, tmp_path: Path) -> None:
    code = "import footfall; print(footfall.__file__)"
    done = subprocess.run(
        [installed / "python", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=clean_environment(),
    )
    assert Path(done.stdout.strip()).is_relative_to(installed.parent)


@contextmanager
def serving(program: Path, folder: Path) -> Iterator[str]:
    """The URL of a service that runs in a folder; it must stop by itself, and well, when it is asked to."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve", "--port", "0", "--data-dir", "data"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=folder,
            env=clean_environment(),
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if found := re.search(r"listening on (http://\S+)", line):
                    yield found[1]
                    break
            else:
                pytest.fail((folder / "log").read_text(errors="replace"))
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.communicate()


def test_it_serves_from_any_folder(installed: Path, tmp_path: Path) -> None:
    event = {
        "customer": "BARCHART",
        "product": "PORTFOLIO",
        "type": "PORTFOLIO-APPLICATION-LOADED",
        "timestamp": int(time.time() * 1000),
        "context": ["someone"],
    }
    with serving(installed / "footfall", tmp_path) as url, httpx.Client(base_url=url, timeout=60) as client:
        assert client.get("/service/version").json()["service"]["version"] == version("footfall")
        assert "<h1" in client.get("/docs/guides/reports").raise_for_status().text
        assert "[Service]" in client.get("/docs/guides/examples/footfall.service").raise_for_status().text
        answer = client.post("/events", json={"events": [event]})
        assert answer.status_code == 200
        (stored,) = answer.json()
        assert stored == {**event, "sequence": 1, "batch": stored["batch"]}
