"""Whoever may send statements to the embedded engine reaches its tables, and nothing else of the machine."""

import contextlib
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from footfall import store
from footfall.store.engine import sql
from footfall.store.engine.allowed import OUTPUTS, SETTINGS
from footfall.store.engine.executors import EngineError
from footfall.store.engine.rights import Rights
from footfall.store.engine.tokens import UnreadableStatement

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
    "SELECT arrayMap(file, ['SECRETS'])",
    "SELECT arrayMap(`file`, ['SECRETS'])",
    "SELECT arrayMap((file), ['SECRETS'])",
    "WITH file AS f SELECT arrayMap(f, ['SECRETS'])",
    "ALTER TABLE t MODIFY COLUMN line DEFAULT arrayElement(arrayMap(file, ['SECRETS']), 1)",
    "CREATE VIEW reaching AS SELECT arrayMap({f:Identifier}, ['SECRETS'])",
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
    # Behind VALUES the engine takes any two characters after `\\x` for its digits, a quote among them.
    "INSERT INTO t VALUES ('\\x'A'), (file('SECRETS') )--')",
    "INSERT INTO t VALUES ('\\xA'), (file('SECRETS') )--')",
    "SELECT '\\xG0'",
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
    # A function that is named and not called, a name with escapes, a name in a string.
    "SELECT * APPLY(file) FROM (SELECT 'SECRETS' AS x)",
    "SELECT * APPLY file FROM (SELECT 'SECRETS' AS x)",
    "SELECT COLUMNS('x') APPLY(`file`) FROM (SELECT 'SECRETS' AS x)",
    "SELECT * FROM `def\\x61ult`.`SECRETS`",
    'SELECT * FROM "def\\x61ult".`SECRETS`',
    "SELECT * FROM {d:Identifier}.{t:Identifier}",
    "CREATE VIEW reaching AS SELECT * FROM {d:Identifier}.{t:Identifier}",
    "SELECT hasColumnInTable('default', 'SECRETS', 'c1')",
    "SELECT joinGet('default.SECRETS', 'c1', 1)",
    "SELECT dictGet('default.SECRETS', 'c1', 1)",
    "SHOW COLUMNS FROM `SECRETS` FROM default",
    # Settings with SQL, paths and addresses, wherever they stand.
    "SELECT 1 AS a FORMAT TSV SETTINGS additional_result_filter = 'toUInt8(file(\\'SECRETS\\'))'",
    "SELECT 1 AS a SETTINGS max_threads = 1, additional_result_filter = 'toUInt8(file(\\'SECRETS\\'))' FORMAT TSV",
    "SELECT 1 AS a SETTINGS final, `additional_result_filter` = 'toUInt8(file(\\'SECRETS\\'))'",
    "SELECT * FROM (SELECT 1 AS a SETTINGS additional_result_filter = 'toUInt8(file(\\'SECRETS\\'))')",
    "SELECT 1 AS a SETTINGS max_threads = 1.0, additional_result_filter = 'toUInt8(file(\\'SECRETS\\'))'",
    "INSERT INTO t SETTINGS additional_result_filter = 'toUInt8(file(\\'SECRETS\\'))' SELECT '1' AS a",
    "SET dialect = 'kusto'",
    "ALTER TABLE t MODIFY SETTING storage_policy = 'SECRETS'",
    "SELECT 1 AS a FORMAT Template",
    "SELECT 1 AS a FORMAT Protobuf SETTINGS format_schema = 'SECRETS:M'",
    "INSERT INTO t FORMAT Template\nx",
    # Strings that are SQL to a table function: a structure with expressions, and data that are expressions.
    "SELECT * FROM format(JSONEachRow, 'a String, b String DEFAULT file(a)', '{\"a\":\"SECRETS\"}')",
    "SELECT * FROM format(Values, 'a String', '(file(\\'SECRETS\\'))')",
    "SELECT * FROM format('Values', 'a String', '(file(\\'SECRETS\\'))')",
    "SELECT * FROM format(concat('Val', 'ues'), 'a String', '(file(\\'SECRETS\\'))')",
    "SELECT a FROM values('b String, a String ALIAS file(\\'SECRETS\\')', ('x'))",
    "INSERT INTO t SELECT a FROM values('b String, a String ALIAS file(\\'SECRETS\\')', ('x'))",
    "SELECT a FROM generateRandom('b String, a String ALIAS file(\\'SECRETS\\')') LIMIT 1",
    "SELECT a FROM null('b String, a String ALIAS file(\\'SECRETS\\')')",
    # A second statement behind the first.
    "DROP TABLE IF EXISTS zz PARALLEL WITH CREATE TABLE reaching (line String) ENGINE = Log",
    "DROP TABLE IF EXISTS zz PARALLEL /**/ WITH ATTACH TABLE reaching FROM 'SECRETS' (line String) ENGINE = Log",
    "SELECT 'SECRETS' |> file",
    "CREATE OR REPLACE FUNCTION reaching AS (x) -> file(x)",
    "CREATE TABLE reaching (line String) ENGINE = Merge(currentDatabase() = 'x' ? 'default' : 'default', '.*')",
    "DROP DATABASE system",
    "DROP DATABASE IF EXISTS default",
    "CREATE DATABASE default ENGINE = Atomic",
    "ALTER TABLE t FREEZE",
    "ALTER TABLE t EXPORT PART 'x' TO TABLE FUNCTION s3('http://127.0.0.1:9/b/k')",
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
    assert answer.headers["x-clickhouse-exception-code"] in ("497", "62", "115")
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
        ask("SELECT * FROM {d:Identifier}.{t:Identifier}", param_d="def\\x61ult", param_t=path),
        ask("SELECT * FROM {d:Identifier}.{t:Identifier}", param_d="`default`", param_t=path),
        ask("SELECT * APPLY({f:Identifier}) FROM (SELECT {p:String})", param_f="file", param_p=path),
        ask("SELECT arrayMap({f:Identifier}, [{p:String}])", param_f="file", param_p=path),
        ask("DROP DATABASE {d:Identifier}", param_d="system"),
    ]
    assert all("x-clickhouse-exception-code" in answer.headers for answer in answers)
    assert all(SECRET not in answer.text for answer in answers)


def test_a_column_may_have_the_name_of_the_database_of_files(ask: Ask) -> None:
    """A report's statement names its columns by parameters, after the keys of the plan."""
    answer = ask("SELECT line AS {name:Identifier} FROM t WHERE 0 FORMAT CSVWithNames", param_name="default")
    assert answer.text == '"default"\n'


@pytest.mark.parametrize(
    ("statement", "settings"),
    [
        ("SELECT 1 AS a", {"additional_result_filter": "toUInt8(file('SECRETS'))"}),
        (
            "SELECT 1 AS a FROM system.one",
            {"additional_table_filters": "{'system.one':'toUInt8(file(\\'SECRETS\\'))'}"},
        ),
        ("SELECT 1 AS a FORMAT TSV", {"format_template_row": "SECRETS"}),
        ("SELECT 1 AS a FORMAT TSV", {"format_schema_source": "query", "format_schema": "SELECT file('SECRETS')"}),
        ("SELECT '\\', file('SECRETS') AS x --'\nFORMAT TSV", {"dialect": "trino", "enable_trino_dialect": "1"}),
        ("SELECT 1", {"format_avro_schema_registry_url": "http://127.0.0.1:9"}),
        ("file('SECRETS')", {"implicit_select": "1"}),
    ],
)
def test_a_setting_that_holds_more_than_a_bound_is_refused(
    ask: Ask, secrets: Path, statement: str, settings: dict[str, str]
) -> None:
    given = {name: value.replace("SECRETS", str(secrets)) for name, value in settings.items()}
    answer = ask(statement.replace("SECRETS", str(secrets)), **given)
    assert answer.headers["x-clickhouse-exception-code"] in ("115", "62")
    assert SECRET not in answer.text


TAKEN = (
    'SELECT 7 AS `my alias`, \'it\'\'s\' AS "a ""b""", line AS fetch FROM t ORDER BY line LIMIT 1',
    "SELECT line FROM t ORDER BY line OFFSET 0 ROWS FETCH FIRST 1 ROW ONLY",
    "SELECT engine, name FROM system.tables WHERE engine = 'MergeTree' LIMIT 1",
    "SELECT Settings['log_comment'], Settings FROM system.processes LIMIT 1",
    "SELECT format('{} and {}', 'a', 'b') FORMAT JSON",
    "WITH x AS (SELECT 1 AS a) SELECT a FROM x FORMAT Pretty SETTINGS max_threads = 1, max_block_size = 1;",
    "SELECT * EXCEPT (line) REPLACE (1 AS n) FROM (SELECT 2 AS n, line FROM t) SETTINGS join_use_nulls = 1",
    "SELECT arrayMap(x -> x.1, [(1, 2)]), 1.5::Float64, map('a', 1)['a'], 2 || 'x' -- the end",
    "SELECT count() FROM t AS url WHERE url.line NOT IN ('x') GROUP BY ALL WITH TOTALS",
    "EXPLAIN indexes = 1 SELECT * FROM t WHERE line = 'x'",
    'CREATE TABLE "url" (name String, region String) ENGINE = MergeTree ORDER BY name SETTINGS fsync_after_insert=1',
    "INSERT INTO url (name) VALUES ('it''s'), (upper('b'))",
    "INSERT INTO url (name) SETTINGS max_insert_threads = 1 FORMAT LineAsString\nit's a file('x') $",
    "-- a comment\nINSERT INTO url (name) FORMAT LineAsString\nit's",
    "SELECT sum(length(name)) AS file FROM url",
    "ALTER TABLE url ADD INDEX a name TYPE bloom_filter(0.01) GRANULARITY 1",
    "ALTER TABLE url MODIFY SETTING merge_selector_base = 10",
    "CREATE VIEW seen AS SELECT url.name FROM url WHERE region != {x:String}",
    "DROP VIEW seen",
    "DROP TABLE url SYNC SETTINGS max_table_size_to_drop = 0",
    "CREATE TABLE many AS t ENGINE = Merge(currentDatabase(), '^t$')",
    "SELECT count() FROM many",
    "DROP TABLE many",
    "SHOW TABLES",
    " " * 300 + "DESCRIBE TABLE t",
)


def test_what_people_ask_of_the_tables_is_taken(ask: Ask) -> None:
    answers = {statement: ask(statement) for statement in TAKEN}
    assert {statement: answer.text for statement, answer in answers.items() if answer.status_code != 200} == {}


@pytest.mark.parametrize("file", sorted(Path(store.__path__[0]).rglob("*.sql")), ids=lambda file: file.stem)
def test_each_statement_of_ours_is_taken_as_it_is_pasted(file: Path) -> None:
    """With the names that we put in; the tables of a cluster are of the kinds that only a server has."""
    text = re.sub(r"\{\{(database|name)\}\}", "`a-b`", file.read_text()).replace("{{format}}", "CustomSeparated")
    for statement in re.sub(r"\{\{\w+\}\}", "", text).split("-- then, on a cluster")[0].split("-- then"):
        Rights(["file"]).check(statement, "footfall", {})


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


def test_each_function_of_this_version_was_looked_at(ask: Ask) -> None:
    """When this fails, the engine has functions that nobody has looked at: does one of them reach beyond the tables?

    Such names belong to what allowed.py refuses; then these sums change. The same for strings that are SQL to it, or
    the name of a table. A setting that is gone, or a format, is none to allow.
    """
    hashed = "SELECT lower(hex(SHA256(arrayStringConcat(arraySort(groupArray(name)), '\\n')))) FROM system."
    assert ask(f"{hashed}functions").text.startswith("64f95a1e80b605f2")
    assert ask(f"{hashed}table_functions").text.startswith("91177492ba37edf7")
    settings = ask("SELECT name FROM system.settings UNION ALL SELECT name FROM system.merge_tree_settings")
    assert set(settings.text.split()) >= SETTINGS
    assert set(ask("SELECT lower(name) FROM system.formats").text.split()) >= OUTPUTS


PIECES = ("\\'", "'", '"', "`", "/*", "*/", "/**/", "--", "; ", "(", ")", "a(", ".", "a.", "a", "1", " ", "\n", ",")
PIECES += ("=", "{", "$", "ENGINE ", "{x:Identifier", "INSERT INTO ", "FORMAT a ", "SETTINGS ", "SETTINGS a=1,")
PIECES += ("input(", "format(")


def cpu_s(start: str, piece: str, size: int) -> float:
    """The processor time that a statement of so many characters takes until it is taken or refused."""
    text = start + size // len(piece) * piece + "x"
    began_s = time.process_time()
    for work in (lambda: Rights(["file"]).check(text, "d", {}), lambda: sql.from_file(text, "/p", "none")):
        with contextlib.suppress(EngineError, UnreadableStatement):
            work()
    return time.process_time() - began_s


@pytest.mark.parametrize("start", ["SELECT ", "SELECT 1 FORMAT a '", "INSERT INTO t"])
def test_the_time_for_a_statement_grows_with_its_length_alone(start: str) -> None:
    """Four times the length takes four times the time of the same machine; by the square of it, sixteen times."""
    for piece in PIECES:
        few_s, many_s = cpu_s(start, piece, 10_000), cpu_s(start, piece, 40_000)
        assert many_s < 8 * few_s + 0.2, piece
