"""The scanner finds the line of everything that the standard parser finds."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from footfall.plan.lines import LineIndex, Repeat

TEXT = '''\
# A comment with [brackets] and "quotes"
name = "x # no comment" # a comment
"quoted \\u0041" = 'literal ['
dotted . key = 1.5
when = 1979-05-27 07:32:00
many = [ "a", "]", # comment ]
  "b",

  [1, [2,
3]], { in = "line", deep.er = [true] },
]
long = """
[not.a.table]
x = "\\"
""""
lit = \'\'\'
''it'' = ]\'\'\'
after = 0

[table]
[table.inner."dot.ted"]
x = 1

[[rows]]
a = 1
[rows.sub]
b = 2
[[rows]]
a = 3
[[rows.deep]]
c = 4
'''


def test_every_key_and_item_has_its_line():
    lines = LineIndex(TEXT)
    expected = {
        ("name",): 2,
        ("quoted A",): 3,
        ("dotted",): 4,
        ("dotted", "key"): 4,
        ("when",): 5,
        ("many",): 6,
        ("many", 0): 6,
        ("many", 1): 6,
        ("many", 2): 7,
        ("many", 3): 9,
        ("many", 3, 1, 0): 9,
        ("many", 3, 1, 1): 10,
        ("many", 4): 10,
        ("many", 4, "in"): 10,
        ("many", 4, "deep", "er", 0): 10,
        ("long",): 12,
        ("lit",): 16,
        ("after",): 18,
        ("table",): 20,
        ("table", "inner"): 21,
        ("table", "inner", "dot.ted", "x"): 22,
        ("rows",): 24,
        ("rows", 0): 24,
        ("rows", 0, "a"): 25,
        ("rows", 0, "sub", "b"): 27,
        ("rows", 1): 28,
        ("rows", 1, "a"): 29,
        ("rows", 1, "deep"): 30,
        ("rows", 1, "deep", 0, "c"): 31,
    }
    assert {path: lines.at(path) for path in expected} == expected
    assert lines.repeats == []


def test_line_of_something_missing_is_that_of_what_it_is_missing_from():
    lines = LineIndex("a = 1\n\n[b]\nc = [1]\n")
    assert [lines.at(path) for path in [("b", "x"), ("b", "c", 7, "y"), ("z",), ()]] == [3, 4, 1, 1]


def test_repeats_are_all_found():
    lines = LineIndex('a = 1\na = 2\n[t]\nb = 1\n"b" = 2\n[t]\ni = { c = 1, c = 2 }\n[[r]]\nb = 1\n[[r]]\nb = 1\n')
    assert lines.repeats == [
        Repeat(("a",), 2, 1),
        Repeat(("t", "b"), 5, 4),
        Repeat(("t",), 6, 3),
        Repeat(("t", "i", "c"), 7, 7),
    ]


@given(st.text(alphabet="ab[]{}=,.\"'#\\ \n0", max_size=40))
def test_no_text_breaks_the_scanner(text):
    lines = LineIndex(text)
    assert lines.at(("a",)) >= 1
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert lines.repeats == []
    assert set(_paths(values)) <= set(lines._found)


KEYS = st.text(alphabet="ab-_. \"'#[]=\né", max_size=4)
VALUES = st.recursive(
    st.one_of(
        st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(alphabet="a \"'\\[]{}#=,.\n", max_size=8)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.lists(st.dictionaries(KEYS, VALUES, max_size=3), max_size=3))
def test_paths_found_are_those_of_the_parser(table, rows):
    text = "".join(f"{_quote(key)} = {_write(value)} # [x]\n\n" for key, value in table.items())
    for row in rows:
        text += "[[\"the rows\" . 'of all']]\n" + "".join(f"{_quote(key)} = {_write(row[key])}\n" for key in row)
    lines = LineIndex(text)
    assert set(_paths(tomllib.loads(text))) == set(lines._found)
    assert lines.repeats == []


def _paths(value, path=()):
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*path, key))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _paths(inner, (*path, index))


def _quote(text):
    return '"' + "".join(f"\\u{ord(sign):04x}" if sign in '"\\\n' else sign for sign in text) + '"'


def _write(value):
    match value:
        case bool():
            return str(value).lower()
        case str() if "'''" not in value and not value.endswith("'") and "\n" in value:
            return f"'''\n{value}'''"
        case str():
            return _quote(value)
        case list():
            return "[\n" + "".join(f"{_write(each)}, # ]\n" for each in value) + "]"
        case dict():
            return "{" + ", ".join(f"{_quote(key)} = {_write(each)}" for key, each in value.items()) + "}"
        case _:
            return repr(value)
