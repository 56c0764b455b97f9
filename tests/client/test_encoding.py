"""An event's line is the JSON that the service takes, and what is no event is its caller's to see."""

import datetime as dt
import json
import time

import pytest
from footfall_client.encoding import body_of, encode_event, encode_mapping, lines_of

EVENT = {"customer": "ACME", "product": "SHOP", "type": "SHOP-OPENED", "context": ["ada"], "timestamp": 1571029200000}


def test_a_line_is_json_with_the_events_keys() -> None:
    line = encode_mapping({**EVENT, "context": ['q"\\\n', "ü€🎉", "\ud83d", None], "version": "1.0"})
    assert "\n" not in line
    assert line.isascii()
    assert json.loads(line) == {**EVENT, "context": ['q"\\\n', "ü€🎉", "\ud83d", None], "version": "1.0"}


def test_the_time_is_now_where_none_is_given() -> None:
    before = int(time.time() * 1000)
    found = json.loads(encode_event("ACME", "SHOP", "SHOP-OPENED", (), None, None))
    assert before <= found["timestamp"] <= time.time() * 1000
    assert "version" not in found


def test_a_time_may_be_a_datetime_with_a_zone() -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    when = dt.datetime(2019, 10, 14, 7, 0, tzinfo=zone)
    assert json.loads(encode_mapping({**EVENT, "timestamp": when}))["timestamp"] == 1571029200000


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"customer": 7}, TypeError),
        ({"context": "ada"}, TypeError),
        ({"context": ["ada", 7]}, TypeError),
        ({"version": 2}, TypeError),
        ({"timestamp": "now"}, TypeError),
        ({"timestamp": True}, TypeError),
        ({"timestamp": 0.5}, TypeError),
        ({"timestamp": dt.datetime(2019, 10, 14)}, ValueError),  # noqa: DTZ001
        ({"context": ["x" * 20_000_000]}, ValueError),
        ({"contxt": []}, TypeError),
    ],
)
def test_what_is_no_event_is_refused(change: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        encode_mapping({**EVENT, **change})


def test_an_event_needs_its_codes() -> None:
    with pytest.raises(TypeError, match="needs its product"):
        encode_mapping({"customer": "ACME", "type": "SHOP-OPENED"})


def test_a_body_comes_apart_into_its_lines() -> None:
    lines = [encode_mapping({**EVENT, "context": [str(number), ",\n"]}).encode() for number in range(3)]
    assert lines_of(body_of(lines)) == lines
    assert [one["context"][0] for one in json.loads(body_of(lines))["events"]] == ["0", "1", "2"]
