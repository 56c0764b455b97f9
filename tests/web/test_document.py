"""The OpenAPI document: valid, whole, and true."""

import json
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from footfall import errors
from footfall.errors import Code
from footfall.web import ROUTES
from footfall.web.openapi.document import make_document
from footfall.web.openapi.texts import ADVICE
from footfall.wire import Service

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT = make_document(ROUTES, Service("1.2.3", "footfall", "Usage", "test"))
OPERATIONS = [
    (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


async def test_the_served_document_is_valid_and_names_the_server(service):
    async with service(public_url="https://usage.example/x") as opened:
        answer = await opened.client.get("/openapi.json")
        assert answer.status_code == 200
        assert answer.headers.get_list("content-type") == ["application/json"]
        document = answer.json()
        validate(document)
        assert document["openapi"] == "3.1.0"
        assert document["servers"] == [{"url": "https://usage.example/x"}]


def test_every_public_route_is_in_it_and_nothing_else():
    expected = [(route.method, route.path) for route in ROUTES if route.public]
    assert [(method, path) for method, path, _ in OPERATIONS] == expected
    assert {route.path for route in ROUTES if not route.public} == {
        *("/", "/docs", "/openapi.json", "/footfall.js"),
        *("/docs/guides", "/docs/guides/{part}", "/docs/guides/{part}/{name}"),
    }


def test_every_call_says_whether_it_needs_a_user():
    signed_in = {route.path for route in ROUTES if route.signed_in}
    assert {path for _, path, operation in OPERATIONS if operation["security"]} == signed_in
    assert all(operation["security"] in ([], [{"Basic": []}, {"Bearer": []}]) for _, _, operation in OPERATIONS)
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert {name: scheme["scheme"] for name, scheme in schemes.items()} == {"Basic": "basic", "Bearer": "bearer"}


def test_operation_ids_are_unique():
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.public], ids=lambda route: route.summary)
def test_every_error_of_a_call_has_its_status_and_an_example(route):
    responses = DOCUMENT["paths"][route.path][route.method.lower()]["responses"]
    for code in route.codes:
        content = responses[str(errors.STATUS[code])]["content"]["application/json"]
        example = content["examples"][code]["value"]
        if code is Code.REQUEST_UNAUTHORIZED:
            assert example == {"message": "Unauthorized"}
        else:
            assert example[0]["value"]["code"] == code
    assert {"200", "500"} <= set(responses)
    assert ("401" in responses) is route.signed_in


def test_examples_are_of_their_schemas():
    checked = 0
    for _, _, operation in OPERATIONS:
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        for body in [*bodies, *operation["responses"].values()]:
            for content in body.get("content", {}).values():
                validator = Draft202012Validator({**content["schema"], "components": DOCUMENT["components"]})
                examples = [item["value"] for item in content.get("examples", {}).values()]
                for example in [*examples, *([content["example"]] if "example" in content else [])]:
                    validator.validate(example)
                    checked += 1
    assert checked > 40


async def test_real_answers_are_of_their_schemas(service):
    def check(answer, path, method="get"):
        schema = DOCUMENT["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
        Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(answer.json())

    async with service() as opened:
        job = await opened.complete(types=["A"], start=1, end=2)
        wanted = {"filter": {"customer": "BARCHART", "product": "P"}, "output": {"delimiter": ","}}
        check(await opened.anna.post("/reports", json=wanted), "/reports", "post")
        check(await opened.anna.get(f"/reports/JOB-{job.id}/availability"), "/reports/{source}/availability")
        check(await opened.anna.get(f"/reports/JOB-{job.id}"), "/reports/{source}")
        for path in ("/service/version", "/system/version", "/service/authenticate", "/healthz"):
            check(await opened.anna.get(path), path)


async def test_a_real_error_is_of_its_schema_and_its_children_say_where(service):
    schema = DOCUMENT["paths"]["/reports"]["post"]["responses"]["400"]["content"]["application/json"]["schema"]
    async with service() as opened:
        answer = await opened.anna.post("/reports", json={"filter": {"customer": 7}})
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(answer.json())
    where = [child["value"]["data"]["path"] for child in answer.json()[0]["children"]]
    assert where == ["filter.customer", "filter.product"]
    assert set(DOCUMENT["components"]["schemas"]["ErrorPlace"]["properties"]) == {"path", "index"}


async def test_every_option_of_a_report_is_described(service):
    schemas = DOCUMENT["components"]["schemas"]
    wanted = {
        "filter": {"customer": "BARCHART", "product": "P", "types": ["A"], "start": 1, "end": "2", "basis": "received"}
        | {"timezone": "UTC"},
        "duplicates": "drop",
        "output": {
            "format": "csv",
            "compression": "zstd",
            "delimiter": ",",
            "header": True,
            "times": "rfc3339",
            "spreadsheetSafe": True,
            "bucketName": "lake",
            "bucketKey": "a/b.csv",
            "asOf": 3,
            "since": "JOB-0527e342-c92c-45ec-a3cf-fd93f87cb068",
        },
    }
    assert set(schemas["ReportRequest"]["properties"]) == {*wanted, "view"}
    several = {"customers": ["BARCHART"], "products": ["P", "Q"], "versions": ["1"], "where": ["context1:is:a"]}
    assert set(schemas["ReportRequestFilter"]["properties"]) == {*wanted["filter"], *several}
    assert set(schemas["ReportRequestOutput"]["properties"]) == set(wanted["output"])
    # A schedule sees to these itself.
    assert set(schemas["ScheduleOutput"]["properties"]) == set(wanted["output"]) - {"asOf", "since"}
    pages = [(DOCS / name).read_text(encoding="utf-8") for name in ("http-api.md", "reports.md")]
    missing = [
        f"{part}.{key}"
        for part in ("filter", "output")
        for key in wanted[part]
        for page in pages
        if f"`{part}.{key}`" not in page
    ]
    assert not missing
    async with service() as opened:
        answer = await opened.anna.post("/reports", json=wanted)
        # All is read; only these two are about what is there.
        wrong = [child["value"]["message"].partition(":")[0] for child in answer.json()[0]["children"]]
        assert wrong == ["output.bucketName"]
        wanted["output"] |= {"bucketName": None, "bucketKey": None}
        answer = await opened.anna.post("/reports", json=wanted)
        assert [child["value"]["message"] for child in answer.json()[0]["children"]] == [
            "output.since: names no report of yours"
        ]
        wanted["output"] |= {"since": None}
        assert (await opened.anna.post("/reports", json=wanted)).json()["output"] == {"delimiter": ","}


def test_the_reference_s_examples_are_shown():
    events = DOCUMENT["paths"]["/events"]["post"]
    example = events["requestBody"]["content"]["application/json"]["example"]
    assert json.dumps(example) == (
        '{"events": [{"customer": "BARCHART", "product": "PORTFOLIO", "type": "PORTFOLIO-APPLICATION-LOADED", '
        '"timestamp": 1568381886060, "context": ["string"]}]}'
    )
    answer = events["responses"]["200"]["content"]["application/json"]["example"]
    assert list(answer[0]) == ["customer", "product", "type", "timestamp", "context", "sequence", "batch"]


def test_every_code_has_advice():
    assert set(ADVICE) == set(Code)


def test_the_document_is_plain_json():
    assert msgspec.json.decode(msgspec.json.encode(DOCUMENT)) == DOCUMENT


@pytest.mark.parametrize(
    ("path", "body", "is_valid"),
    [
        ("/reports", {"filter": {"customer": "C", "product": "P"}, "output": None}, True),
        ("/reports", {"filter": {"customer": "C", "product": "P", "start": None, "types": None}}, True),
        ("/reports", {"filter": {"customer": "C", "product": "P", "type": ["A"]}}, True),
        ("/reports", {"filter": {"customer": "C", "product": "P"}, "output": {"header": None}}, True),
        ("/reports", {"filter": {"customer": "C", "product": "P"}, "duplicates": None}, True),
        ("/reports", {"filter": {"customer": "C", "product": "P"}, "duplicates": "x"}, False),
        ("/reports", {"filter": {"customer": None, "product": "P"}}, False),
        ("/schedules", {"every": "day", "filter": {"customer": "C", "product": "P"}, "name": None}, True),
        ("/reports", {"filter": {"customer": "", "product": "P"}}, False),
        ("/reports", {"filter": {"customer": "C", "customers": None, "product": "P"}}, True),
        ("/reports", {"filter": {"customers": ["C"], "products": ["*"], "where": ["a:is:b"]}}, True),
        ("/reports", {"filter": {"customer": "C", "customers": ["C"], "product": "P"}}, False),
        ("/reports", {"filter": {"customers": [], "product": "P"}}, False),
        ("/reports", {"filter": {"customers": ["C"]}}, False),
        ("/schedules", {"every": "day", "filter": {"customer": "C", "products": ["P", "Q"]}}, True),
        ("/schedules", {"every": "day", "filter": {"products": ["P"]}}, False),
        ("/reports/estimate", {"filter": {"customer": "C", "product": "P"}, "output": None}, True),
        ("/reports/estimate", {"filter": {"customer": "C", "product": "P", "type": ["A"]}}, False),
        ("/schedules", {"every": "day", "filter": {"customer": "C", "product": "P"}, "output": {"headers": 1}}, False),
        ("/schedules", {"every": "day", "filter": {"customer": "C", "product": "P"}, "output": None}, True),
        ("/schedules", {"every": "day", "filter": {"customer": "C", "product": "P", "basis": "received"}}, True),
        ("/schedules", {"every": "day", "filter": {"customer": "C", "product": "P"}, "correctionDays": 367}, False),
        ("/reports", {"filter": {"customer": "C", "product": "P", "start": 2**53}}, False),
        ("/reports", {"filter": {"customer": "C", "product": "P"}, "output": {"delimiter": '"'}}, False),
    ],
)
def test_a_body_is_what_the_document_says(path, body, is_valid):
    schema = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator(schema | {"components": DOCUMENT["components"]})
    assert validator.is_valid(body) is is_valid


@pytest.mark.parametrize(
    ("path", "name", "good", "bad"),
    [
        ("/events/{batch}", "batch", "e2d04b89-972d-4a0a-b0ee-427bef63a8d0", 1),
        ("/reports", "limit", 1, 0),
        ("/reports", "before", "1795459890825-c503484a", "x"),
        ("/quarantine", "state", "held", "gone"),
        ("/usage/counts", "start", 1568381886060, "x"),
        ("/usage/counts", "interval", "hour", "year"),
        ("/usage/counts", "customer", ["C"], [""]),
    ],
)
def test_a_parameter_is_what_the_document_says(path, name, good, bad):
    (schema,) = [each["schema"] for each in DOCUMENT["paths"][path]["get"]["parameters"] if each["name"] == name]
    assert Draft202012Validator(schema).is_valid(good)
    assert not Draft202012Validator(schema).is_valid(bad)
