"""Which rights groups give, and which settings of an identity provider are refused."""

from typing import Any

import pytest

from footfall.accounts import KeyScope, may_see
from footfall.accounts.rights import narrow
from footfall.oidc import rules
from footfall.settings.identity_provider import GroupRights, is_trusted_url
from footfall.settings.load import SettingsInvalid, load
from footfall.state import ApiKey, User, UserRights

RULES = {
    "shop": GroupRights(customers=("ACME",), products=("SHOP",)),
    "owners": GroupRights(admin=True),
    "acme": GroupRights(customers=("ACME", "TGAM")),
    "tgam": GroupRights(customers=("TGAM", "BARCHART"), monitor=True),
    "shop too": GroupRights(customers=("TGAM",), products=("SHOP",)),
    "watchers": GroupRights(monitor=True),
}


@pytest.mark.parametrize(
    ("groups", "rights"),
    [
        ((), None),
        (("others", "OWNERS"), None),
        (("acme", "tgam"), UserRights(customers=("ACME", "TGAM", "BARCHART"), monitor=True)),
        # The order of the settings decides, not that of the claim.
        (("tgam", "shop"), UserRights(customers=("ACME",), products=("SHOP",), monitor=True)),
        (("shop too", "acme", "shop"), UserRights(customers=("ACME", "TGAM"), products=("SHOP",))),
        (("owners", "acme"), UserRights(admin=True)),
        # An admin's group that comes later makes nobody an admin.
        (("shop", "owners"), UserRights(customers=("ACME",), products=("SHOP",))),
        (("watchers",), UserRights(monitor=True)),
    ],
)
def test_the_first_group_decides_and_no_sum_is_more_than_its_parts(
    groups: tuple[str, ...], rights: UserRights | None
) -> None:
    assert rules.rights_for(groups, RULES) == rights


@pytest.mark.parametrize(
    ("claims", "name", "groups"),
    [
        ({"groups": ["a", 5, None, "b"]}, "groups", ("a", "b")),
        ({"hd": "example.com"}, "hd", ("example.com",)),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", ("a",)),
        ({"https://id.example/groups": ["a"]}, "https://id.example/groups", ("a",)),
        ({"groups": {"a": True}}, "groups", ()),
        ({}, "realm_access.roles", ()),
        ({"email": "a@example.com"}, "email", ()),
        ({"email": "a@example.com", "email_verified": "true"}, "email", ()),
        ({"email": "a@example.com", "email_verified": True}, "email", ("a@example.com",)),
    ],
)
def test_groups_are_read_where_the_claim_has_them(claims: dict[str, Any], name: str, groups: tuple[str, ...]) -> None:
    assert rules.groups_of(claims, name) == groups


def test_a_key_for_other_products_than_its_users_sees_nothing() -> None:
    user = User(id="mia", password_hash="", customers=("ACME",), products=("SHOP",), created_ms=0)

    def key(*products: str) -> ApiKey:
        fields = {"id": "k", "digest": "", "name": "", "created_ms": 0}
        return ApiKey(**fields, account=user.account, scopes=(KeyScope.READ.value,), products=products)

    assert may_see(narrow(user, key()), "ACME", "SHOP")
    assert not may_see(narrow(user, key()), "ACME", "BLOG")
    assert may_see(narrow(user, key("SHOP", "BLOG")), "ACME", "SHOP")
    assert not may_see(narrow(user, key("SHOP", "BLOG")), "ACME", "BLOG")
    for product in ("SHOP", "BLOG", None):
        assert not may_see(narrow(user, key("BLOG")), "ACME", product)


@pytest.mark.parametrize(
    ("url", "is_trusted"),
    [
        ("https://id.example.com/realms/staff", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080/x", True),
        ("http://localhost/x", True),
        ("http://id.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost@id.example.com", False),
        ("https://user:password@id.example.com", False),
        ("https://id.example.com/#x", False),
        ("https://id.example.com/\r\nx: y", False),
        ("https://id.example.com:99999", False),
        ("https:///x", False),
        ("ftp://id.example.com", False),
        ("", False),
    ],
)
def test_a_provider_is_asked_over_tls_or_on_this_machine(url: str, is_trusted: bool) -> None:
    assert is_trusted_url(url) is is_trusted


GIVEN = {"oidc_issuer": "https://id.example.com", "oidc_client_id": "x", "oidc_groups": '{"a": {"admin": true}}'}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"oidc_issuer": "http://id.example.com"}, "expected the provider's issuer"),
        ({"oidc_issuer": "https://id.example.com?x=y"}, "expected the provider's issuer"),
        ({"oidc_client_id": ""}, "oidc_client_id is missing"),
        ({"oidc_groups": "{}"}, "oidc_groups is missing"),
        ({"oidc_scopes": "profile"}, "must have the scope openid"),
        ({"oidc_groups": '{"a": {"admin": true, "customers": ["ACME"]}}'}, "an admin sees every customer"),
        ({"oidc_groups": '{"a": {"products": ["SHOP"]}}'}, "it has no right"),
        ({"oidc_groups": '{" ": {"admin": true}}'}, "a group has a name"),
        ({"oidc_groups": '{"a": {"customers": [""]}}'}, "a code has 1 to"),
        ({"oidc_groups": '{"a": {"owner": true}}'}, "oidc_groups"),
    ],
)
def test_settings_that_could_sign_nobody_in_stop_the_start(changed: dict[str, str], problem: str) -> None:
    load(None, {"FOOTFALL_CONFIG": ""}, GIVEN)
    with pytest.raises(SettingsInvalid) as raised:
        load(None, {"FOOTFALL_CONFIG": ""}, GIVEN | changed)
    assert problem in str(raised.value)


def test_the_secret_is_shown_to_nobody() -> None:
    shown = load(None, {"FOOTFALL_CONFIG": ""}, GIVEN | {"oidc_client_secret": "of the client"}).shown()
    assert {name: value for name, value, _ in shown}["oidc_client_secret"] == "***"


def test_tables_are_shown_as_the_file_has_them() -> None:
    given = GIVEN | {"senders": '{"ACME": {"write_key": true}}'}
    shown = {name: value for name, value, _ in load(None, {"FOOTFALL_CONFIG": ""}, given).shown()}
    assert shown["senders"] == {"ACME": {"write_key": True}}
    rights = {"admin": True, "monitor": False, "customers": (), "products": ()}
    assert shown["oidc_groups"] == {"a": rights}
