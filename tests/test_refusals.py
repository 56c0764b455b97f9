"""Every code has a status, and every refusal one shape, byte for byte."""

import json

import pytest

from footfall import errors
from footfall.errors import Code, Problem, RequestRefused


def test_every_code_has_a_status() -> None:
    assert set(errors.STATUS) == set(Code)
    assert all(400 <= status <= 599 for status in errors.STATUS.values())


def test_body_has_the_shape_and_key_order_of_the_reference() -> None:
    problems = (
        Problem(Code.EVENT_NOT_IN_PLAN, "events[3].context[1]", "must not be empty"),
        Problem(Code.REQUEST_PARAMETER_MALFORMED, "filter.start", 'must be a number, not "x"'),
    )
    refused = RequestRefused(Code.EVENT_NOT_IN_PLAN, "2 events break the plan", problems)
    assert errors.refusal_body(refused) == (
        b'[{"value":{"code":"EVENT_NOT_IN_PLAN","message":"2 events break the plan"},"children":['
        b'{"value":{"code":"EVENT_NOT_IN_PLAN","message":"events[3].context[1]: must not be empty",'
        b'"data":{"path":"events[3].context[1]","index":3}},"children":[]},'
        b'{"value":{"code":"REQUEST_PARAMETER_MALFORMED","message":"filter.start: must be a number, not \\"x\\"",'
        b'"data":{"path":"filter.start"}},"children":[]}]}]'
    )


def test_body_without_problems_has_no_children() -> None:
    refused = RequestRefused(Code.REQUEST_NOT_FOUND, "There is nothing here")
    assert errors.refusal_body(refused) == (
        b'[{"value":{"code":"REQUEST_NOT_FOUND","message":"There is nothing here"},"children":[]}]'
    )


def test_headers_name_the_type_without_a_charset_and_the_length() -> None:
    refused = RequestRefused(Code.REQUEST_INPUT_MALFORMED, "Ünlesbar")
    length = len(errors.refusal_body(refused))
    assert errors.refusal_headers(refused) == [
        (b"content-type", b"application/json"),
        (b"content-length", str(length).encode()),
    ]


def test_headers_say_when_to_try_again() -> None:
    refused = RequestRefused(Code.SERVICE_UNAVAILABLE, "The disk is full", retry_after_s=5)
    assert errors.refusal_headers(refused)[-1] == (b"retry-after", b"5")


def test_unauthorized_says_the_same_whatever_was_wrong() -> None:
    status, headers, content = errors.render_refusal(RequestRefused(Code.REQUEST_UNAUTHORIZED, "no such user"))
    assert status == 401
    assert content == b'{"message":"Unauthorized"}'
    assert headers == [
        (b"content-type", b"application/json"),
        (b"content-length", b"26"),
        (b"www-authenticate", b'Basic realm="footfall", charset="UTF-8"'),
    ]


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.REQUEST_UNAUTHORIZED])
def test_render_agrees_with_its_parts(code: Code) -> None:
    refused = RequestRefused(code, "no", (Problem(code, "here", "because"),), retry_after_s=1)
    status, headers, content = errors.render_refusal(refused)
    assert (status, headers, content) == (
        errors.STATUS[code],
        errors.refusal_headers(refused),
        errors.refusal_body(refused),
    )
    assert json.loads(content)[0]["value"]["code"] == code
