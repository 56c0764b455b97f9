"""The pages of the calls about saved views and shared links."""

from collections.abc import Mapping
from typing import Any, Final

from footfall.views import ShareRequest, ViewRequest
from footfall.web.openapi.texts import EXAMPLE_VIEW_NAME, Documentation

VIEW_ID: Final = "c1b7a1f2-55b1-4d7f-9d0c-0a4f5f1b2e33"
SHARE_ID: Final = "5d0d2b9e-0f3c-4f0e-8a55-6f9f0b7c1d44"
LINK_TOKEN: Final = "q3Zk0dXb7m2uXyqf8Fv1w9s4Tn6eRbHcJkLmNpQrStU"  # noqa: S105 - an example, which opens nothing
_PARAMETERS: Final = {"customer": ["BARCHART"], "product": ["PORTFOLIO"], "by": ["type"]}
_VIEW: Final[dict[str, Any]] = {
    "id": VIEW_ID,
    "name": EXAMPLE_VIEW_NAME,
    "user": "anna",
    "call": "counts",
    "parameters": _PARAMETERS,
    "chart": "line",
    "own": True,
    "created": 1571073977278,
    "changed": 1571073977278,
}
_SHARE: Final[dict[str, Any]] = {
    "id": SHARE_ID,
    "title": EXAMPLE_VIEW_NAME,
    "user": "anna",
    "call": "counts",
    "parameters": _PARAMETERS,
    "chart": "line",
    "origins": [],
    "created": 1571073977278,
    "expires": 1573665977278,
}

VIEW_PAGES: Final[Mapping[tuple[str, str], Documentation]] = {
    ("POST", "/views"): Documentation(
        "Saves a statistic with its parameters under a name, over the user's view of that name. The calls under "
        "`/usage/` take their parameters from it when they name it as `view`.",
        request=ViewRequest,
        request_example={
            "name": EXAMPLE_VIEW_NAME,
            "call": "counts",
            "parameters": {"customer": "BARCHART", "product": "PORTFOLIO", "by": "type"},
            "chart": "line",
        },
        answer_example=_VIEW,
    ),
    ("GET", "/views"): Documentation(
        "The user's views, and those that others saved for all of a customer whom the user may see, by name.",
        answer_example=[_VIEW],
    ),
    ("GET", "/views/{view}"): Documentation("A view, by its id or its name.", answer_example=_VIEW),
    ("DELETE", "/views/{view}"): Documentation(
        "Removes a view of the user's, and answers with what it was; an admin removes anyone's. Links that were made "
        "of it stay.",
        answer_example=_VIEW,
    ),
    ("POST", "/shares"): Documentation(
        "Makes a link that shows a view, or a statistic with its parameters, without a sign-in, where the setting "
        "`shares_allowed` says so. What it shows is counted anew, with the rights that the user has then, unless the "
        "parameters have an `asOf`. The answer alone has the link's `url`: the service keeps nothing but a hash of it.",
        request=ShareRequest,
        request_example={
            "call": "counts",
            "parameters": {"customer": "BARCHART", "product": "PORTFOLIO", "by": "type"},
            "title": EXAMPLE_VIEW_NAME,
            "days": 30,
        },
        answer_example={**_SHARE, "url": f"https://events.example.com/shared/{LINK_TOKEN}"},
    ),
    ("GET", "/shares"): Documentation(
        "The user's links that have not expired, the newest first; an admin gets everyone's.",
        answer_example=[_SHARE],
    ),
    ("DELETE", "/shares/{share}"): Documentation(
        "Revokes a link of the user's, which ends at once; an admin revokes anyone's.",
        answer_example=_SHARE,
    ),
    ("GET", "/shared/{link}/{file}"): Documentation(
        "What a link shows: `data.json`, `data.csv`, `chart.vl.json` (Vega-Lite), `chart.svg` or `chart.png`. It is "
        "counted anew after a minute.",
        answer=bytes,
        answer_example="",
        answer_also=("text/csv", "application/vnd.vegalite.v5+json", "image/svg+xml", "image/png"),
    ),
}
