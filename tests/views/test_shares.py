"""Links that work without a sign-in: for how long, with whose rights, and who knows of them."""

import asyncio
import gc
from typing import Any

import pytest

from footfall.errors import Code, RequestRefused
from footfall.state import Share
from footfall.views import OpenedShare, SharedAnswers

DAY_MS = 86_400_000


def token_of(shown: Any) -> str:
    return str(shown.url).removeprefix("https://events.example.com/shared/")


def test_a_link_works_until_its_last_day_or_until_it_is_revoked(place: Any, refused: Any) -> None:
    made, other = place.share(place.ann, days=2, title="Two days"), place.share(place.ann)
    opened = place.shares.open(token_of(made))
    assert (opened.share.call, opened.share.parameters["customer"], opened.user.id) == ("counts", ["C"], "ann")
    assert made.expires == place.clock.ms + 2 * DAY_MS
    place.shares.remove(place.ann, other.id)
    for token in (token_of(other), token_of(made)[:-1], "", "x" * 10_000):
        assert refused(place.shares.open, token).code is Code.REQUEST_NOT_FOUND
    place.clock.ms = made.expires
    assert place.shares.open(token_of(made)).share.title == "Two days"
    place.clock.ms += 1
    assert refused(place.shares.open, token_of(made)).code is Code.REQUEST_NOT_FOUND
    assert place.shares.all(place.ann) == []


def test_a_link_has_the_rights_of_its_user_now_and_ends_with_them(place: Any, refused: Any) -> None:
    made = place.share(place.ann)
    place.state.users.change_customers("ann", revoked=["C"])
    assert place.shares.open(token_of(made)).user.customers == ()
    place.state.users.remove("ann")
    assert refused(place.shares.open, token_of(made)).code is Code.REQUEST_NOT_FOUND
    # Somebody else of that name has nothing to do with it.
    place._user("ann", "C")
    assert refused(place.shares.open, token_of(made)).code is Code.REQUEST_NOT_FOUND


def test_links_are_listed_for_their_user_and_all_for_an_admin_without_their_tokens(place: Any, refused: Any) -> None:
    made = [place.share(user, title=user.id) for user in (place.ann, place.bob)]
    assert [share.title for share in place.shares.all(place.ann)] == ["ann"]
    assert {share.title for share in place.shares.all(place.root)} == {"ann", "bob"}
    assert not any(share.url for share in place.shares.all(place.root))
    assert refused(place.shares.remove, place.ann, made[1].id).code is Code.REQUEST_NOT_FOUND
    place.shares.remove(place.root, made[1].id)
    kept = [place.state.shares.get(share.id) for share in made]
    assert kept[1] is None
    assert isinstance(kept[0], Share)
    assert token_of(made[0]) not in repr(kept[0])


def test_a_link_of_a_view_stays_as_the_view_was(place: Any) -> None:
    place.save(place.ann, chart="bar")
    made = place.share(place.ann, view="mine")
    place.save(place.ann, parameters={"customer": "C", "product": "Q"})
    assert (made.title, made.chart, made.parameters["product"]) == ("mine", "bar", ["P"])
    assert place.shares.open(token_of(made)).share.parameters["product"] == ["P"]


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"view": "mine", "call": "counts"}, "view"),
        ({"call": None, "parameters": None}, "view"),
        ({"days": 0}, "days"),
        ({"days": 91}, "days"),
        ({"origins": ["https://elsewhere.example"]}, "origins"),
        ({"origins": [[None], {}]}, "origins[0]"),
        ({"parameters": {"customer": "C"}}, "product"),
        ({"days": 5, "until": 7}, "until"),
    ],
)
def test_what_is_wrong_with_a_link_is_named(open_place: Any, refused: Any, given: Any, where: str) -> None:
    place = open_place(share_origins="https://wiki.example.com, https://other.example.com")
    place.save(place.ann)
    assert refused(place.share, place.ann, **given).problems[0].where == where
    allowed = place.share(place.ann, origins=["https://wiki.example.com"])
    assert allowed.origins == ("https://wiki.example.com",)


def test_links_are_bounded_and_only_where_the_settings_allow_them(open_place: Any, refused: Any) -> None:
    place = open_place(shares_max=1)
    made = place.share(place.ann, days=1)
    assert refused(place.share, place.ann).code is Code.REQUEST_RATE_LIMITED
    # What has expired makes room.
    place.clock.ms = made.expires + 1
    place.share(place.ann)
    others = {"parameters": {"customer": "D", "product": "P"}}
    assert refused(place.share, place.ann, **others).code is Code.REQUEST_AUTHORIZATION_FAILURE


async def test_an_answer_is_made_once_however_many_ask_and_kept_within_bounds() -> None:
    made: list[str] = []
    answers = SharedAnswers(60, 2)

    def ask(name: str, size: int = 1) -> Any:
        async def make() -> bytes:
            made.append(name)
            await asyncio.sleep(0)
            return b"x" * size

        return answers.get((name, "svg"), make)

    assert await asyncio.gather(*(ask("a") for _ in range(50))) == [b"x"] * 50
    await ask("a")
    assert made == ["a"]
    # One that gives up does not take the answer from those who wait.
    waiting = [asyncio.ensure_future(ask("b")) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    assert await waiting[1] == b"x"
    await ask("c")
    await ask("large", 2**21)
    await ask("large", 2**21)
    await ask("a")
    assert made == ["a", "b", "c", "large", "large", "a"]


async def test_a_failure_is_not_kept() -> None:
    answers = SharedAnswers(60, 2)

    async def fail() -> bytes:
        raise KeyError

    async def succeed() -> bytes:
        return b"x"

    with pytest.raises(KeyError):
        await answers.get(("a", "svg"), fail)
    assert await answers.get(("a", "svg"), succeed) == b"x"


async def test_an_answer_is_given_again_only_with_the_same_rights(place: Any) -> None:
    token = token_of(place.share(place.ann))
    before = place.shares.open(token).key("page")
    assert place.shares.open(token).key("page") == before
    place.state.users.change_customers("ann", revoked=["C"])
    assert place.shares.open(token).key("page") != before


async def test_an_answer_that_took_its_time_is_of_the_rights_at_its_end(place: Any) -> None:
    made = place.share(place.ann)
    token, seen = token_of(made), []

    async def make(opened: OpenedShare) -> bytes:
        seen.append(opened.user.customers)
        if len(seen) == 1:
            place.state.users.change_customers("ann", revoked=["C"])
        return str(opened.user.customers).encode()

    assert await place.shares.answer(token, place.shares.open(token), "page", make) == b"()"
    assert seen == [("C",), ()]

    async def revoke(_: OpenedShare) -> bytes:
        place.shares.remove(place.ann, made.id)
        return b"what nobody may see"

    with pytest.raises(RequestRefused):
        await place.shares.answer(token, place.shares.open(token), "svg", revoke)


async def test_a_failure_that_nobody_waits_for_any_more_is_no_fault_of_the_loop() -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    go_on = asyncio.Event()

    async def make() -> bytes:
        await go_on.wait()
        raise ValueError("no store")

    answers = SharedAnswers(60, 10)
    waiting = asyncio.create_task(answers.get(("link", "page"), make))
    while not answers._made:
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    go_on.set()
    while answers._made:
        await asyncio.sleep(0)
    gc.collect()
    await asyncio.sleep(0)
    assert told == []
