"""The numbers behind the demo's traffic: when people come, what they do next, and what their settings are.

Weights are relative to the others of their table; an empty type is the end of a session.
"""

from typing import Final

from footfall.demo.draws import Weights, weights

# Visits by the hour of the customer's clock: the working day with its lunch, and some evening.
_HOURS: Final = (1, 1, 0, 0, 1, 2, 6, 15, 32, 46, 44, 36, 26, 34, 42, 44, 34, 20, 12, 12, 14, 13, 8, 3)
_HOURS_OF_WEEKENDS: Final = (2, 1, 1, 0, 0, 1, 2, 5, 10, 17, 22, 22, 18, 17, 18, 18, 17, 16, 16, 18, 20, 17, 11, 5)

# Days between two releases of a product.
RELEASE_DAYS: Final = {"WATCHLIST": 14, "PORTFOLIO": 21, "ALERT": 35}

# The first session: each step, and the share of those at the step before who reach it.
WAYS_IN: Final[dict[str, tuple[tuple[str, float], ...]]] = {
    "WATCHLIST": (
        ("WATCHLIST-APPLICATION-LOADED", 1.0),
        ("WATCHLIST-CREATED", 0.78),
        ("WATCHLIST-SYMBOL-ADDED", 0.84),
        ("WATCHLIST-VIEW-CHANGED", 0.58),
        ("WATCHLIST-DOWNLOADED", 0.36),
    ),
    "PORTFOLIO": (
        ("PORTFOLIO-APPLICATION-LOADED", 1.0),
        ("PORTFOLIO-CREATED", 0.71),
        ("PORTFOLIO-POSITION-CREATED", 0.76),
        ("PORTFOLIO-TRANSACTION-CREATED", 0.66),
        ("PORTFOLIO-BROKERAGE-REPORT-DOWNLOADED", 0.42),
    ),
}

# What follows where _NEXT has no table of its own.
_HUBS: Final[dict[str, dict[str, float]]] = {
    "WATCHLIST": {
        "": 17,
        "WATCHLIST-ACCESSED": 22,
        "WATCHLIST-SYMBOL-ADDED": 14,
        "WATCHLIST-VIEW-CHANGED": 11,
        "WATCHLIST-SCREEN-INVOKED-SYMBOL-NOTES": 9,
        "WATCHLIST-ASSET-CLASS-FILTER-ACTIVATED": 7,
        "WATCHLIST-SYMBOL-REMOVED": 6,
        "WATCHLIST-VIEW-TYPE-CHANGED": 5,
        "WATCHLIST-SCREEN-INVOKED-PORTFOLIO-ADD": 3,
        "WATCHLIST-SCREEN-INVOKED-EDIT": 3,
        "WATCHLIST-DATA-MODE-CHANGED": 2,
        "WATCHLIST-DOWNLOADED": 2,
        "WATCHLIST-CREATED": 2,
        "WATCHLIST-CUSTOM-VIEW-CREATED": 1,
        "WATCHLIST-PRINTED": 0.7,
        "WATCHLIST-DELETED": 0.6,
        "WATCHLIST-CUSTOM-VIEW-DELETED": 0.3,
    },
    "PORTFOLIO": {
        "": 16,
        "PORTFOLIO-ACCESSED": 22,
        "PORTFOLIO-VALUE-GRAPH-OPENED": 13,
        "PORTFOLIO-SCREEN-INVOKED-TRANSACTIONS-ALL": 10,
        "PORTFOLIO-SCREEN-INVOKED-TRANSACTIONS-SINGLE": 8,
        "PORTFOLIO-POSITION-CREATED": 6,
        "PORTFOLIO-TRANSACTION-CREATED": 6,
        "PORTFOLIO-VIEW-TYPE-CHANGED": 5,
        "PORTFOLIO-CLOSED-POSITIONS-CHANGED": 3,
        "PORTFOLIO-SCREEN-INVOKED-EDIT-PORTFOLIO": 3,
        "PORTFOLIO-BROKERAGE-REPORT-DOWNLOADED": 2,
        "PORTFOLIO-WEALTHSCOPE-REPORT-VIEWED": 2,
        "PORTFOLIO-SCREEN-INVOKED-WATCHLIST-ADD": 2,
        "PORTFOLIO-POSITION-DELETED": 1.5,
        "PORTFOLIO-DOWNLOADED": 1.2,
        "PORTFOLIO-DIVIDEND-STRATEGY-CHANGED": 0.8,
        "PORTFOLIO-CREATED": 0.8,
        "PORTFOLIO-CUSTOM-VIEW-CREATED": 0.6,
        "PORTFOLIO-CASH-ADJUSTMENT-STRATEGY-CHANGED": 0.5,
        "PORTFOLIO-DELETED": 0.3,
        "PORTFOLIO-CUSTOM-VIEW-DELETED": 0.2,
    },
    "ALERT": {
        "": 30,
        "ALERT-CREATED": 22,
        "ALERT-STARTED": 14,
        "ALERT-STOPPED": 12,
        "ALERT-NOTES-EDITED": 8,
        "ALERT-DELETED": 6,
        "ALERT-STARTED-ALL": 2,
        "ALERT-STOPPED-ALL": 2,
        "ALERT-DELETED-ALL": 0.5,
    },
}

# What follows one type in another way than the hub of its product has it.
_NEXT: Final[dict[str, dict[str, float]]] = {
    "WATCHLIST-APPLICATION-LOADED": {"": 9, "WATCHLIST-ACCESSED": 84, "WATCHLIST-VIEW-CHANGED": 7},
    "WATCHLIST-CREATED": {"": 10, "WATCHLIST-SYMBOL-ADDED": 82, "WATCHLIST-ACCESSED": 8},
    "WATCHLIST-SYMBOL-ADDED": {
        "": 12,
        "WATCHLIST-SYMBOL-ADDED": 48,
        "WATCHLIST-ACCESSED": 30,
        "WATCHLIST-VIEW-CHANGED": 10,
    },
    "WATCHLIST-ASSET-CLASS-FILTER-ACTIVATED": {
        "": 12,
        "WATCHLIST-ASSET-CLASS-FILTER-DEACTIVATED": 44,
        "WATCHLIST-ACCESSED": 44,
    },
    "PORTFOLIO-APPLICATION-LOADED": {"": 8, "PORTFOLIO-ACCESSED": 88, "PORTFOLIO-VALUE-GRAPH-OPENED": 4},
    "PORTFOLIO-CREATED": {"": 14, "PORTFOLIO-POSITION-CREATED": 76, "PORTFOLIO-ACCESSED": 10},
    "PORTFOLIO-POSITION-CREATED": {"": 10, "PORTFOLIO-TRANSACTION-CREATED": 62, "PORTFOLIO-ACCESSED": 28},
    "PORTFOLIO-VALUE-GRAPH-OPENED": {
        "": 14,
        "PORTFOLIO-VALUE-GRAPH-DURATION-CHANGED": 52,
        "PORTFOLIO-ACCESSED": 34,
    },
    "PORTFOLIO-SCREEN-INVOKED-TRANSACTIONS-SINGLE": {
        "": 12,
        "PORTFOLIO-SCREEN-INVOKED-EDIT-TRANSACTION": 26,
        "PORTFOLIO-ACCESSED": 62,
    },
    "PORTFOLIO-SCREEN-INVOKED-EDIT-TRANSACTION": {
        "": 10,
        "PORTFOLIO-TRANSACTION-EDITED": 72,
        "PORTFOLIO-TRANSACTION-DELETED": 12,
        "PORTFOLIO-ACCESSED": 6,
    },
}

# An adviser's way to a contract: the step, the share of those before, and the mean of the days until then.
MARKETPLACE: Final[tuple[tuple[str, float, float], ...]] = (
    ("CUSTOMER-CREATED", 1.0, 0.02),
    ("ACCOUNT-LINKED", 0.74, 0.2),
    ("CUSTOMER-OFFER-ACCESS-APPROVED", 0.78, 0.8),
    ("OFFER-CREATED", 0.7, 1.0),
    ("CONTRACT-SIGNED", 0.55, 2.0),
)

_SYMBOLS: Final = {
    "NVDA": 30, "AAPL": 26, "TSLA": 22, "MSFT": 20, "AMZN": 16, "GOOGL": 12, "META": 11, "AMD": 9, "RY.TO": 8,
    "SHOP.TO": 7, "ENB.TO": 5, "NFLX": 5, "TD.TO": 5, "JPM": 4, "COST": 3, "KO": 3, "DIS": 2, "BNS.TO": 2, "INTC": 2,
    "PFE": 1.5, "F": 1.5, "CNQ.TO": 1, "XOM": 1, "WMT": 1,
}  # fmt: skip

_OPERATIONS: Final = {"portfolio.export": 5, "watchlist.share": 3, "alert.create": 2, "quotes.realtime": 6}

# The values of keys that are settings.
_SETTINGS: Final[dict[str, dict[str, float]]] = {
    "frame": {"month": 5, "quarter": 3, "year": 2},
    "viewName": {"main": 8, "performance": 5, "fundamentals": 3, "technical": 3, "dividends": 1, "my view": 1},
    "viewType": {"table": 6, "chart": 3, "heatmap": 1},
    "dataMode": {"real-time": 3, "delayed": 1},
    "classFilter": {"stocks": 6, "funds": 4, "futures": 2, "currencies": 2, "crypto": 2},
    "showClosedPositions": {"true": 2, "false": 1},
    "dividendStrategy": {"cash": 2, "reinvest": 3},
    "cashAdjustmentStrategy": {"automatic": 3, "manual": 1},
    "duration": {"1 day": 3, "1 month": 4, "6 months": 2, "1 year": 4, "5 years": 1},
}


def _hours(of_day: tuple[int, ...]) -> Weights:
    return weights({str(hour): weight for hour, weight in enumerate(of_day)})


def _all(tables: dict[str, dict[str, float]]) -> dict[str, Weights]:
    return {name: weights(table) for name, table in tables.items()}


HOURS: Final = _hours(_HOURS)
HOURS_OF_WEEKENDS: Final = _hours(_HOURS_OF_WEEKENDS)
HUBS: Final = _all(_HUBS)
NEXT: Final = _all(_NEXT)
SETTINGS: Final = _all(_SETTINGS)
SYMBOLS: Final = weights(_SYMBOLS)
OPERATIONS: Final = weights(_OPERATIONS)
