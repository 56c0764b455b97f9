"""Reports of several customers and products: their files, whose they are, and what they may select."""

import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from made import SMALL, make
from msgspec import UNSET, structs
from pyarrow import parquet
from sheets import read_sheets

from footfall.accounts import KeyedUser
from footfall.errors import Code, RequestRefused
from footfall.plan import LivePlan
from footfall.reports import Estimates, Reports
from footfall.reports.estimate import EstimateBounds
from footfall.reports.query import layout
from footfall.state import JobStatus, User
from footfall.validation import CodeLookup
from footfall.wire import ReportFilter

NOW_MS = 1_760_000_000_000
DAY_MS = 86_400_000
PLAN = """
[products.SHOP]
columns = ["userId", "product", "item"]
[products.SHOP.types]
OPENED = ["userId"]
BOUGHT = ["userId", "item", "product?"]
[products.BLOG]
columns = ["userId", "page"]
[products.BLOG.types]
OPENED = ["page", "userId"]
"""
KEYS = ("userId", "context.product", "item", "page", "context1", "context2")
HEAD = ("customer", "product", "timestamp", "type", *KEYS)
# Of each customer's product: the type, the context, and what the columns of the keys have.
EVENTS = (
    ("A", "BLOG", "OPENED", ["p", "ann"], ("ann", None, None, "p", None, None)),
    ("A", "OWN", "OPENED", ["=1", "|"], (None, None, None, None, "=1", "|")),
    ("A", "OWN", "OPENED", ["x"], (None, None, None, None, "x", None)),
    ("A", "SHOP", "BOUGHT", ["ann", 'a "b"\n'], ("ann", "", 'a "b"\n', None, None, None)),
    ("A", "SHOP", "OPENED", ["bob"], ("bob", None, None, None, None, None)),
    ("A", "SHOP", "OTHER", ["bob"], (None,) * 6),
    ("b,c", "SHOP", "OPENED", [""], ("", None, None, None, None, None)),
    ("d|=", "BLOG", "OPENED", [], ("", None, None, "", None, None)),
)
ALL = {"customers": ["*"], "products": ["*"]}
ADMIN = User(id="root", password_hash="", admin=True, created_ms=0, account="root")


def user(*customers: str) -> User:
    return User(id="eve", password_hash="", customers=customers, created_ms=0, account="eve", security_stamp="s")


def events() -> list[dict[str, Any]]:
    """From the last to the first, in three months: nothing is in the order of the file by chance."""
    times = [NOW_MS - (at % 3) * 40 * DAY_MS - 1000 - at for at in range(len(EVENTS))]
    return [
        {"customer": customer, "product": product, "type": kind, "timestamp": time_ms, "context": context}
        for time_ms, (customer, product, kind, context, _) in zip(times, EVENTS, strict=True)
    ][::-1]


def rows() -> list[tuple[Any, ...]]:
    found = []
    for event in events():
        (shown,) = [one[4] for one in EVENTS if one[:3] == head(event) and one[3] == event["context"]]
        found.append((event["customer"], event["product"], event["timestamp"], event["type"], *shown))
    return sorted(found, key=lambda row: row[:3])


def head(event: dict[str, Any]) -> tuple[str, ...]:
    return event["customer"], event["product"], event["type"]


@pytest.fixture
async def shop(make_place: Any, tmp_path: Path) -> AsyncIterator[Any]:
    """A place with a plan of two products, and events of a third."""
    (tmp_path / "plan.toml").write_text(PLAN)
    found = make_place(plan=str(tmp_path / "plan.toml"), plan_mode="open", usage_scope_max=3, codes_timeout_s=30)
    found.plan = LivePlan(tmp_path / "plan.toml", found.settings)
    codes = CodeLookup(found.plan, found.store, found.settings)
    found.desk = Reports(found.state, found.settings, found.clock, found.files, codes)
    found.state.users.add(ADMIN)
    found.state.users.add(user("A", "b,c"))
    found.load(events())
    yield found
    codes.close()


async def order(shop: Any, wanted: dict[str, Any], who: User = ADMIN, **output: Any) -> Any:
    return await shop.desk.start(who, json.dumps({"filter": wanted, "output": output}).encode())


async def refused(shop: Any, wanted: dict[str, Any], who: User = ADMIN, **output: Any) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        await order(shop, wanted, who, **output)
    return caught.value


async def file_of(shop: Any, wanted: dict[str, Any], who: User = ADMIN, **output: Any) -> tuple[Any, bytes]:
    """The ended report and its file."""
    job = await order(shop, wanted, who, **output)
    async with shop.running():
        ended = await shop.ended(job)
    assert ended.status is JobStatus.COMPLETE, ended.reason
    shop.user = who
    return ended, await shop.read(ended)


def read(data: bytes, file_format: str, path: Path) -> list[tuple[Any, ...]]:
    """The names of the columns, and the rows with times in ms."""
    path.write_bytes(data)
    match file_format:
        case "csv":
            first, *found = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=",", strict=True)
            return [tuple(first), *((*row[:2], int(row[2]), *row[3:]) for row in found)]
        case "jsonl":
            lines = [json.loads(line) for line in data.decode().removesuffix("\n").split("\n")]
            return [tuple(lines[0]), *(tuple(line.values()) for line in lines)]
        case "xlsx":
            return read_sheets(path)["Events"]
        case _:
            table = parquet.read_table(path) if file_format == "parquet" else pa.ipc.open_file(path).read_all()
            times = table.column(2).cast(pa.int64()).to_pylist()
            columns = [column.to_pylist() for column in table.columns]
            return [tuple(table.column_names), *zip(*columns[:2], times, *columns[3:], strict=True)]


@pytest.mark.parametrize("file_format", ["csv", "jsonl", "parquet", "arrow", "xlsx"])
async def test_each_row_says_whose_it_is_in_every_format(shop: Any, tmp_path: Path, file_format: str) -> None:
    output = {"header": True, "delimiter": ","} if file_format == "csv" else {}
    job, data = await file_of(shop, ALL, format=file_format, **output)
    expected = rows()
    if file_format == "csv":
        expected = [tuple("" if value is None else value for value in row) for row in expected]
    assert read(data, file_format, tmp_path / "file") == [HEAD, *expected]
    manifest = json.loads(job.manifest)
    assert manifest["filter"] == ALL
    assert [column["name"] for column in manifest["columns"]] == list(HEAD)
    assert manifest["columns"][4]["places"] == [
        {"position": 1, "product": "SHOP", "types": ["OPENED", "BOUGHT"]},
        {"position": 2, "product": "BLOG", "types": ["OPENED"]},
    ]
    assert manifest["columns"][8]["places"] == [{"position": 1}]
    assert manifest["rows"]["byCustomer"] == {
        "A": {"BLOG": 1, "OWN": 2, "SHOP": 3},
        "b,c": {"SHOP": 1},
        "d|=": {"BLOG": 1},
    }
    assert job.file == f"footfall-all-customers-all-products-2025-10-09-{job.id[:8]}.{file_format}"


async def test_codes_that_would_be_formulas_are_marked(shop: Any) -> None:
    shop.load([{"customer": "=A", "product": "@P", "context": []}])
    wanted = {"customers": ["=A", "A"], "product": "@P"}
    _, data = await file_of(shop, wanted, spreadsheetSafe=True, delimiter=";")
    assert data.decode() == f"'=A;'@P;{NOW_MS - DAY_MS};T\n"


def test_the_same_bytes_come_however_the_rows_are_read(place: Any) -> None:
    place.load(
        {"customer": f"C{at % 7}", "product": f"P{at % 3}", "type": "TU"[at % 2], "timestamp": at * 10**9 + at % 5}
        | {"sequence": 1, "context": [f"{at % 11}"] * (at % 4), "admitted": 1, "received": 1}
        for at in range(210)
    )
    wanted = {**ALL, "watermark": 1}
    for form in ({"format": "csv", "compression": "gzip"}, {"format": "parquet"}):
        found = set()
        for rows_max in (8, 60, 100_000):
            options = structs.replace(SMALL, span_rows_max=rows_max)
            done, path = make(place.settings, place.store, wanted, options, **form)
            path.unlink()
            assert done.rows == 210
            found.add(done.sha256)
        assert len(found) == 1


async def test_what_a_star_means_is_kept_and_is_seen_by_who_may_see_all_of_it(shop: Any) -> None:
    eve = user("b,c", "A")
    job, data = await file_of(shop, {"customers": ["*"], "product": "SHOP"}, eve, format="jsonl")
    assert job.filter == ReportFilter(customers=("A", "b,c"), product="SHOP")
    assert {json.loads(line)["customer"] for line in data.splitlines()} == {"A", "b,c"}
    # Another right changes no report, but one that is lost closes it.
    for customers, is_seen in ((("A", "b,c", "x"), True), (("A",), False)):
        now = structs.replace(eve, customers=customers)
        assert len((await shop.desk.list(now, {})).jobs) == is_seen
        if is_seen:
            assert (await shop.desk.find(now, f"JOB-{job.id}")).id == job.id
        else:
            with pytest.raises(RequestRefused) as caught:
                await shop.desk.find(now, f"JOB-{job.id}")
            assert caught.value.code is Code.EVENT_JOB_GET_FAILED_NO_JOB
    every = await order(shop, ALL)
    assert every.filter == ReportFilter(customers=("*",), products=("*",))
    no_more = structs.replace(ADMIN, admin=False, customers=("A", "b,c", "d|="))
    assert (await shop.desk.list(no_more, {})).jobs == []
    assert (await refused(shop, {"customers": ["A", "d|="], "products": ["*"]}, eve)).message == (
        "you may not see the customer 'd|='"
    )
    assert (await refused(shop, ALL, user())).code is Code.REQUEST_AUTHORIZATION_FAILURE


async def test_a_key_for_some_products_has_reports_of_these_alone(shop: Any) -> None:
    eve = user("A", "b,c")
    fields = structs.asdict(eve) | {"key": "k", "scopes": ("report",), "sees_all": False, "granted": ()}
    keyed = KeyedUser(**fields | {"customers": ("A",), "products": ("SHOP",), "is_narrowed": True})
    job = await order(shop, ALL, keyed)
    assert job.filter == ReportFilter(customers=("A",), products=("SHOP",))
    assert (await refused(shop, {"customer": "A", "products": ["SHOP", "BLOG"]}, keyed)).message == (
        "you may not see the product 'BLOG'"
    )
    wider = await order(shop, {"customer": "A", "products": ["*"]}, eve)
    assert [each.id for each in (await shop.desk.list(keyed, {})).jobs] == [job.id]
    assert {each.id for each in (await shop.desk.list(eve, {})).jobs} == {job.id, wider.id}


async def test_only_new_events_of_the_same_customers(shop: Any) -> None:
    eve = user("A", "b,c")
    first, _ = await file_of(shop, {"customers": ["*"], "products": ["*"]}, eve)
    shop.clock.ms += 10
    shop.load([{"customer": "A", "product": "SHOP", "type": "OPENED", "context": ["new"], "admitted": NOW_MS + 5}])
    since = {"since": f"JOB-{first.id}", "format": "jsonl"}
    _, data = await file_of(shop, {"customers": ["b,c", "A"], "products": ["*"]}, eve, **since)
    assert [json.loads(line)["userId"] for line in data.splitlines()] == ["new"]
    assert (await refused(shop, {"customers": ["A"], "products": ["*"]}, eve, **since)).problems[0].where == (
        "output.since"
    )
    granted = structs.replace(eve, customers=("A", "b,c", "d|="))
    assert (await refused(shop, ALL, granted, **since)).problems[0].where == "output.since"


@pytest.mark.parametrize(
    ("wanted", "texts"),
    [
        ({"types": ["BOU*"]}, ["ann"]),
        ({"types": ["OPENED", "NONE*"]}, ["bob"]),
        ({"where": ["userId:is:ann"]}, ["ann"]),
        ({"where": ["item:empty", "userId:not-empty"]}, ["bob"]),
        ({"versions": [""]}, ["ann", "bob", None]),
        ({"versions": ["1"]}, []),
    ],
)
async def test_one_product_by_prefixes_versions_and_conditions(shop: Any, wanted: Any, texts: Any) -> None:
    """The file has no other columns than that of all its events."""
    asked = {"customer": "A", "product": "SHOP"} | wanted
    job, data = await file_of(shop, asked, format="jsonl")
    found = [json.loads(line) for line in data.splitlines()]
    assert sorted((row["userId"] for row in found), key=str) == sorted(texts, key=str)
    assert all(list(row) == ["timestamp", "type", "userId", "product", "item"] for row in found)
    assert job.filter.customers is UNSET


@pytest.mark.parametrize(
    ("wanted", "where", "why"),
    [
        ({"customers": ["A"], "customer": "A", "product": "P"}, "filter.customers", "must not stand beside"),
        ({"customers": [], "product": "P"}, "filter.customers", "must be an array of codes"),
        ({"customers": ["A", ""], "product": "P"}, "filter.customers", "must be an array of codes"),
        ({"customers": "*", "product": "P"}, "filter.customers", "must be an array of strings"),
        ({"customers": [7, {}], "product": "P"}, "filter.customers[0]", "must be a string"),
        ({"customer": "A"}, "filter.product", "is missing"),
        ({"customer": "A", "products": list("ABCD")}, "filter.products", "must name 3 products at the most"),
        ({"customer": "A", "product": "SHOP", "where": ["page:is:x"]}, "filter.where", "page is not a context key of"),
        ({"customer": "A", "products": ["*"], "where": ["userId"]}, "filter.where", "must be KEY:is:VALUE"),
        ({"customer": "A", "product": "SHOP", "where": "userId:is:x"}, "filter.where", "must be an array"),
        ({"customer": "A", "product": "SHOP", "versions": [1]}, "filter.versions[0]", "must be a string"),
    ],
)
async def test_what_cannot_be_selected_is_told(shop: Any, wanted: Any, where: str, why: str) -> None:
    problem = (await refused(shop, wanted)).problems[0]
    assert (problem.where, problem.why[: len(why)]) == (where, why)


async def test_a_destination_takes_the_customers_that_a_star_means(shop: Any, tmp_path: Path) -> None:
    from footfall.settings.object_stores import Destination

    place = {"lake": Destination(url=(tmp_path / "lake").as_uri(), customers=("A", "b,c"))}
    settings = structs.replace(shop.settings, destinations=place)
    shop.desk = Reports(shop.state, settings, shop.clock, shop.files)
    to_lake = {"bucketName": "lake"}
    assert (await order(shop, {"customers": ["*"], "product": "SHOP"}, user("A", "b,c"), **to_lake)).destination
    for wanted, who in ((ALL, ADMIN), ({"customers": ["*"], "product": "P"}, user("A", "x"))):
        assert (await refused(shop, wanted, who, **to_lake)).problems[0].where == "output.bucketName"
    named = {"customers": ["A", "x"], "product": "P"}
    assert (await refused(shop, named, user("A", "x"), **to_lake)).problems[0].where == "output.bucketName"


async def test_more_context_keys_than_columns_are_refused_and_no_report(shop: Any, monkeypatch: Any) -> None:
    job = await order(shop, ALL)
    monkeypatch.setattr(layout, "SCOPE_FIELDS_MAX", 3)
    assert "have 4 context keys together" in (await refused(shop, ALL)).problems[0].why
    async with shop.running():
        ended = await shop.ended(job)
    assert (ended.status, ended.reason) == (
        JobStatus.FAILED,
        "its products have 6 context keys together, and a file has 3 at the most: name fewer products",
    )


async def test_a_report_by_a_key_that_the_plan_has_no_more_fails_and_has_no_other_events(shop: Any) -> None:
    job = await order(shop, {"customer": "A", "product": "SHOP", "where": ["item:not empty"]})
    shop.plan = LivePlan(None, shop.settings)
    async with shop.running():
        ended = await shop.ended(job)
    why = "no product of the report has the context key item in the tracking plan"
    assert (ended.status, ended.reason) == (JobStatus.FAILED, why)


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
async def test_a_large_report_is_estimated_by_a_sample_of_its_pairs(shop: Any, file_format: str) -> None:
    shop.load(
        {"customer": f"L{at % 3}", "product": ("SHOP", "OWN")[at % 2], "type": "OPENED", "timestamp": NOW_MS - at}
        | {"context": [f"somebody {at}"], "sequence": at + 1, "batch": "00000000-0000-0000-0000-000000000001"}
        for at in range(3_000)
    )
    output = {"format": file_format}
    wanted = {"customers": ["L0", "L1", "L2"], "products": ["*"], "where": []}
    body = json.dumps({"filter": wanted, "output": output}).encode()
    bounds = EstimateBounds(whole_rows_max=100, piece_rows=200)
    estimates = Estimates(shop.desk, shop.state, shop.store, shop.plan, shop.settings, bounds)
    found = await estimates.estimate(ADMIN, body)
    estimates.close()
    job, _ = await file_of(shop, wanted, **output)
    assert (found.rows, job.rows) == (3_000, 3_000)
    assert 0.5 < found.bytes / job.bytes < 2


async def test_a_report_of_nobody_has_its_columns(shop: Any, tmp_path: Path) -> None:
    job, data = await file_of(shop, {"customers": ["NOBODY"], "products": ["SHOP", "BLOG", "NONE"]}, format="arrow")
    assert read(data, "arrow", tmp_path / "file") == [HEAD[:8]]
    manifest = json.loads(job.manifest)
    assert manifest["rows"] == {"total": 0, "byType": {}, "byCustomer": {}}
    assert manifest["warnings"] == ["unknown product NONE"]
