"""Whoever may send statements to the embedded engine reaches its tables, and nothing else of the machine."""

import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

SECRET = "of-no-concern-to-a-statement"

# SECRETS is the path of a file; none of these may tell what is in it, or write another one beside it.
REFUSED = (
    "SELECT file('SECRETS')",
    "SELECT `file`('SECRETS')",
    "SELECT \"file\" ('SECRETS')",
    "SELECT file -- it's\n ('SECRETS')",
    "SELECT file/* it's */('SECRETS')",
    "SELECT `fil\\e`('SECRETS')",
    "SELECT $$'$$, file('SECRETS'), $$'$$",
    "SELECT 1 # '\n , file('SECRETS') -- '",
    "SELECT /* /* */ 1, file('SECRETS') */ 2",
    "SELECT \u2018'\u2019, file('SECRETS'), \u2018'\u2019",
    "SELECT 1; SELECT file('SECRETS')",
    "EXPLAIN SELECT file('SECRETS')",
    "SELECT * FROM file('SECRETS', LineAsString)",
    "SELECT * FROM default.`SECRETS`",
    "SELECT * FROM `default` . `SECRETS`",
    "DESCRIBE TABLE file('SECRETS', LineAsString)",
    "WITH x AS (SELECT * FROM file('SECRETS', LineAsString)) SELECT * FROM x",
    "SELECT * FROM url('http://127.0.0.1:9/', LineAsString)",
    "SELECT * FROM urlCluster('c', 'http://127.0.0.1:9/', LineAsString)",
    "SELECT * FROM s3('http://127.0.0.1:9/b/k', LineAsString)",
    "SELECT * FROM remote('127.0.0.1:9', system.one)",
    "SELECT * FROM mysql('127.0.0.1:9', 'd', 't', 'u', 'p')",
    "SELECT * FROM sqlite('SECRETS', 't')",
    "SELECT * FROM executable('cat SECRETS', TSV, 'line String')",
    "SELECT * FROM python(os)",
    "SELECT * FROM merge('default', '.*')",
    "SELECT 1 INTO OUTFILE 'SECRETS.out'",
    "INSERT INTO FUNCTION file('SECRETS.out', LineAsString) SELECT 'x'",
    "INSERT INTO TABLE FUNCTION file('SECRETS.out', LineAsString) VALUES ('x')",
    "INSERT INTO t FROM INFILE 'SECRETS' FORMAT LineAsString",
    "INSERT INTO t VALUES (file('SECRETS'))",
    "INSERT INTO t FORMAT Values (file('SECRETS'))",
    "CREATE TABLE reaching (line String) ENGINE = File(LineAsString, 'SECRETS')",
    "CREATE TABLE reaching (line String) ENGINE File(LineAsString)",
    "CREATE TABLE reaching (line String) ENGINE = `URL`('http://127.0.0.1:9/', LineAsString)",
    "CREATE TABLE reaching (line String DEFAULT file('SECRETS')) ORDER BY tuple()",
    "CREATE TABLE reaching AS file('SECRETS', LineAsString)",
    "CREATE TABLE reaching (a Int8) ORDER BY a SETTINGS disk = disk(type = local, path = 'SECRETS.d/')",
    "CREATE DATABASE reaching ENGINE = Filesystem('/')",
    "CREATE FUNCTION reaching AS (x) -> file(x)",
    "CREATE DICTIONARY reaching (a UInt64) PRIMARY KEY a SOURCE(FILE(path 'SECRETS' format 'TSV')) LAYOUT(FLAT())",
    "CREATE NAMED COLLECTION reaching AS a = 1",
    "CREATE USER reaching",
    "RENAME DATABASE default TO reaching",
    "BACKUP TABLE t TO File('SECRETS.out')",
    "RESTORE TABLE t FROM File('SECRETS')",
    "ATTACH TABLE reaching FROM 'SECRETS' (line String) ENGINE = File(LineAsString)",
    "SYSTEM RELOAD CONFIG",
    "GRANT ALL ON *.* TO footfall",
    "USE default",
)


Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def ask(engine: Any) -> Iterator[Ask]:
    """Sends a statement in a database of its own, as the engine's own user."""
    at = json.loads(engine.place.read_bytes())
    base, name = f"http://{at['host']}:{at['port']}", f"rights_{uuid.uuid4().hex}"
    with httpx.Client(base_url=base, auth=(at["user"], at["password"]), timeout=30) as client:

        def send(statement: str, **parameters: str) -> httpx.Response:
            return client.post("/", params={"database": name, **parameters}, content=statement)

        assert send(f"CREATE DATABASE {name}", database="").status_code == 200
        assert send("CREATE TABLE t (line String) ORDER BY line").status_code == 200
        yield send
        assert send(f"DROP DATABASE {name}", database="").status_code == 200


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    path = tmp_path / "secrets"
    path.write_text(SECRET)
    return path


@pytest.mark.parametrize("statement", REFUSED)
def test_what_reaches_beyond_the_tables_is_refused(ask: Ask, secrets: Path, statement: str) -> None:
    answer = ask(statement.replace("SECRETS", str(secrets)))
    assert answer.headers["x-clickhouse-exception-code"] in ("497", "62")
    assert SECRET not in answer.text
    assert [path.name for path in secrets.parent.iterdir()] == ["secrets"]
    assert ask("SELECT count() FROM t WHERE line = 'x' LIMIT 1").text == "0\n"


def test_names_that_come_as_parameters_reach_no_file_either(ask: Ask, secrets: Path) -> None:
    path = str(secrets)
    answers = [
        ask("SELECT * FROM {d:Identifier}.{t:Identifier}", param_d="default", param_t=path),
        ask("SELECT * FROM {t:Identifier}", param_t=path, database="default"),
        ask("SELECT * FROM {t:Identifier}", param_t=path, database=""),
        ask("SELECT * FROM {t:Identifier}", param_t=f"default.{path}"),
        ask("SELECT {f:Identifier}({p:String})", param_f="file", param_p=path),
        ask("SELECT {f:Identifier}({p:String})", param_f="file", param_p=path, database=""),
    ]
    assert all("x-clickhouse-exception-code" in answer.headers for answer in answers)
    assert all(SECRET not in answer.text for answer in answers)


def test_a_column_may_have_the_name_of_the_database_of_files(ask: Ask) -> None:
    """A report's statement names its columns by parameters, after the keys of the plan."""
    answer = ask("SELECT line AS {name:Identifier} FROM t WHERE 0 FORMAT CSVWithNames", param_name="default")
    assert answer.text == '"default"\n'


def test_data_of_a_statement_may_hold_anything(ask: Ask) -> None:
    hostile = "x'; SELECT file('y') -- # $$ /* \u2018"
    assert ask(f"INSERT INTO t FORMAT LineAsString\n{hostile}").status_code == 200
    assert ask(hostile, query="INSERT INTO t (line) FORMAT LineAsString").status_code == 200
    assert ask("INSERT INTO t SELECT {line:String}", param_line=hostile).status_code == 200
    found = ask("SELECT line FROM t /* three */ ORDER BY line FORMAT TSVRaw")
    assert found.text == 3 * f"{hostile}\n"
    # Data that are expressions are looked at as the statement is.
    expressions = ask("(file('/etc/hostname'))", query="INSERT INTO t FORMAT Values")
    assert expressions.headers["x-clickhouse-exception-code"] == "497"


HOSTILE = r"""
from footfall.store.engine.executors import EngineError
from footfall.store.engine.rights import Rights

for piece in ("\\'", "'", '"', "`", "/*", "*/", "--", "; ", "(", "a(", "ENGINE ", "{x:Identifier", "INSERT INTO "):
    for text in ("SELECT '" + 500_000 * piece, "INSERT INTO " + 500_000 * piece):
        try:
            Rights(["file"]).check(text, "d", {})
        except EngineError:
            pass
"""


def test_the_time_for_a_statement_grows_with_its_length_alone() -> None:
    """A megabyte of what is searched for: with the square of its length, one of them would take hours."""
    subprocess.run([sys.executable, "-c", HOSTILE], check=True, timeout=120)
