"""Everything that can be wrong with a plan file is reported with its line."""

import hashlib

import pytest

from footfall.plan import PlanInvalid, PlanProblem, load_plan

GOOD = """\
customers = ["ACME", "GLOBEX"]

[products.SHOP]
columns = ["userId", "orderId", "coupon"]

[products.SHOP.types]
OPENED = ["userId"]
PLACED = ["userId", "orderId", "coupon?"]
CLOSED = [
    "userId",
]

[[rules]]
customers = ["GLOBEX"]
products = ["SHOP"]
keys = ["orderId"]
uuid = true
"""

# What is replaced in the good plan, by what, and the problems that this makes: (line, where, a part of why).
MISTAKES = {
    "unknown key": ("uuid = true", "uuid = true\nuiud = true", [(18, "rules[0].uiud", "did you mean uuid?")]),
    "unknown key at the top": (
        "customers = [",
        "costumers = [",
        [(1, "costumers", "did you mean customers?")],
    ),
    "unknown key of a product": ("columns =", "title = 1\ncolumns =", [(4, "products.SHOP.title", "not a key")]),
    "type in no product": (
        "[products.SHOP.types]",
        "[types]",
        [(3, "products.SHOP", "has no types"), (6, "types", "under their product")],
    ),
    "duplicate type": (
        "CLOSED",
        'PLACED = ["userId"]\nCLOSED',
        [(9, "products.SHOP.types.PLACED", "given before, in line 8: remove one")],
    ),
    "duplicate types, several": (
        "CLOSED",
        'PLACED = ["userId"]\n"OPENED" = []\nCLOSED',
        [
            (9, "products.SHOP.types.PLACED", "given before, in line 8"),
            (10, "products.SHOP.types.OPENED", "given before, in line 7"),
        ],
    ),
    "duplicate table": ("[[rules]]", "[products.SHOP]\n[[rules]]", [(13, "products.SHOP", "before, in line 3")]),
    "context key without a column": (
        '    "userId",\n',
        '    # Whoever closes.\n    "userID",\n',
        [(11, "products.SHOP.types.CLOSED[0]", "userID is not a column of SHOP; did you mean userId?")],
    ),
    "context key twice": (
        '"orderId", "coupon?"]',
        '"orderId", "orderId?"]',
        [(8, "products.SHOP.types.PLACED[2]", "orderId is in this context already")],
    ),
    "required after optional": (
        '"orderId", "coupon?"]',
        '"orderId?", "coupon"]',
        [(8, "products.SHOP.types.PLACED[2]", "coupon is required but stands after the optional orderId?")],
    ),
    "question mark at a column": (
        '"coupon"]',
        '"coupon?"]',
        [(4, "products.SHOP.columns[2]", "the context of a type")],
    ),
    "column twice": ('"coupon"]', '"coupon", "userId"]', [(4, "products.SHOP.columns[3]", "userId is in this list")]),
    "no columns": (
        'columns = ["userId", "orderId", "coupon"]\n',
        "",
        [(3, "products.SHOP", "has no columns")],
    ),
    "empty columns": (
        '["userId", "orderId", "coupon"]',
        "[]",
        [(4, "products.SHOP.columns", "is an empty list")],
    ),
    "no list of keys": (
        'OPENED = ["userId"]',
        "OPENED = true",
        [(7, "products.SHOP.types.OPENED", "must be a list of context keys")],
    ),
    "type without keys": ('OPENED = ["userId"]', "OPENED = {}", [(7, "products.SHOP.types.OPENED", "has no keys")]),
    "no types": (
        GOOD.partition("[products.SHOP.types]")[2].partition("[[rules]]")[0],
        "\n",
        [(6, "products.SHOP.types", "is empty: add a table of types")],
    ),
    "customer twice": ('"ACME", "G', '"ACME", "ACME", "G', [(1, "customers[1]", "ACME is in this list already")]),
    "no list of customers": (
        'customers = ["ACME", "GLOBEX"]\n',
        'customers = "ACME"\n',
        [(1, "customers", "must be a list of customers, not a string")],
    ),
    "empty customers": ('customers = ["ACME", "GLOBEX"]', "customers = []", [(1, "customers", "is an empty list")]),
    "number as a name": ('["ACME", "G', '["ACME", 7, "G', [(1, "customers[1]", "must be a string, not a number")]),
    "list as a name": ('["ACME", "G', '["ACME", [], "G', [(1, "customers[1]", "must be a string, not a list")]),
    "table as a name": ('["ACME", "G', '["ACME", {}, "G', [(1, "customers[1]", "must be a string, not a table")]),
    "date as a name": (
        '["ACME", "G',
        '["ACME", 2020-01-01, "G',
        [(1, "customers[1]", "must be a string, not a date or time")],
    ),
    "empty name": ('["ACME", "G', '["ACME", "", "G', [(1, "customers[1]", "is an empty name")]),
    "blanks": ('["ACME", "G', '["ACME", "X ", "G', [(1, "customers[1]", "has blanks around it")]),
    "control character": ('["ACME", "G', '["ACME", "X\\nY", "G', [(1, "customers[1]", "cannot be printed")]),
    "over-long name": (
        '["ACME", "G',
        f'["ACME", "{"X" * 201}", "G',
        [(1, "customers[1]", "is a name of 201 characters: 200 are the most")],
    ),
    "over-long type": (
        "OPENED",
        "O" * 201,
        [(7, f'products.SHOP.types."{"O" * 200}..."', "is a name of 201 characters: 200 are the most")],
    ),
    "context is no list": (
        'OPENED = ["userId"]',
        'OPENED = "userId"',
        [(7, "products.SHOP.types.OPENED", "must be a list of context keys, not a string")],
    ),
    "product is no table": (
        "[[rules]]",
        "[products]\nCLUB = true\n[[rules]]",
        [(14, "products.CLUB", "must be a table with columns, types, actor, description and keys, not")],
    ),
    "rules are no list": ("[[rules]]", "[rules]", [(13, "rules", "write [[rules]]")]),
    "rule for an unknown customer": (
        '["GLOBEX"]',
        '[\n"ACME",\n"GLOBAX",\n]',
        [(16, "rules[0].customers[1]", "GLOBAX is not among the plan's customers; did you mean GLOBEX?")],
    ),
    "rule for an unknown product": (
        '["SHOP"]',
        '["SHOP", "CLUB"]',
        [(15, "rules[0].products[1]", "CLUB is not among the plan's products; known are SHOP")],
    ),
    "rule for an unknown key": (
        '["orderId"]',
        '["orderId", "order"]',
        [(16, "rules[0].keys[1]", "order is not a column of SHOP; did you mean orderId?")],
    ),
    "rule that asks for nothing": ("uuid = true", "", [(13, "rules[0]", "asks for nothing")]),
    "rule that contradicts itself": (
        "uuid = true",
        "non_empty = true\noptional = true",
        [(18, "rules[0].optional", "contradicts non_empty")],
    ),
    "flag that is no flag": ("uuid = true", "uuid = 1", [(17, "rules[0].uuid", "true or false, not a number")]),
    "flag that is false": ("uuid = true", "uuid = false", [(17, "rules[0].uuid", "leave it out instead")]),
    "optional that is no flag": ("uuid = true", 'optional = "no"', [(17, "rules[0].optional", "true or false")]),
    "empty choice": ("uuid = true", "one_of = []", [(17, "rules[0].one_of", "is an empty list")]),
    "choice of numbers": ("uuid = true", 'one_of = ["1", 2]', [(17, "rules[0].one_of[1]", "must be a string")]),
    "bad regex": ("uuid = true", 'regex = "[a-"', [(17, "rules[0].regex", "is no regular expression: missing ]: [a-")]),
    "regex that looks ahead": (
        "uuid = true",
        "regex = '(?=a).*'",
        [(17, "rules[0].regex", "invalid perl operator: (?=")],
    ),
    "regex that looks back": (
        "uuid = true",
        r"regex = '(a)\1'",
        [(17, "rules[0].regex", r"invalid escape sequence: \1")],
    ),
    "regex that takes too much memory": (
        "uuid = true",
        r"regex = '\pL{1,150}'",
        [(17, "rules[0].regex", "is too large a regular expression: count less")],
    ),
    "regex too large": (
        "uuid = true",
        "regex = '((a{1000}){1000})'",
        [(17, "rules[0].regex", "invalid repetition size")],
    ),
    "regex that is no string": ("uuid = true", "regex = 5", [(17, "rules[0].regex", "must be a string")]),
    "syntax": ("[products.SHOP.types]", "[products.SHOP.types", [(6, "column 21", "is no TOML: Expected ']'")]),
    "end of file": ("uuid = true\n", "uuid = [", [(17, "end of file", "is no TOML")]),
    "unclosed": (
        "[products.SHOP.types]",
        "x = [\n[products.SHOP.types]",
        [(7, "column 2", "is no TOML: Invalid value; the bracket of line 6 is not closed")],
    ),
    "dotted key into a value": (
        "uuid = true",
        "uuid = true\nuuid.x = 1",
        [(18, "column 11", "is no TOML: Cannot")],
    ),
}


def problems_of(path, text):
    path.write_text(text)
    with pytest.raises(PlanInvalid) as caught:
        load_plan(path)
    assert str(caught.value).splitlines() == [
        f"{path}:{problem.line}: {problem.where}: {problem.why}" for problem in caught.value.problems
    ]
    return caught.value.problems


def test_good_plan_is_read(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(GOOD)
    plan = load_plan(path)
    assert plan.fingerprint == hashlib.sha256(GOOD.encode()).hexdigest()[:12]
    assert [str(key) for key in plan.types[1].keys] == ["userId", "orderId", "coupon?"]
    assert (plan.customers, len(plan.products), len(plan.rules)) == (("ACME", "GLOBEX"), 1, 1)


def test_a_type_may_have_no_keys(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(GOOD.replace('OPENED = ["userId"]', "OPENED = []"))
    assert [len(kind.keys) for kind in load_plan(path).types] == [0, 3, 1]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_reported_with_its_line(tmp_path, mistake):
    old, new, expected = MISTAKES[mistake]
    assert old in GOOD
    found = problems_of(tmp_path / "plan.toml", GOOD.replace(old, new, 1))
    assert [(problem.line, problem.where) for problem in found] == [(line, where) for line, where, _ in expected]
    for problem, (_, _, why) in zip(found, expected, strict=True):
        assert why in problem.why


def test_all_mistakes_are_reported_at_once_in_the_order_of_lines(tmp_path):
    text = GOOD.replace("uuid = true", "uuid = 1").replace('"coupon?"', '"coupun?"').replace("customers", "users", 1)
    found = problems_of(tmp_path / "plan.toml", text)
    assert [(problem.line, problem.where) for problem in found] == [
        (1, "users"),
        (8, "products.SHOP.types.PLACED[2]"),
        (17, "rules[0].uuid"),
    ]


def test_rule_that_is_no_table_is_reported(tmp_path):
    (found,) = problems_of(tmp_path / "plan.toml", "rules = [\n1]\n" + GOOD.partition("[[rules]]")[0])
    assert (found.line, found.where) == (2, "rules[0]")
    assert found.why.startswith("must be a table with customers, products, keys, optional")


def test_product_with_none_of_a_rules_keys_is_reported(tmp_path):
    text = GOOD.replace("[[rules]]", '[products.CLUB]\ncolumns = ["memberId"]\ntypes.JOINED = ["memberId"]\n[[rules]]')
    (found,) = problems_of(tmp_path / "plan.toml", text.replace('["SHOP"]', '["SHOP", "CLUB"]'))
    assert (found.line, found.where) == (18, "rules[0].products[1]")
    assert found.why == "CLUB has none of this rule's keys: remove it, or add one of its keys"


def test_context_has_no_more_keys_than_an_event_may_carry(tmp_path):
    keys = [f"k{number}" for number in range(65)]
    (found,) = problems_of(tmp_path / "plan.toml", f"[products.P]\ncolumns = {keys}\ntypes.T = {keys}\n")
    assert (found.line, found.where) == (3, "products.P.types.T")
    assert found.why == "has 65 context keys: 64 are the most"


def test_a_product_has_no_more_columns_and_types_than_a_report_may_name(tmp_path):
    columns = [f"c{number}" for number in range(1_001)]
    (found,) = problems_of(tmp_path / "plan.toml", f"[products.P]\ncolumns = {columns}\ntypes.T = ['c0']\n")
    assert (found.line, found.why) == (2, "has 1001 columns: 1000 are the most")
    types = "".join(f"T{number} = ['c0']\n" for number in range(10_001))
    (found,) = problems_of(tmp_path / "plan.toml", f"[products.P]\ncolumns = ['c0']\n[products.P.types]\n{types}")
    assert (found.where, found.why) == ("products.P.types", "has 10001 types: 10000 are the most")


def test_file_without_products_is_no_plan(tmp_path):
    (found,) = problems_of(tmp_path / "plan.toml", "")
    assert (found.line, found.where) == (1, "file")
    assert "has no products" in found.why
    (found,) = problems_of(tmp_path / "plan.toml", "customers = ['A']\n[products]")
    assert (found.line, found.where) == (2, "products")


def test_two_products_may_have_a_type_of_the_same_name(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text("[products]\nA = {columns = ['x'], types = {T = ['x']}}\nB = {columns = ['y'], types.T = ['y']}\n")
    assert [(kind.product, kind.name) for kind in load_plan(path).types] == [("A", "T"), ("B", "T")]


@pytest.mark.parametrize(
    ("data", "line", "why"),
    [
        (b"# fine\n# caf\xe9\n", 2, "the byte 0xe9 is not UTF-8: save the file as UTF-8"),
        ("customers = []".encode("utf-16"), 1, "the byte 0xff is not UTF-8"),
        (b"\x00\x01", 1, "is no TOML"),
        (b"PK\x03\x04", 1, "is no TOML"),
        (b'{"customers": []}', 1, "is no TOML"),
        (b"x = " + b"[" * 100_000, 1, "nested too deeply"),
        (b"x = " + b"9" * 5_000, 1, "is no TOML"),
    ],
)
def test_file_of_another_kind_is_told_apart(tmp_path, data, line, why):
    path = tmp_path / "plan.toml"
    path.write_bytes(data)
    with pytest.raises(PlanInvalid) as caught:
        load_plan(path)
    (problem,) = caught.value.problems
    assert problem.line == line
    assert why in problem.why


def test_missing_file_and_folder_are_told_apart(tmp_path):
    for path, why in [
        (tmp_path / "none.toml", "there is no such file"),
        (tmp_path, "is a folder"),
        (tmp_path / "x\0", "cannot be read"),
    ]:
        with pytest.raises(PlanInvalid) as caught:
            load_plan(path)
        (problem,) = caught.value.problems
        assert (problem.line, problem.where) == (0, "file")
        assert why in problem.why
        assert str(caught.value) == f"{path}: {problem.why}"


def test_windows_editors_write_good_plans(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert len(load_plan(path).types) == 3
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("CLOSED", "CLOSED.x").replace("\n", "\r\n").encode())
    with pytest.raises(PlanInvalid) as caught:
        load_plan(path)
    assert caught.value.problems == (
        PlanProblem(
            9,
            "products.SHOP.types.CLOSED.x",
            "is not a key that is known here; known are keys, description and deprecated",
        ),
        PlanProblem(9, "products.SHOP.types.CLOSED", "has no keys: list the keys of its context, or [] for none"),
    )
