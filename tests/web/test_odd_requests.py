"""Requests that nobody means: whatever is sent is answered, and no error has another shape than the contract's."""

import asyncio
import json

from hypothesis import given, settings
from hypothesis import strategies as st

METHODS = st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "TRACE", "get", ""])
PATHS = st.sampled_from(["/", "/reports", "/reports/JOB-x", "/files/a/b/c", "/docs", "/openapi.json"]) | st.text().map(
    lambda text: f"/reports/{text}/availability"
)
NAMES = st.sampled_from(
    [
        "accept",
        "authorization",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "forwarded",
        "host",
        "if-none-match",
        "if-range",
        "origin",
        "range",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    ]
)
# What means something to those who read such headers, in any order, and anything else.
WORDS = st.sampled_from(
    [*["application/json", "text/csv", "*/*", "q=", "bytes=", "Basic", "charset", "host="], *'",;=-0/ ']
)
VALUES = st.lists(WORDS, max_size=8).map(lambda words: "".join(words).encode()) | st.binary(max_size=20)


def test_every_error_has_the_one_shape(service):
    with asyncio.Runner() as runner:
        context = service()
        opened = runner.run(context.__aenter__())
        (authorization,) = [
            value
            for name, value in next(opened.anna.auth.auth_flow(opened.anna.build_request("GET", "/"))).headers.raw
            if name == b"Authorization"
        ]

        @settings(max_examples=150, deadline=None, database=None)
        @given(METHODS, PATHS, st.dictionaries(NAMES, VALUES, max_size=4), st.binary(max_size=30))
        def check(method, path, headers, body):
            raw = [(name.encode(), value) for name, value in headers.items()]
            for found in (raw, [*raw, (b"authorization", authorization)]):
                status, content_type, content = runner.run(exchange(opened.app, method, path, found, body))
                assert status < 500
                if status >= 400:
                    assert content_type == [b"application/json"]
                    assert method == "HEAD" or is_contracted(json.loads(content))

        check()
        runner.run(context.__aexit__(None, None, None))


async def exchange(app, method, path, headers, body):
    """Status, content types and body of the answer to one request."""
    messages = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        messages.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
    scope |= {"scheme": "http", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2)}
    await app(scope, receive, send)
    start, *rest = messages
    content_types = [value for name, value in start["headers"] if name == b"content-type"]
    return start["status"], content_types, b"".join(message["body"] for message in rest)


def is_contracted(found):
    if found == {"message": "Unauthorized"}:
        return True
    (root,) = found
    return is_node(root)


def is_node(node, is_child=False):
    return (
        list(node) == ["value", "children"]
        and list(node["value"]) == ["code", "message", *(["data"] if is_child else [])]
        and all(is_node(child, is_child=True) for child in node["children"])
    )
