"""The SQL files: each says what it is for, and the engine understands each."""

import re
from typing import Any

import pytest
from clickhouse_connect.driver.binding import format_bind_value

from footfall.store import query
from footfall.store.statements import TextArray, sql_folder

QUERIES = sorted(path.name.removesuffix(".sql") for path in sql_folder("queries").iterdir())
# What stands for the pieces of which a report's statement is put together.
PIECES = {
    "{{with}}": "",
    "{{layout}}": "0",
    "{{sources}}": "timestamp, batch, sequence",
    "{{order}}": "timestamp, batch, sequence",
    "{{columns}}": "timestamp",
    "{{final}}": "FINAL",
    "{{without_duplicates}}": "",
    "{{format}}": "TSV",
    # ... of statistics ...
    "{{scope}}": "customer = {customer:String} AND timestamp BETWEEN {start:Int64} AND {end:Int64}",
    "{{selection}}": "customer = {customer:String} AND timestamp BETWEEN {start:Int64} AND {end:Int64}",
    "{{events}}": "events FINAL",
    "{{condition}}": "customer = {customer:String} AND timestamp BETWEEN {start:Int64} AND {end:Int64}",
    "{{dimensions}}": "toString(type) AS dimension0,",
    "{{groups}}": ", dimension0",
    "{{actor}}": "context[1]",
    "{{value}}": "version",
    "{{offset}}": "0",
    "{{first}}": "1",
    "{{returning}}": "1",
    "{{slice}}": "arraySlice(types, at + 1, {levels:UInt8})",
    "{{mask}}": "toUInt16(type = 'T')",
    "{{by}}": "version",
    "{{arrays}}": "groupArray(timestamp) AS times, groupArray(value) AS step_values, false AS is_tied",
    "{{steps}}": "step_values[1] AS first_value",
    "{{only_steps}}": "AND mask != 0",
    "{{group}}": "GROUP BY value",
    # ... and of the rollups'.
    "{{counts}}": query("rollup_counts"),
    "{{selected}}": "true",
    "{{keys}}": "customer, product,",
    "{{customer}}": "customer",
    "{{product}}": "product",
    "{{types}}": "true",
    "{{begin}}": "toInt64(0)",
    "{{units}}": "hours",
    "{{width}}": "3600000",
    # Persons who are erased, or what is past its time.
    "{{gone}}": "customer = {customer:String}",
}
FUNNEL = PIECES | {"{{counts}}": "count()", "{{value}}": "first_value AS value,"}
PLACEHOLDER = re.compile(r"\{(\w+):([\w()]+)\}")


@pytest.mark.parametrize("folder", ["schema", "queries"])
def test_every_file_starts_with_what_it_is_for(folder: str) -> None:
    for path in sql_folder(folder).iterdir():
        first = path.read_text("utf-8").splitlines()[0]
        assert re.fullmatch(r"-- [A-Z].*\.", first), path.name


def test_the_statements_on_quarantine_select_and_tell_states_alike() -> None:
    """Each is whole, so that it can be pasted into a client: what they have in common is held equal here."""
    texts = [query(f"quarantine_{name}") for name in ("count", "events", "list", "summary")]
    states = {between(text, "-- What is among", ") AS standing") for text in texts}
    selections = {between(text, "FROM quarantine AS q FINAL", "IN {ids:Array(String)})") for text in texts}
    assert len(states) == len(selections) == 1


def between(text: str, start: str, end: str) -> str:
    return text[text.index(start) : text.index(end)]


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_is_explained_by_the_engine(store, name: str) -> None:
    text = query(name)
    for piece, sample_text in (FUNNEL if name == "usage_funnel" else PIECES).items():
        text = text.replace(piece, sample_text)
    table = "quarantine" if "quarantine" in name else "events"
    parameters = {word: sample(kind, table) for word, kind in PLACEHOLDER.findall(text)}
    if any(word in text for word in ("INSERT INTO", "ALTER TABLE", "KILL QUERY")):
        # Only what selects has a plan.
        text = text.replace("{{on_cluster}}", "ON CLUSTER here")
        assert store.rows("SELECT formatQuery({text:String}) != ''", {"text": text}) == [(True,)]
        return
    with store.stream(f"EXPLAIN {text}", parameters) as blocks:
        assert b"Read" in b"".join(blocks)


def sample(kind: str, table: str) -> Any:
    if kind.startswith("Array"):
        # Pieces of time are never none.
        return [0] if kind == "Array(Int64)" else []
    samples = {"String": "", "Identifier": table, "UUID": "00000000-0000-0000-0000-000000000001"}
    return samples.get(kind, 1)


@pytest.mark.parametrize("values", [[], ["a"], ["'\\`\t\n\"\0", "é𝄞", ", ]", ""], ["\\" * 3, "\\'"]])
def test_a_list_of_texts_is_sent_as_the_client_would_send_it(values: list[str]) -> None:
    assert format_bind_value(TextArray(values)) == format_bind_value(values)


def test_a_list_of_texts_comes_to_the_engine_as_it_is(store) -> None:
    values = ["'\\`\t\n\r\"\0", "é𝄞", ", ]", "", "\\'", "x" * 70_000]
    ((found,),) = store.rows("SELECT {values:Array(String)}", {"values": values})
    assert found == values
