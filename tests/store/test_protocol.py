"""What the engine's HTTP answers to clickhouse-connect itself, and to whoever else asks."""

import base64
import gzip
import json
from collections.abc import Iterator
from typing import Any

import clickhouse_connect
import pytest
import urllib3
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from footfall.system import zstd


@pytest.fixture
def at(engine) -> dict[str, Any]:
    return json.loads(engine.place.read_bytes())


@pytest.fixture
def client(engine, at: dict[str, Any]) -> Iterator[Client]:
    client = clickhouse_connect.get_client(
        host=at["host"],
        port=at["port"],
        username=at["user"],
        password=at["password"],
        autogenerate_session_id=False,
        # The engine takes compressed data, but not a compressed statement, which is what `insert` sends.
        compress=False,
    )
    name = engine.settings(is_empty=True).data.name
    client.command(f"CREATE DATABASE {name}")
    client.database = name
    yield client
    client.command(f"DROP DATABASE {name}")
    client.close()


def ask(at: dict[str, Any], query: str = "", body: Any = b"", **headers: str) -> urllib3.BaseHTTPResponse:
    basic = "Basic " + base64.b64encode(f"{at['user']}:{at['password']}".encode()).decode()
    named = {name.replace("_", "-"): value for name, value in ({"authorization": basic} | headers).items()}
    return urllib3.request(
        "POST", f"http://{at['host']}:{at['port']}/?{query}", body=body, headers=named, retries=False
    )


def test_the_greeting(client: Client) -> None:
    assert client.server_version.startswith("26.")
    assert str(client.server_tz) == "UTC"
    # chDB sends no block info, so that the client must not expect any.
    assert client.protocol_version == 0
    assert client.ping()


def test_tables_and_values_of_many_types(client: Client) -> None:
    client.command("CREATE TABLE t (a Int64, b LowCardinality(String), c Array(Nullable(String)), d UUID) ORDER BY a")
    client.command("INSERT INTO t VALUES (1, 'x', ['y', NULL], '00000000-0000-0000-0000-000000000001')")
    client.command("INSERT INTO t (a, b) VALUES ({a:Int64}, {b:String})", parameters={"a": 2, "b": "it's"})
    result = client.query("SELECT a, b, c, toString(d) FROM t ORDER BY a")
    assert result.column_names == ("a", "b", "c", "toString(d)")
    assert [tuple(row) for row in result.result_rows] == [
        (1, "x", ["y", None], "00000000-0000-0000-0000-000000000001"),
        (2, "it's", [], "00000000-0000-0000-0000-000000000000"),
    ]
    assert client.command("SELECT count() FROM t") == 2
    assert client.command("SHOW TABLES") == "t"
    assert client.command("EXISTS TABLE t") == 1
    assert client.query("DESCRIBE TABLE t").result_rows[0][:2] == ("a", "Int64")


def test_inserts_of_rows_and_of_raw_data(client: Client) -> None:
    client.command("CREATE TABLE t (a Int64, b String DEFAULT 'none') ORDER BY a")
    client.insert("t", [[1, "one"], [2, "two"]], column_names=["a", "b"], settings={"async_insert": 0})
    lines = b'{"a": 3, "b": "three"}\n'
    summaries = [
        client.raw_insert("t", ["a", "b"], lines, fmt="JSONEachRow"),
        client.raw_insert("t", ["a"], zstd.compress(b'{"a": 4}\n') * 2, fmt="JSONEachRow", compression="zstd"),
        client.raw_insert("t", ["a", "b"], gzip.compress(b"5,five\n"), fmt="CSV", compression="gzip"),
    ]
    assert [summary.written_rows for summary in summaries[1:2]] == [2]
    rows = [tuple(row) for row in client.query("SELECT a, b FROM t ORDER BY a").result_rows]
    assert rows == [(1, "one"), (2, "two"), (3, "three"), (4, "none"), (4, "none"), (5, "five")]


def test_settings_of_one_statement_do_not_reach_the_next(client: Client) -> None:
    query = "SELECT getSetting('max_threads')"
    assert client.query(query, settings={"max_threads": 1}).result_rows[0][0] == 1
    assert client.query(query).result_rows[0][0] != 1
    client.command("SET max_threads = 1")
    assert client.query(query).result_rows[0][0] != 1


def test_what_spills_to_disk_is_bounded(client: Client) -> None:
    assert client.query("SELECT getSetting('max_temporary_data_on_disk_size_for_query')").result_rows[0][0] > 0
    with pytest.raises(DatabaseError) as caught:
        client.query(
            "SELECT count() FROM (SELECT number, sipHash64(number) AS x FROM numbers(50000000) GROUP BY number, x)",
            settings={
                "max_bytes_before_external_group_by": 20_000_000,
                "max_bytes_ratio_before_external_group_by": 0,
                "max_temporary_data_on_disk_size_for_query": 20_000_000,
            },
        )
    assert caught.value.code == 396


def test_an_unknown_setting_is_an_error(client: Client) -> None:
    with pytest.raises(DatabaseError) as caught:
        client.query("SELECT 1", settings={"no_such_setting": 1})
    assert caught.value.code == 115


def test_raw_answers_in_the_format_that_was_asked_for(client: Client) -> None:
    assert client.raw_query("SELECT 1 AS a", fmt="JSONEachRow") == b'{"a":1}\n'
    assert json.loads(client.raw_query("SELECT number FROM numbers(200000)", fmt="JSON"))["rows"] == 200_000
    assert client.raw_query("SELECT 1 AS a WHERE 0 FORMAT CSVWithNames") == b'"a"\n'
    assert client.raw_query("SELECT 'FORMAT CSV' AS a /* FORMAT XML */ FORMAT TSV -- FORMAT JSON") == b"FORMAT CSV\n"
    assert client.raw_query("(SELECT 1 UNION ALL SELECT 1)") == b"1\n1\n"
    assert client.raw_query("WITH 1 AS x SELECT x FORMAT CSV SETTINGS max_threads = 1;") == b"1\n"


@pytest.mark.parametrize(
    ("statement", "answer"),
    [
        ("SELECT 'a; '", b"a; \n"),
        ("SELECT number FROM numbers(3) WHERE toString(number) = '1'", b"1\n"),
        ("SELECT number FROM numbers(3) WHERE toString(number) = '1'; -- 'end'", b"1\n"),
        ("SELECT dummy + 2 FROM `system`.`one`", b"2\n"),
        ('SELECT 1 UNION ALL SELECT 1 AS "x"', b"1\n1\n"),
        ("SELECT 3 FROM system.one AS format WHERE ''  = ''", b"3\n"),
    ],
)
def test_a_statement_may_end_in_quotes_without_a_format(client: Client, at, statement: str, answer: bytes) -> None:
    assert client.raw_query(statement) == answer
    assert ask(at, body=statement.encode()).data == answer


def test_a_query_without_rows_is_empty(client: Client) -> None:
    assert list(client.query("SELECT 1 AS a WHERE 0").result_rows) == []


def test_errors_have_their_codes(client: Client) -> None:
    cases = {
        "SELECT * FROM nowhere": (60, "UNKNOWN_TABLE"),
        "SELEKT": (62, "SYNTAX_ERROR"),
        "SELECT throwIf(1)": (395, None),
    }
    for query, (code, name) in cases.items():
        with pytest.raises(DatabaseError) as caught:
            client.query(query)
        assert caught.value.code == code
        assert name in (None, caught.value.name)


def test_nobody_gets_in_without_the_password(at: dict[str, Any]) -> None:
    wrong = base64.b64encode(f"{at['user']}:wrong".encode()).decode()
    for headers in (
        {"authorization": ""},
        {"authorization": f"Basic {wrong}"},
        {"authorization": "Basic \xff!"},
        {"authorization": "", "x_clickhouse_user": at["user"], "x_clickhouse_key": "wrong"},
    ):
        response = ask(at, body=b"SELECT 1", **headers)
        assert (response.status, response.headers["x-clickhouse-exception-code"]) == (403, "516")
        assert response.data != b"1\n"
    response = ask(
        at, body=b"SELECT 1", authorization="", x_clickhouse_user=at["user"], x_clickhouse_key=at["password"]
    )
    assert response.data == b"1\n"


def test_the_health_check_needs_no_password(at: dict[str, Any]) -> None:
    assert urllib3.request("GET", f"http://{at['host']}:{at['port']}/ping").data == b"Ok.\n"


def test_a_statement_may_stand_in_the_address_or_in_the_body_or_in_both(at: dict[str, Any]) -> None:
    assert ask(at, "query=SELECT+1").data == b"1\n"
    assert ask(at, body=b"SELECT 2").data == b"2\n"
    assert ask(at, "query=SELECT", b"3").data == b"3\n"
    assert (
        ask(at, "query=SELECT+%7Bp:String%7D&param_p=a%5Ctb&query_id=mine").headers["x-clickhouse-query-id"] == "mine"
    )


@pytest.mark.parametrize(
    ("query", "body", "headers", "code"),
    [
        ("", b"\xff\xfe", {}, "62"),
        ("", b"SELECT 1", {"content_encoding": "zstd"}, "89"),
        ("query=INSERT+INTO+t+FORMAT+CSV", b"1", {"content_encoding": "rot13"}, "89"),
        ("query=INSERT+INTO+t+SELECT+1", b"1", {}, "62"),
        ("bad-name=1", b"SELECT 1", {}, "115"),
        ("no_such_setting=1", b"SELECT 1", {}, "115"),
        ("", b"", {}, "62"),
        ("database=nowhere", b"SELECT 1", {}, "81"),
        ("", b"x", {"content_type": "multipart/form-data; boundary=b"}, "36"),
    ],
)
def test_what_cannot_be_taken_is_refused(
    at: dict[str, Any], query: str, body: bytes, headers: dict[str, str], code: str
) -> None:
    response = ask(at, query, body, **headers)
    assert response.status >= 400
    assert response.headers["x-clickhouse-exception-code"] == code
    assert response.data.startswith(f"Code: {code}. DB::Exception: ".encode())


@pytest.mark.parametrize(
    ("name", "why"),
    [("../engine.json", "name of a pipe"), ("", "name of a pipe"), ("0" * 32 + ".pipe", "No such file")],
)
def test_a_pipe_that_is_none_is_refused(at: dict[str, Any], name: str, why: str) -> None:
    answer = ask(at, body=b"SELECT 1", x_footfall_pipe=name)
    assert answer.status in (400, 500)
    assert why in answer.data.decode()


def test_data_that_is_too_large_is_refused_and_leaves_nothing(engine, at: dict[str, Any]) -> None:
    chunks = (bytes(1 << 20) for _ in range(201))
    response = ask(at, "query=INSERT+INTO+t+FORMAT+CSV", chunks)
    assert (response.status, response.headers["x-clickhouse-exception-code"]) == (413, "307")
    assert not list((engine.folder / "engine" / "spool").glob("*.data"))
