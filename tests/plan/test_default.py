"""The packaged plan is the table that existing clients were written against, and is shipped in the wheel."""

import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from footfall.plan import Column, Rule, Source, load_plan

TABLE = [
    ("PORTFOLIO", "userId", "PORTFOLIO-APPLICATION-LOADED"),
    (
        "PORTFOLIO",
        "userId, portfolioId",
        (
            "PORTFOLIO-ACCESSED, -CREATED, -DOWNLOADED, -DELETED, -SCREEN-INVOKED-TRANSACTIONS-ALL, "
            "-SCREEN-INVOKED-EDIT-PORTFOLIO, -WEALTHSCOPE-REPORT-VIEWED, -VALUE-GRAPH-OPENED"
        ),
    ),
    (
        "PORTFOLIO",
        "userId, portfolioId, positionId, symbol?",
        (
            "PORTFOLIO-TRANSACTION-CREATED, -TRANSACTION-EDITED, -TRANSACTION-DELETED, -POSITION-CREATED, "
            "-POSITION-DELETED, -SCREEN-INVOKED-TRANSACTIONS-SINGLE, -SCREEN-INVOKED-EDIT-TRANSACTION, "
            "-SCREEN-INVOKED-WATCHLIST-ADD"
        ),
    ),
    ("PORTFOLIO", "userId, portfolioId, frame", "PORTFOLIO-BROKERAGE-REPORT-DOWNLOADED"),
    ("PORTFOLIO", "userId, viewName", "PORTFOLIO-CUSTOM-VIEW-CREATED, -CUSTOM-VIEW-DELETED"),
    ("PORTFOLIO", "userId, portfolioId, viewName", "PORTFOLIO-VIEW-TYPE-CHANGED"),
    ("PORTFOLIO", "userId, portfolioId, showClosedPositions", "PORTFOLIO-CLOSED-POSITIONS-CHANGED"),
    ("PORTFOLIO", "userId, portfolioId, dividendStrategy", "PORTFOLIO-DIVIDEND-STRATEGY-CHANGED"),
    ("PORTFOLIO", "userId, portfolioId, cashAdjustmentStrategy", "PORTFOLIO-CASH-ADJUSTMENT-STRATEGY-CHANGED"),
    ("PORTFOLIO", "userId, portfolioId, duration", "PORTFOLIO-VALUE-GRAPH-DURATION-CHANGED"),
    ("WATCHLIST", "userId", "WATCHLIST-APPLICATION-LOADED"),
    (
        "WATCHLIST",
        "userId, watchlistId",
        "WATCHLIST-ACCESSED, -CREATED, -DOWNLOADED, -PRINTED, -DELETED, -SCREEN-INVOKED-EDIT",
    ),
    (
        "WATCHLIST",
        "userId, watchlistId, symbol",
        "WATCHLIST-SYMBOL-ADDED, -SYMBOL-REMOVED, -SCREEN-INVOKED-PORTFOLIO-ADD, -SCREEN-INVOKED-SYMBOL-NOTES",
    ),
    ("WATCHLIST", "userId, viewName", "WATCHLIST-CUSTOM-VIEW-CREATED, -CUSTOM-VIEW-DELETED"),
    ("WATCHLIST", "userId, watchlistId, viewType", "WATCHLIST-VIEW-TYPE-CHANGED"),
    ("WATCHLIST", "userId, watchlistId, viewName", "WATCHLIST-VIEW-CHANGED"),
    ("WATCHLIST", "userId, watchlistId, dataMode", "WATCHLIST-DATA-MODE-CHANGED"),
    (
        "WATCHLIST",
        "userId, classFilter",
        "WATCHLIST-ASSET-CLASS-FILTER-ACTIVATED, -ASSET-CLASS-FILTER-DEACTIVATED",
    ),
    ("ALERT", "userId", "ALERT-APPLICATION-LOADED, -STARTED-ALL, -STOPPED-ALL, -DELETED-ALL"),
    ("ALERT", "userId, alertId, symbol?", "ALERT-CREATED, -STARTED, -STOPPED, -NOTES-EDITED, -DELETED"),
    ("ENTITLEMENTS", "userId, operation", "ENTITLEMENTS_AUTHORIZATION_FAILED"),
    (
        "MARKETPLACE",
        "userId, userType, companyId, companyName, entityId",
        "CUSTOMER-CREATED, ACCOUNT-LINKED, CUSTOMER-OFFER-ACCESS-APPROVED, OFFER-CREATED, CONTRACT-SIGNED",
    ),
]

COLUMNS = {
    "WATCHLIST": "userId, watchlistId, symbol, viewName, viewType, dataMode, classFilter",
    "PORTFOLIO": "userId, portfolioId, positionId, frame, viewName, showClosedPositions, dividendStrategy, "
    "cashAdjustmentStrategy, symbol, duration",
    "ENTITLEMENTS": "userId, operation",
    "ALERT": "userId, alertId, symbol",
    "MARKETPLACE": "userId, userType, companyId, companyName, entityId",
}


def test_default_plan_is_the_table_of_the_wire_contract():
    expected = {
        (product, product + name if name.startswith("-") else name): keys
        for product, keys, names in TABLE
        for name in names.split(", ")
    }
    plan = load_plan(None)
    assert {(kind.product, kind.name): ", ".join(map(str, kind.keys)) for kind in plan.types} == expected
    assert len(plan.types) == 58
    assert plan.customers == ("BARCHART", "TGAM")
    assert plan.rules == (
        Rule(customers=("TGAM",), products=("ALERT", "WATCHLIST"), non_empty=True),
        Rule(customers=("TGAM",), products=("ALERT", "WATCHLIST"), keys=("alertId", "watchlistId"), uuid=True),
    )


@pytest.mark.parametrize("product", COLUMNS)
def test_report_columns_stand_in_the_order_of_the_wire_contract(product):
    columns = load_plan(None).columns(product)
    assert ", ".join(column.name for column in columns) == COLUMNS[product]
    assert all(column.sources for column in columns)


def test_column_says_where_in_the_context_each_type_has_it():
    columns = {column.name: column for column in load_plan(None).columns("PORTFOLIO")}
    assert columns["viewName"] == Column(
        "viewName",
        (
            Source(2, ("PORTFOLIO-CUSTOM-VIEW-CREATED", "PORTFOLIO-CUSTOM-VIEW-DELETED")),
            Source(3, ("PORTFOLIO-VIEW-TYPE-CHANGED",)),
        ),
    )
    (source,) = columns["userId"].sources
    assert source.position == 1
    assert len(source.types) == 25


def test_sources_of_a_product_give_back_every_context():
    plan = load_plan(None)
    for product in plan.products:
        contexts: dict[str, dict[int, str]] = {}
        for column in plan.columns(product.name):
            for source in column.sources:
                for name in source.types:
                    contexts.setdefault(name, {})[source.position] = column.name
        assert contexts == {
            kind.name: {position: key.name for position, key in enumerate(kind.keys, start=1)} for kind in product.types
        }


def test_unknown_product_has_no_columns():
    assert load_plan(None).columns("GIT") is None


def test_wheel_carries_the_default_plan(tmp_path):
    root = Path(__file__).parents[2]
    (wheel,) = WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"])
    packaged = root / "src/footfall/plan/default.toml"
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("footfall/plan/default.toml") == packaged.read_bytes()
