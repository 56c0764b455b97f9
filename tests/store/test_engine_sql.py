"""Looking at a statement's text."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from footfall.store.engine import sql
from footfall.store.engine.request import Bounds, Reader
from footfall.store.engine.rights import Rights


@pytest.mark.parametrize(
    ("text", "word", "form"),
    [
        ("SELECT 1", "SELECT", "TabSeparated"),
        ("select 1 format csv", "SELECT", "csv"),
        ("\n ( (SELECT 1))", "SELECT", "TabSeparated"),
        ("-- SHOW\nWITH 1 AS x /* FORMAT XML */ SELECT x FORMAT CSV;", "WITH", "CSV"),
        ("SELECT 'a' FORMAT JSON SETTINGS max_threads = 1, format_csv_delimiter = ';'", "SELECT", "JSON"),
        ("SELECT 'FORMAT CSV'", "SELECT", "TabSeparated"),
        ('SELECT 1 AS "FORMAT CSV"', "SELECT", "TabSeparated"),
        ("SELECT 1 AS `FORMAT CSV`", "SELECT", "TabSeparated"),
        ("SELECT 'it''s \\' FORMAT XML' FORMAT CSV -- FORMAT JSON", "SELECT", "CSV"),
        ("SELECT format FROM t", "SELECT", "TabSeparated"),
        ("SELECT 1 FROM t AS format WHERE 'a'", "SELECT", "TabSeparated"),
        ("KILL QUERY WHERE 1", "KILL", "TabSeparated"),
        ("", "", "TabSeparated"),
    ],
)
def test_the_first_word_and_the_format(text: str, word: str, form: str) -> None:
    assert (sql.read_keyword(text), sql.read_format(text)) == (word, form)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1", "SELECT 1\nINTO OUTFILE '/p' APPEND FORMAT TabSeparated"),
        ("SELECT 1; -- end", "SELECT 1\nINTO OUTFILE '/p' APPEND FORMAT TabSeparated"),
        ("SELECT 'a; ' ;", "SELECT 'a; '\nINTO OUTFILE '/p' APPEND FORMAT TabSeparated"),
        ("SELECT 1 AS `a` /* end */", "SELECT 1 AS `a`\nINTO OUTFILE '/p' APPEND FORMAT TabSeparated"),
        ("SELECT 1 FORMAT CSV", "SELECT 1 \nINTO OUTFILE '/p' APPEND FORMAT CSV"),
        (
            "SELECT 1 SETTINGS a = 1 FORMAT CSV SETTINGS b = 2",
            "SELECT 1 SETTINGS a = 1 \nINTO OUTFILE '/p' APPEND FORMAT CSV SETTINGS b = 2",
        ),
    ],
)
def test_a_result_goes_to_a_file(text: str, expected: str) -> None:
    assert sql.into_file(text, "/p") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "INSERT INTO t (`a FORMAT`) FORMAT CSV",
            "INSERT INTO t (`a FORMAT`)  FROM INFILE '/it\\'s' COMPRESSION 'zstd' FORMAT CSV",
        ),
        (
            "INSERT INTO t SETTINGS a = 1 FORMAT CSV",
            "INSERT INTO t  FROM INFILE '/it\\'s' COMPRESSION 'zstd' SETTINGS a = 1 FORMAT CSV",
        ),
        (
            "INSERT INTO t (`input()`) SELECT a FROM input('a String, (') SETTINGS c = 1 FORMAT CSV",
            "INSERT INTO t (`input()`) SELECT a FROM file('/it\\'s', CSV, 'a String, (', 'zstd') SETTINGS c = 1 ",
        ),
        ("INSERT INTO t SELECT 1", None),
        ("INSERT INTO t VALUES (1)", None),
    ],
)
def test_data_comes_from_a_file(text: str, expected: str | None) -> None:
    assert sql.from_file(text, "/it's", "zstd") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INSERT INTO t (a) FORMAT CSV", ("", "t")),
        ("insert into table `d b`.`table` SELECT a FROM input('a String') FORMAT CSV", ("d b", "table")),
        ("INSERT INTO /* d. */ t SELECT a, b FROM x.y", ("", "t")),
        ("INSERT INTO", ("", "")),
    ],
)
def test_the_table_that_an_insert_writes_into(text: str, expected: tuple[str, str]) -> None:
    assert sql.read_target(text) == expected


@pytest.mark.parametrize("name", ["", "a-b", "a b", "1a", "a=1", "a\n", "\u00e9"])
def test_a_strange_name_is_no_setting(name: str) -> None:
    assert not sql.is_setting(name)


def test_values_of_settings_are_quoted() -> None:
    assert sql.set_settings({"a": "1", "b": "it's \\"}) == "SET a = '1', b = 'it\\'s \\\\'"


async def test_a_long_statement_is_checked_where_nobody_waits_for_it(tmp_path: Path) -> None:
    passed = threading.Event()

    class Waiting(Rights):
        """Ends its check once the event loop has done something else."""

        def check(self, *given: Any) -> None:
            assert passed.wait(20)
            super().check(*given)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"SELECT 1" + b" " * 20_000}

    reader = Reader(tmp_path, Bounds(10**6, 10**6), Waiting(()))
    reading = asyncio.create_task(reader.read(b"", {}, receive))
    await asyncio.sleep(0)
    passed.set()
    assert (await reading).statement.keyword == "SELECT"
