"""Code that is made of a plan: it type-checks, makes events that the plan accepts, and cannot be injected."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from footfall.plan import generate_python, generate_typescript, load_plan, parse_plan

ODD = """
customers = ["A\\"C", "B", "🎉é"]
[products."7 \\"\\"\\" */ x"]
columns = ["class", "customer", "user id", "userId", "größe"]
[products."7 \\"\\"\\" */ x".types]
"return" = ["class", "customer", "user id", "userId", "größe?"]
"RETURN" = []
"日本" = ["class"]
"""


def module(code: str, path: Path) -> Any:
    path.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def mypy(path: Path) -> str:
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        f"--cache-dir={path.parent}/cache",
        path.name,
    ]
    return subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False).stdout


def test_python_of_the_packaged_plan_type_checks_and_makes_its_events(tmp_path: Path) -> None:
    plan = load_plan(None)
    made = module(generate_python(plan), tmp_path / "events.py")
    assert made.watchlist_symbol_added(customer="TGAM", user_id="ada", watchlist_id="w", symbol="AAPL") == {
        "customer": "TGAM",
        "product": "WATCHLIST",
        "type": "WATCHLIST-SYMBOL-ADDED",
        "context": ["ada", "w", "AAPL"],
        "timestamp": None,
        "version": None,
    }
    functions = [value for value in vars(made).values() if getattr(value, "__module__", "") == "events"]
    assert len(functions) - 1 == sum(len(product.types) for product in plan.products)
    (tmp_path / "program.py").write_text(
        "from events import alert_created\n"
        "right = alert_created(customer='TGAM', user_id='ada', alert_id='a')\n"
        "wrong = alert_created(customer='TGAN', user_id='ada')\n"
        "more = alert_created(customer='TGAM', user_id='ada', alert_id=7)\n"
    )
    told = mypy(tmp_path / "program.py")
    assert "Found 3 errors" in told, told
    assert "program.py:2:" not in told
    assert "events.py" not in told


def test_odd_names_are_data(tmp_path: Path) -> None:
    plan = parse_plan(ODD.encode(), "odd.toml")
    made = module(generate_python(plan), tmp_path / "odd.py")
    event = made.x_7_x_return(customer="B", class_="1", customer_="2", user_id="3", user_id_="4")
    assert (event["type"], event["context"]) == ("return", ["1", "2", "3", "4", None])
    assert event["product"] == '7 """ */ x'
    assert made.x_7_x_return_(customer="B")["type"] == "RETURN"
    assert made.Customer.__args__ == ('A"C', "B", "🎉é")
    assert "Success" in mypy(tmp_path / "odd.py")


@pytest.mark.skipif(shutil.which("node") is None, reason="it needs Node.js, which takes the types out")
@pytest.mark.parametrize("text", [None, ODD])
def test_typescript_makes_events(tmp_path: Path, text: str | None) -> None:
    plan = load_plan(None) if text is None else parse_plan(text.encode(), "odd.toml")
    code = generate_typescript(plan)
    # Without its types it is JavaScript: they are interfaces, a type, and what stands behind the colons of functions.
    plain = re.sub(r"^export (interface \w+ \{.*?^\}|type .*?;)$", "", code, flags=re.MULTILINE | re.DOTALL)
    plain = re.sub(r"\(customer: Customer, (?:context: \{.*\}, )?options: Options = \{\}\): Event", "(C)", plain)
    plain = re.sub(
        r"^export function (\w+)\(C\)(.*?^\})",
        lambda found: (
            f"export function {found[1]}(customer, "
            + ("context, " if "context[" in found[2] else "")
            + f"options = {{}}){found[2]}"
        ),
        plain,
        flags=re.MULTILINE | re.DOTALL,
    )
    (tmp_path / "events.mjs").write_text(plain)
    call = (
        'm.watchlistSymbolAdded("TGAM", {userId: "ada", watchlistId: "w", symbol: "AAPL"}, {timestamp: 5})'
        if text is None
        else 'm.x7XReturn("B", {"class": "1", "customer": "2", "user id": "3", "userId": "4"}, {timestamp: 5})'
    )
    (tmp_path / "program.mjs").write_text(f'import * as m from "./events.mjs"; console.log(JSON.stringify({call}))')
    ran = subprocess.run(["node", tmp_path / "program.mjs"], capture_output=True, text=True, check=True)
    expected = ["ada", "w", "AAPL"] if text is None else ["1", "2", "3", "4", ""]
    assert json.loads(ran.stdout)["context"] == expected
