"""The client installs by itself: no dependency, nothing of the service, types for those who import it."""

import ast
import os
import subprocess
import sys
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from footfall_client import ReportClient

ROOT = Path(__file__).parents[2] / "clients" / "python"
SOURCE = ROOT / "src" / "footfall_client"
# For type checkers alone, which bring it; and for the plugin of pytest, which pytest loads.
OPTIONAL = {"typing_extensions", "pytest"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("footfall_client-*.whl")
    return built


def test_the_wheel_is_whole_and_asks_for_nothing(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        asked = message_from_bytes(archive.read(metadata)).get_all("Requires-Dist", [])
    files = {path for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert held == {path.relative_to(ROOT / "src").as_posix() for path in files}
    assert [one for one in asked if "extra ==" not in one] == []
    assert "footfall_client/py.typed" in held


def test_it_imports_the_standard_library_alone() -> None:
    names = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {one.name.partition(".")[0] for one in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(str(node.module).partition(".")[0])
    assert names - sys.stdlib_module_names - {"footfall_client"} == OPTIONAL


def test_an_environment_of_its_own_can_use_it(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", str(python)]
    subprocess.run([*pip, "install", "--no-index", str(wheel)], check=True)
    code = (
        "import sys, footfall_client; assert 'http.client' not in sys.modules and 'ssl' not in sys.modules\n"
        "outbox = footfall_client.Outbox(sys.argv[1], 'http://127.0.0.1:9')\n"
        "outbox.track(customer='A', product='B', type='C'); print(outbox.stats().waiting); outbox.close(0)"
    )
    done = subprocess.run([python, "-c", code, tmp_path / "outbox"], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
    # Every name and module, where nothing else is installed.
    names = sorted(path.stem for path in SOURCE.glob("*.py") if path.stem not in ("__init__", "pytest_plugin"))
    lines = ["from footfall_client import *", *(f"import footfall_client.{name}" for name in names)]
    subprocess.run([python, "-c", "\n".join(lines)], check=True)


def test_a_program_that_uses_it_type_checks_and_mistakes_do_not(tmp_path: Path) -> None:
    sample = (Path(__file__).parents[1] / "programs" / "typed_sample.py").read_text(encoding="utf-8")
    mistakes = {
        "sent.batch": "sent.btach",
        "found: Path = await": "found: int = await",
        'client.start("ACME", "SHOP")': 'client.start("ACME")',
    }
    (tmp_path / "right.py").write_text(sample)
    wrong = sample
    for right, mistake in mistakes.items():
        wrong = wrong.replace(right, mistake)
    (tmp_path / "wrong.py").write_text(wrong)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}/cache"]
    environment = {**os.environ, "MYPYPATH": str(SOURCE.parent)}
    options = {"capture_output": True, "text": True, "env": environment, "cwd": tmp_path}
    right = subprocess.run([*command, "right.py"], check=False, **options)
    assert right.returncode == 0, right.stdout
    told = subprocess.run([*command, "wrong.py"], check=False, **options).stdout
    for part in ('has no attribute "btach"', "Too few arguments", 'expression has type "Path"'):
        assert part in told, told


def test_a_missing_library_is_told_before_a_report_is_made(monkeypatch):
    for library in ("pyarrow", "pandas", "polars"):
        monkeypatch.setitem(sys.modules, library, None)
    with ReportClient("http://127.0.0.1:9") as client:
        for read, library in ((client.arrow, "pyarrow"), (client.pandas, "pandas"), (client.polars, "polars")):
            with pytest.raises(ImportError, match=f"this needs {library}: pip install {library}"):
                read("BARCHART", "WATCHLIST")
