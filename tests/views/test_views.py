"""Who sees which views, and what a call takes from one."""

import json
from typing import Any

import pytest
from msgspec import UNSET, structs

from footfall.accounts import KeyedUser
from footfall.errors import Code


def test_a_view_is_its_owners_alone_or_of_all_who_see_its_customer(place: Any, refused: Any) -> None:
    own = place.save(place.ann, "own")
    shared = place.save(place.ann, "shared", customer="C")
    assert (own.customer, shared.customer, own.own) == (UNSET, "C", True)
    seen = {user.id: [view.name for view in place.views.all(user)] for user in (place.ann, place.bob, place.cleo)}
    assert seen == {"ann": ["own", "shared"], "bob": ["shared"], "cleo": []}
    assert [(view.name, view.own) for view in place.views.all(place.root)] == [("shared", False)]
    assert place.views.find(place.bob, "shared").id == place.views.find(place.bob, shared.id).id == shared.id
    for user, name in ((place.bob, "own"), (place.bob, own.id), (place.cleo, "shared"), (place.cleo, shared.id)):
        assert refused(place.views.find, user, name).code is Code.REQUEST_NOT_FOUND
    # Only the owner or an admin removes one.
    assert refused(place.views.remove, place.bob, shared.id).code is Code.REQUEST_NOT_FOUND
    assert place.views.remove(place.root, shared.id).name == "shared"
    assert place.views.all(place.bob) == []


def test_a_key_does_not_see_its_users_views_of_others_than_it_is_for(place: Any, refused: Any) -> None:
    place.save(place.ann, "of C", parameters={"customer": "C", "product": "P"})
    place.save(place.ann, "of Q", parameters={"customer": "C", "product": "Q"})
    place.save(place.ann, "of all", parameters={"customer": "*", "product": "*"})
    common = {name: getattr(place.ann, name) for name in ("id", "account", "password_hash", "created_ms")}
    common |= {"key": "k", "scopes": ("read",), "sees_all": False, "is_narrowed": True, "granted": ()}
    narrow = KeyedUser(**common, customers=("C",), products=("P",))
    other = KeyedUser(**common, customers=("X",), products=())
    assert [view.name for view in place.views.all(narrow)] == ["of C", "of all"]
    assert [view.name for view in place.views.all(other)] == ["of all"]
    assert refused(place.views.find, narrow, "of Q").code is Code.REQUEST_NOT_FOUND


def test_nobody_sees_the_names_in_a_view_of_what_they_may_not_see(place: Any, refused: Any) -> None:
    for name, parameters in (
        ("of P", {"customer": "C", "product": "P"}),
        ("of Q", {"customer": "C", "product": "Q"}),
        ("of D", {"customer": ["C", "D"], "product": "P", "where": "context1:is:somebody"}),
    ):
        place.save(place.root, name, customer="C", parameters=parameters)
    of_products = structs.replace(place.bob, products=("P",))
    assert [view.name for view in place.views.all(of_products)] == ["of P"]
    assert [view.name for view in place.views.all(place.bob)] == ["of P", "of Q"]
    assert refused(place.views.find, place.bob, "of D").code is Code.REQUEST_NOT_FOUND
    assert len(place.views.all(place.root)) == 3


def test_a_view_that_the_plan_refuses_by_now_is_still_its_owners(place: Any) -> None:
    place.save(place.ann, "old", customer="C")
    (saved,) = place.state.views.visible(place.ann.account, ())
    place.state.views.put(structs.replace(saved, parameters={**saved.parameters, "where": ["gone:is:x"]}), 10)
    common = {name: getattr(place.ann, name) for name in ("id", "account", "password_hash", "created_ms", "customers")}
    keyed = KeyedUser(**common, key="k", scopes=("read",), sees_all=False, is_narrowed=False, granted=())
    for who in (place.ann, keyed, place.bob):
        assert [view.name for view in place.views.all(who)] == ["old"]
    assert place.views.all(structs.replace(keyed, is_narrowed=True)) == []


def test_saving_again_changes_the_view_and_keeps_its_id(place: Any) -> None:
    first = place.save(place.ann)
    place.clock.ms += 5
    second = place.save(place.ann, parameters={"customer": "C", "product": "Q"}, chart="bar")
    assert (second.id, second.created, second.changed) == (first.id, first.created, first.created + 5)
    assert place.views.all(place.ann) == [second]
    # Of another owner, or for a customer, it is another view.
    assert len({first.id, place.save(place.bob).id, place.save(place.ann, customer="C").id}) == 3


def test_of_several_views_with_one_name_ones_own_comes_first_and_others_are_named_by_id(
    place: Any, refused: Any
) -> None:
    of_ann, of_root = (place.save(user, "all", customer="C") for user in (place.ann, place.root))
    assert place.views.find(place.ann, "all").id == of_ann.id
    found = refused(place.views.find, place.bob, "all")
    assert found.code is Code.REQUEST_PARAMETER_MALFORMED
    assert all(view.id in found.problems[0].why for view in (of_ann, of_root))


def test_a_call_takes_from_a_view_what_it_does_not_say_itself(place: Any, refused: Any) -> None:
    place.save(place.ann, parameters={"customer": "C", "product": ["P", "Q"], "by": "type", "start": "2026-01-01"})
    place.save(place.ann, "lately", parameters={"customer": "C", "product": "P", "range": "7d"})
    assert place.views.fill(place.ann, {"view": ["lately"]})["range"] == ["7d"]
    filled = place.views.fill(place.ann, {"view": ["mine"], "by": ["version"], "start": [""]})
    assert filled == {"customer": ["C"], "product": ["P", "Q"], "by": ["version"], "start": ["2026-01-01"]}
    assert place.views.fill(place.ann, {"customer": ["D"]}) == {"customer": ["D"]}
    assert refused(place.views.fill, place.ann, {"view": ["mine", "other"]}).problems[0].where == "view"
    missing = refused(place.views.fill, place.ann, {"view": ["none"]})
    assert (missing.code, missing.problems[0].where) == (Code.REQUEST_PARAMETER_MALFORMED, "view")


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"call": "lists"}, "call"),
        ({"call": None}, "call"),
        ({"name": ""}, "name"),
        ({"name": " x"}, "name"),
        ({"name": "x\n"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"chart": "pie"}, "chart"),
        ({"parameters": ["customer"]}, "parameters"),
        ({"parameters": {"customer": 5}}, "parameters.customer"),
        ({"parameters": {"customer": "C"}}, "product"),
        ({"parameters": {"customer": "C", "product": "P", "step": ["A", "B"]}}, "parameters.step"),
        ({"parameters": {"customer": "C", "product": "P", "view": "x"}}, "parameters.view"),
        ({"parameters": {"customer": "C", "product": "P", "types": ["T" * 200] * 100}}, "parameters"),
        ({"titel": "x"}, "titel"),
    ],
)
def test_what_a_call_would_refuse_is_not_saved(place: Any, refused: Any, given: Any, where: str) -> None:
    assert refused(place.save, place.ann, **given).problems[0].where == where
    assert place.views.all(place.ann) == []


def test_a_view_of_a_customer_that_one_may_not_see_is_refused(open_place: Any, refused: Any) -> None:
    place = open_place(views_max=1)
    others = {"parameters": {"customer": "D", "product": "P"}}
    assert refused(place.save, place.ann, **others).code is Code.REQUEST_AUTHORIZATION_FAILURE
    assert refused(place.save, place.ann, customer="D").code is Code.REQUEST_AUTHORIZATION_FAILURE
    place.save(place.ann)
    assert refused(place.save, place.ann, "second").code is Code.REQUEST_RATE_LIMITED
    place.save(place.ann, chart="bar")
    assert refused(place.views.save, place.ann, json.dumps([]).encode()).code is Code.REQUEST_INPUT_MALFORMED


def test_a_report_has_the_events_of_a_view_and_what_it_says_itself(place: Any, refused: Any) -> None:
    selection = {
        "customer": ["C", "D"],
        "product": "P",
        "types": ["A", "B*"],
        "where": "context1:is:x",
        "versions": "2",
    }
    place.save(place.root, parameters={**selection, "start": "5", "duplicates": "drop", "by": "type"})

    def filled(**changes: Any) -> Any:
        timeless = changes.pop("timeless", False)
        body = json.dumps({"view": "mine", "output": {"format": "csv"}, **changes}).encode()
        return json.loads(place.views.fill_report(place.root, body, timeless=timeless))

    whole = {"customers": ["C", "D"], "products": ["P"], "types": ["A", "B*"], "versions": ["2"], "start": 5}
    whole["where"] = ["context1:is:x"]
    assert filled() == {"duplicates": "drop", "output": {"format": "csv"}, "filter": whole}
    assert "start" not in filled(timeless=True)["filter"]
    changed = filled(filter={"customer": "C", "types": []}, duplicates="keep")
    assert changed["duplicates"] == "keep"
    assert (changed["filter"]["customer"], changed["filter"]["types"]) == ("C", [])
    assert "customers" not in changed["filter"]
    # What is no body with a view is left to its reader.
    for body in (b"", b"[]", b'{"view": 5}', b'{"view": null}', b'{"view": "mine", "filter": []}'):
        assert place.views.fill_report(place.root, body) == body
    assert refused(place.views.fill_report, place.ann, b'{"view": "mine"}').problems[0].where == "view"


def test_a_list_is_bounded_however_many_there_are(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.state.views.LISTED_MAX", 2)
    for name in ("a", "b", "c"):
        place.save(place.ann, name, customer="C")
        place.share(place.ann, title=name)
    assert [view.name for view in place.views.all(place.root)] == ["a", "b"]
    assert len(place.shares.all(place.root)) == 2
