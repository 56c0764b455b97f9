"""What customers ask of those who send their events, over connections: write keys, pages of theirs, and no bots."""

import base64
import contextlib
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from events_server import EVENT, post, serving
from parts import PASSWORD, TurnedClock, open_accounts
from states import state_url

from footfall.accounts import Accounts, Keys, SentKey, WantedKey, WriteKeys, key_digest
from footfall.journal import Frame, walk
from footfall.rate_limits import Limit
from footfall.settings import Settings
from footfall.settings.senders import SenderRule
from footfall.state import State

KEYED = {"senders": {"BARCHART": SenderRule(write_key=True)}}
PAGES = {"senders": {"BARCHART": SenderRule(origins=("https://www.barchart.com", "https://*.barchart.io"))}}
AGENT = "user-agent: Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
BROWSER = "user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Issuer:
    """Makes write keys of anna, who sees BARCHART alone, and of root, who sees all; what is in memory of them."""

    def __init__(self, state: State, accounts: Accounts) -> None:
        self.clock = TurnedClock()
        self.keys = Keys(state, Settings(), self.clock)
        self.held = WriteKeys(state, self.clock)
        self.state = state
        self._accounts = accounts

    def issue(self, user: str = "root", *scopes: str, **wanted: object) -> str:
        found = self._accounts.get(user)
        assert found
        made = self.keys.issue(found, WantedKey(name="a program", scopes=scopes or ("send",), **wanted))  # type: ignore[arg-type]
        self.held.refresh()
        return made.text


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[Issuer]:
    with contextlib.closing(State(state_url(tmp_path))) as state:
        state.migrate()
        with contextlib.closing(open_accounts(state, Settings(), TurnedClock())) as accounts:
            yield Issuer(state, accounts)


def body(number: int = 1, **changes: object) -> bytes:
    event = {**EVENT, "timestamp": int(time.time() * 1000), **changes}
    return json.dumps({"events": number * [event]}).encode()


def bearer(key: str) -> str:
    return f"authorization: Bearer {key}"


def statuses(answers: list[bytes]) -> list[int]:
    return [int(answer[9:12]) for answer in answers]


def problems(answer: bytes) -> list[str]:
    (error,) = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert error["value"]["code"] == "REQUEST_AUTHORIZATION_FAILURE"
    return [child["value"]["message"] for child in error["children"]]


async def test_events_of_such_a_customer_come_with_a_key_in_a_header_or_in_the_url(tmp_path: Path, issuer: Issuer):
    key = issuer.issue("anna")
    basic = base64.b64encode(f"anna:{key}".encode()).decode()
    async with serving(tmp_path, issuer.held, **KEYED) as server:
        sent = [
            post(body()),
            post(body(), bearer(key)),
            post(body(), bearer(key)),
            post(body(), f"authorization: Basic {basic}"),
            post(body(), target=f"/events?page=1&key={key}"),
            post(body(), bearer(key), version="1.0"),
            post(body(customer="TGAM")),
            # A browser adds what it remembers to what any page sends.
            post(body(), f"authorization: Basic {basic}", "origin: https://a.example"),
            post(body(), bearer(key), "origin: https://a.example"),
            post(body(), f"authorization: Basic {base64.b64encode(f'root:{key}'.encode()).decode()}"),
            post(body(), f"authorization: Basic {base64.b64encode(f'anna:{PASSWORD}'.encode()).decode()}"),
        ]
        answers = [answer for each in sent for answer in await server.ask(each)]
        assert statuses(answers) == [403, 200, 200, 200, 200, 200, 200, 403, 200, 403, 403]
        assert problems(answers[0]) == [
            "events[0].customer: events of customer BARCHART come with a write key, and none was sent"
        ]
        assert server.stored() == 7
        # Only what is odd goes to the application.
        assert len(server.sent_on) == 1


@pytest.mark.parametrize("size", [1, 5_000])
async def test_a_key_that_is_not_for_the_events_is_refused_and_says_why(tmp_path: Path, issuer: Issuer, size: int):
    """Short bodies on the event loop, and long ones on a thread."""
    old, other = issuer.issue(), issuer.issue(customers=("TGAM",))
    product, reads = issuer.issue(products=("WATCHLIST",)), issuer.issue("root", "read")
    assert issuer.keys.revoke(old.split("_")[1])
    issuer.held.refresh()
    async with serving(tmp_path, issuer.held, **KEYED) as server:
        unknown = (
            "events of customer BARCHART come with a write key, and the one that was sent is unknown, or has ended"
        )
        for key, why in (
            (old, unknown),
            (reads, unknown),
            (other, "the write key that was sent is not for customer BARCHART, product PORTFOLIO"),
            (product, "the write key that was sent is not for customer BARCHART, product PORTFOLIO"),
        ):
            (answer,) = await server.ask(post(body(size), bearer(key)))
            assert statuses([answer]) == [403]
            assert problems(answer) == [f"events[0].customer: {why}"]
            assert key.encode() not in answer
        assert server.stored() == 0
        assert server.collector.refusals["REQUEST_AUTHORIZATION_FAILURE"] == 4


async def test_one_event_of_another_customer_refuses_all_and_is_named(tmp_path: Path, issuer: Issuer):
    async with serving(
        tmp_path, issuer.held, senders={"*": SenderRule(write_key=True), "TGAM": SenderRule()}
    ) as server:
        key = issuer.issue("anna")
        mixed = json.loads(body(3))["events"] + json.loads(body(customer="TGAM"))["events"]
        assert statuses(await server.ask(post(json.dumps({"events": mixed}).encode(), bearer(key)))) == [200]
        (answer,) = await server.ask(post(json.dumps({"events": mixed[::-1]}).encode()))
        assert [problem.partition(":")[0] for problem in problems(answer)] == ["events[1].customer"]
        assert server.stored() == 4


def test_a_key_ends_with_its_revocation_its_time_and_its_rotation(issuer: Issuer):
    issuer.held.refresh()
    digests = {}

    def known() -> set[str]:
        return {name for name, digest in digests.items() if issuer.held.find(SentKey(digest))}

    for name, days in (("revoked", None), ("expired", 1), ("rotated", None), ("kept", None)):
        digests[name] = key_digest(text := issuer.issue("anna" if name == "kept" else "root", days=days))
        if name == "rotated":
            (_, key) = issuer.keys.get(text.split("_")[1]) or (None, None)
            assert key
            issuer.keys.rotate(key, 60)
        if name == "revoked":
            issuer.keys.revoke(text.split("_")[1])
    assert known() == {"expired", "rotated", "kept"}
    issuer.clock.ms += 60_000
    # By the clock, without the state.
    issuer.held.refresh()
    assert known() == {"expired", "kept"}
    issuer.clock.ms += 86_400_000
    assert known() == {"kept"}


def test_the_last_use_of_a_key_is_noted_once_a_minute(issuer: Issuer):

    text = issuer.issue()

    def noted() -> int | None:
        issuer.held.refresh()
        found = issuer.keys.get(text.split("_")[1])
        assert found
        return found[1].used_ms

    assert noted() is None
    began_ms = issuer.clock.ms
    for pause_ms, wanted_ms in ((0, began_ms), (30_000, began_ms), (30_000, began_ms + 60_000)):
        issuer.clock.ms += pause_ms
        assert issuer.held.find(SentKey(key_digest(text)))
        assert noted() == wanted_ms
    issuer.clock.ms += 600_000
    assert noted() == began_ms + 60_000


async def test_a_key_has_a_limit_of_its_own(tmp_path: Path, issuer: Issuer):
    limits = {"limits_mode": "refuse", "write_key_events_per_s": 1, "write_key_events_burst": 10}
    first, second = issuer.issue(), issuer.issue()
    async with serving(tmp_path, issuer.held, **KEYED, **limits) as server:
        sent = [*3 * [post(body(6), bearer(first))], post(body(6), bearer(second)), post(body(9, customer="TGAM"))]
        answers = await server.ask(*sent, answers=5)
        assert statuses(answers) == [200, 200, 429, 200, 200]
        assert b"\r\nretry-after: 3\r\n" in answers[2]
        assert server.collector.limit_hits.counts[Limit.WRITE_KEY_EVENTS] == 1
        assert server.stored() == 27


async def test_no_log_has_a_key(tmp_path: Path, issuer: Issuer, caplog: pytest.LogCaptureFixture):
    key = issuer.issue()
    with caplog.at_level(logging.DEBUG):
        async with serving(tmp_path, issuer.held, access_log=True, log_level="debug", **KEYED) as server:
            for each in (key, key[:-1], key[:-1] + "_"):
                await server.ask(post(body(), target=f"/events?key={each}"))
                await server.ask(post(body(), target=f"/events?key={each}", version="1.0"))
                await server.ask(post(body(), bearer(each)))
    told = "\n".join(record.getMessage() + repr(record.__dict__) for record in caplog.records)
    assert "/events" in told
    assert key[:-1] not in told


async def test_pages_of_others_are_refused_and_what_is_no_browser_passes(tmp_path: Path):
    async with serving(tmp_path, **PAGES) as server:
        for origin, status in (
            (None, 200),
            ("https://www.barchart.com", 200),
            ("HTTPS://WWW.barchart.com", 200),
            ("https://a.b.barchart.io", 200),
            ("https://barchart.io", 403),
            ("https://.barchart.io", 403),
            ("https://evilbarchart.io", 403),
            ("http://www.barchart.com", 403),
            ("https://www.barchart.com:8443", 403),
            ("null", 403),
        ):
            headers = [f"origin: {origin}"] if origin else []
            (answer,) = await server.ask(post(body(), *headers))
            assert statuses([answer]) == [status], origin
            if status == 403:
                assert problems(answer) == [
                    f"events[0].customer: customer BARCHART takes no events from pages of {origin}"
                ]
            # Customers without a rule take any.
            assert statuses(await server.ask(post(body(customer="TGAM"), *headers))) == [200]
        (answer,) = await server.ask(post(body(), "origin: null"))
        assert b"\r\naccess-control-allow-origin: *\r\n" in answer


async def test_a_list_without_an_origin_takes_no_page_and_null_can_be_in_it(tmp_path: Path):
    rules = {"BARCHART": SenderRule(origins=()), "TGAM": SenderRule(origins=("null",))}
    async with serving(tmp_path, senders=rules) as server:
        sent = [post(body(), "origin: https://a.example"), post(body()), post(body(customer="TGAM"), "origin: null")]
        assert statuses(await server.ask(*sent, answers=3)) == [403, 200, 200]


@pytest.mark.parametrize("mode", ["strict", "quarantine"])
async def test_events_of_a_bot_are_held_and_the_others_stored(tmp_path: Path, mode: str):
    async with serving(tmp_path, bots_mode="hold", plan_mode=mode) as server:
        held, stored = await server.ask(post(body(3), AGENT), post(body(2), BROWSER), answers=2)
        assert statuses([held, stored]) == [200, 200]
        assert b"\r\nfootfall-quarantined: 3\r\n" in held
        assert held.endswith(b"\r\n\r\n[]")
        (bad,) = await server.ask(post(body(type="NO-SUCH-TYPE"), AGENT))
        assert statuses([bad]) == [400 if mode == "strict" else 200]
        assert server.collector.events_quarantined == (3 if mode == "strict" else 4)
        lines = held_lines(server.folder)
        assert {line["code"] for line in lines} == {"EVENT_FROM_BOT"}
        assert {line["place"] for line in lines} == {"sender"}
        # The agent is not kept.
        assert not any("Googlebot" in json.dumps(line) for line in lines)


async def test_by_default_bots_are_taken(tmp_path: Path):
    async with serving(tmp_path) as server:
        assert statuses(await server.ask(post(body(3), AGENT))) == [200]
        assert server.stored() == 3


def held_lines(folder: Path) -> list[dict[str, object]]:

    paths = [path for path in folder.iterdir() if ".quarantine." in path.name]
    parts = [part for path in paths for part in walk(path.read_bytes())]
    return [json.loads(text) for part in parts if isinstance(part, Frame) for text in part.lines.splitlines()]
