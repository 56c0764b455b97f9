"""What a line of the log looks like, for people and for programs."""

import json
import logging
import re
from typing import Any

import pytest

from footfall.system.log import JsonFormatter, TextFormatter
from footfall.system.request_ids import request_id


def record(message: str, *arguments: Any, fault: Exception | None = None, **extra: Any) -> logging.LogRecord:
    logger = logging.getLogger("footfall.test")
    exc_info = (type(fault), fault, None) if fault else None
    return logger.makeRecord(logger.name, logging.ERROR, "file", 1, message, arguments, exc_info, extra=extra or None)


def test_a_line_for_people() -> None:
    line = TextFormatter("web").format(record("%d events", 7))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ERROR web\[\d+\] footfall\.test: 7 events", line)


def test_a_line_for_programs_is_one_object_whatever_is_in_it() -> None:
    line = JsonFormatter("web").format(record('a "quoted"\nline of %s', "\u20ac", fault=ValueError("x\ny")))
    assert "\n" not in line
    found = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found.pop("time"))
    assert isinstance(found.pop("pid"), int)
    assert found.pop("traceback").endswith("ValueError: x\ny")
    assert found == {
        "level": "ERROR",
        "process": "web",
        "module": "footfall.test",
        "message": 'a "quoted"\nline of \u20ac',
    }


@pytest.mark.parametrize(
    ("formatter", "told"), [(TextFormatter, "request 3f-1: no"), (JsonFormatter, '"request":"3f-1"')]
)
def test_a_line_about_a_request_has_its_id(formatter: Any, told: str) -> None:
    token = request_id.set("3f-1")
    try:
        assert told in formatter("web").format(record("no"))
    finally:
        request_id.reset(token)
    assert "3f-1" not in formatter("web").format(record("no"))
