"""The OpenAPI 3.1 document, made from the table of routes, the structs of requests and answers, and the manual."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, get_args, get_type_hints

import msgspec

from footfall import errors
from footfall.errors import Code, Problem, RequestRefused
from footfall.plan import Checker, LivePlan
from footfall.settings import Settings
from footfall.web.openapi.examples import PACKAGED, Examples, make_examples
from footfall.web.openapi.manual import PAGES, PATH_PARAMETERS, QUERY_EXAMPLES
from footfall.web.openapi.texts import ADVICE, PARAMETER_SCHEMAS, Documentation
from footfall.web.openapi.usage_parameters import USAGE_SCHEMAS
from footfall.web.route import Route
from footfall.web.routes import ROUTES
from footfall.wire import ErrorNode, Service, Unauthorized

Json = dict[str, Any]

_REFERENCE: Final = "#/components/schemas/{name}"
# Examples of the children of an error: the place in the request, and what is wrong with it.
_PROBLEMS: Final[Mapping[Code, tuple[str, str]]] = {
    Code.REQUEST_INPUT_MALFORMED: ("events[3].timestamp", "must be an integral number of milliseconds"),
    Code.REQUEST_PARAMETER_MALFORMED: ("filter.start", "must be milliseconds since the Unix epoch"),
    Code.EVENT_NOT_IN_PLAN: ("events[3].type", "PORTFOLIO-OPENED is not in the tracking plan for product PORTFOLIO"),
}
_DESCRIPTIONS: Final = {
    "ErrorNode": "One thing that is wrong, and what is wrong with its parts.",
    "ErrorValue": "An error's code, for programs, and its message, for people. A child has `data`, for programs.",
    "ErrorPlace": (
        "Where in the request a problem is, such as `events[3].context[1]`. `index` is the event's place in `events`, "
        "counted from 0; it is left out where the problem is not about an event."
    ),
    "ReportStatus": "How far a report is. Keys that have no value are left out.",
    "ListedReport": "A report's status, and what else the list says of it. Keys that have no value are left out.",
    "ReportFilter": "What the report selects; `start` and `end` are in milliseconds since 1970, both inclusive. It has "
    "`customer` or `customers`, and `product` or `products`; `*` among the customers stays where an admin meant all.",
    "ReportTiming": "When the report was started and when it ended, in milliseconds since 1970; `day` is in UTC.",
    "ReportOutput": "What the request said about the output.",
    "ReportLink": "A link that works without a password for 15 minutes.",
    "Held": "An event that broke the plan, as it came. Keys that have no value are left out.",
    "Page": "Some events, the newest first; `next` is missing on the last page.",
    "Broken": "So many events of a type break the plan in the same way, such as `example`.",
}
# Schemas of bodies in which a key with null counts as left out.
_NULLS_LEFT_OUT: Final = {
    *("ReportRequest", "ReportRequestFilter", "ReportRequestOutput"),
    *("EstimateRequest", "EstimateFilter", "EstimateOutput"),
    *("ScheduleRequest", "ScheduleFilter", "ScheduleOutput"),
    *("ViewRequest", "ShareRequest"),
}
_SECURITY: Final = {
    "Basic": {"type": "http", "scheme": "basic", "description": "User name and password, or a key as the password."},
    "Bearer": {"type": "http", "scheme": "bearer", "description": "A key."},
}
# Schemas of filters, which have exactly one of each two keys.
_FILTERS: Final = ("ReportRequestFilter", "EstimateFilter", "ScheduleFilter")
_ONE_OF_TWO: Final = [
    {
        "oneOf": [
            {"required": [one], "properties": {one: {"type": "string"}}},
            {"required": [several], "properties": {several: {"type": "array"}}},
        ]
    }
    for one, several in (("customer", "customers"), ("product", "products"))
]
_ERROR_HEADERS: Final[Mapping[int, tuple[str, str]]] = {
    401: ("WWW-Authenticate", 'Always `Basic realm="footfall", charset="UTF-8"`.'),
    409: ("Retry-After", "Seconds until the next poll makes sense, while the report is RUNNING."),
    416: ("Content-Range", "`bytes */` and the size of the file."),
    429: ("Retry-After", "Seconds after which the request may be sent again."),
    503: ("Retry-After", "Seconds after which the request may be sent again."),
}


class Description:
    """Makes the document of all calls in the words of the plan in force, anew when another plan is."""

    def __init__(self, service: Service, plan: LivePlan, settings: Settings) -> None:
        self._service = service
        self._plan = plan
        self._settings = settings
        self._made: tuple[Checker, dict[str, Any]] | None = None

    def document(self, base_url: str) -> dict[str, Any]:
        """The document for readers of the service at `base_url`; takes some 20 ms for the first of a plan.

        `x-tracking-plan` says which plan and mode hold for events.
        """
        checker, made = self._plan.checker, self._made
        if made is None or made[0] is not checker:
            document = make_document(ROUTES, self._service, make_examples(checker.plan, self._settings))
            plan = {"fingerprint": checker.plan.fingerprint, "mode": self._settings.plan_mode}
            self._made = made = (checker, {**document, "x-tracking-plan": plan})
        return {**made[1], "servers": [{"url": base_url}]}


def make_document(routes: Iterable[Route], service: Service, examples: Examples = PACKAGED) -> Json:
    """The document without `servers`: the call that shows it adds the URL that the reader used."""
    public = [entry for entry in routes if entry.public]
    types = [ErrorNode, Unauthorized, *(one for entry in public for one in _schema_types(entry))]
    made, described = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    # Defaults of fields may be tuples, which JSON does not have.
    components: dict[str, Json] = msgspec.json.decode(msgspec.json.encode(described))
    schemas = dict(zip(types, made, strict=True))
    for name, text in _DESCRIPTIONS.items():
        components[name]["description"] = text
    for name in _NULLS_LEFT_OUT & components.keys():
        components[name]["properties"] = _with_nulls(components[name])
        if name in _FILTERS:
            components[name]["allOf"] = _ONE_OF_TWO
    components["ServerError"] = {
        "type": "array",
        "items": schemas[ErrorNode],
        "description": "One error, with a child for each thing that is wrong.",
    }
    paths: dict[str, Json] = {}
    for entry in public:
        paths.setdefault(entry.path, {})[entry.method.lower()] = _operation(entry, schemas, examples)
    return {
        "openapi": "3.1.0",
        "info": {"title": service.name, "version": service.version, "description": service.description},
        "tags": [{"name": tag} for tag in dict.fromkeys(entry.tag for entry in public)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": _SECURITY,
        },
    }


def _with_nulls(schema: Json) -> Json:
    """The properties of a schema, of which the optional ones may also be null."""
    found: Json = {}
    for name, given in schema["properties"].items():
        if name in schema.get("required", ()) or {"type": "null"} in given.get("anyOf", ()):
            found[name] = given
            continue
        said = {key: given[key] for key in ("description", "default") if key in given}
        rest = {key: value for key, value in given.items() if key not in said}
        found[name] = {"anyOf": [rest, {"type": "null"}], **said}
    return found


def _schema_types(entry: Route) -> list[Any]:
    """The types of the call's answer and, where it takes one, of its body."""
    page = PAGES[entry.method, entry.path]
    answer = page.answer or get_args(get_type_hints(entry.call)["return"])[0]
    return [answer] if page.request is None else [answer, page.request]


def _operation(entry: Route, schemas: Mapping[Any, Json], examples: Examples) -> Json:
    page = examples.adapt_page(PAGES[entry.method, entry.path])
    answer, *body = (schemas[one] for one in _schema_types(entry))
    operation: Json = {
        "operationId": entry.call.__name__,
        "tags": [entry.tag],
        "summary": entry.summary,
        "description": page.text,
        "security": [{"Basic": []}, {"Bearer": []}] if entry.signed_in else [],
    }
    query = _parameters("query", page.query, page.required, entry.path)
    for parameter in query:
        if example := QUERY_EXAMPLES.get(f"{entry.path} {parameter['name']}"):
            parameter["example"] = examples.adapt(example)
    if parameters := [*_path_parameters(entry.path, examples), *query, *_parameters("header", page.headers)]:
        operation["parameters"] = parameters
    for schema in body:
        content = {"application/json": {"schema": schema, "example": page.request_example}}
        operation["requestBody"] = {"required": True, "content": content}
    operation["responses"] = {
        "200": _success_response(page, answer),
        **_other_statuses(page),
        **_error_responses(entry.codes, examples),
    }
    return operation


def _path_parameters(path: str, examples: Examples) -> list[Json]:
    found = []
    for name in re.findall(r"\{(\w+)\}", path):
        text, example = PATH_PARAMETERS[name]
        schema = _parameter_schema(path, name)
        found.append(
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": text,
                "schema": schema,
                "example": examples.adapt(example),
            }
        )
    return found


def _parameters(place: str, texts: Mapping[str, str], required: Sequence[str] = (), path: str = "") -> list[Json]:
    return [
        {
            "name": name,
            "in": place,
            "required": name in required,
            "description": text,
            "schema": _parameter_schema(path, name),
        }
        for name, text in texts.items()
    ]


def _parameter_schema(path: str, name: str) -> Json:
    own = f"{path} {name}"
    return dict(
        USAGE_SCHEMAS.get(own) or PARAMETER_SCHEMAS.get(own) or PARAMETER_SCHEMAS.get(name) or {"type": "string"}
    )


def _success_response(page: Documentation, schema: Json) -> Json:
    content: Json = {page.answer_type: {"schema": schema, "example": page.answer_example}}
    content |= {media_type: {"schema": {}} for media_type in page.answer_also}
    response: Json = {"description": "OK", "content": content}
    if page.answers:
        response["headers"] = {name: _header(text) for name, text in page.answers.items()}
    return response


def _header(text: str) -> Json:
    return {"description": text, "schema": {"type": "string"}}


def _other_statuses(page: Documentation) -> dict[str, Json]:
    return {status: {"description": text} for status, text in page.also.items()}


def _error_responses(codes: Sequence[Code], examples: Examples) -> dict[str, Json]:
    """One response for each status, with an example for each code that has it."""
    by_status = groupby(sorted(codes, key=errors.STATUS.__getitem__), key=errors.STATUS.__getitem__)
    return {str(status): _error_response(status, list(group), examples) for status, group in by_status}


def _error_response(status: int, codes: Sequence[Code], examples: Examples) -> Json:
    """The response of a status. Only 401, which has one code, has a body of another shape."""
    name = "Unauthorized" if Code.REQUEST_UNAUTHORIZED in codes else "ServerError"
    headers = {"headers": {header[0]: _header(header[1])}} if (header := _ERROR_HEADERS.get(status)) else {}
    return {
        "description": " ".join(f"`{code}`: {ADVICE[code]}" for code in codes),
        **headers,
        "content": {
            "application/json": {
                "schema": {"$ref": _REFERENCE.format(name=name)},
                "examples": {code.value: {"value": examples.adapt(_example_error(code))} for code in codes},
            }
        },
    }


def _example_error(code: Code) -> Any:
    """The body of a refusal with the code, from the function that makes the real ones."""
    problems = (Problem(code, *_PROBLEMS[code]),) if code in _PROBLEMS else ()
    message = ADVICE[code].partition(". ")[0]
    return msgspec.json.decode(errors.refusal_body(RequestRefused(code, message, problems)))
