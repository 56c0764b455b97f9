"""Addresses of the store."""

import pytest

from footfall.store.connections import Endpoint, parse_url


def test_a_url_says_everything() -> None:
    address = parse_url("clickhouse://me:p%40ss@db.example:9999/events?secure=true&cluster=main")
    assert address.endpoint == Endpoint("db.example", 9999, "me", "p@ss")
    assert (address.database, address.secure, address.cluster, address.embedded) == ("events", True, "main", False)


def test_what_a_url_leaves_out_is_clickhouses_default() -> None:
    address = parse_url("clickhouse://db.example")
    assert address.endpoint == Endpoint("db.example", 8123, "default", "")
    assert (address.database, address.secure, address.cluster) == ("footfall", False, "")
    assert parse_url("clickhouse://db.example?secure=1").endpoint.port == 8443


@pytest.mark.parametrize("url", ["", "http://db", "clickhouse://", "clickhouse://db?speed=9", "clickhouse://db:x"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"events_url|[Pp]ort|query"):
        parse_url(url)


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(parse_url("clickhouse://me:secret@db"))
