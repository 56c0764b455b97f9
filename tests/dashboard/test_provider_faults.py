"""A provider that cheats or is away, and browsers that bring what is not theirs: nobody is signed in by them."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import pytest
from identity_providers import UNTRUSTED, path_of, refused, started, through, title_of

from footfall.errors import Code, RequestRefused
from footfall.oidc import pending

FORGED = [
    {"claims": {"nonce": "another"}},
    {"claims": {"nonce": None}},
    {"claims": {"aud": "another"}},
    {"claims": {"aud": ["footfall", "another"]}},
    {"claims": {"aud": ["footfall"], "azp": "another"}},
    {"claims": {"iss": "https://evil.example"}},
    {"claims": {"exp": 1}},
    {"claims": {"exp": None}},
    {"claims": {"exp": "soon"}},
    {"claims": {"iat": 99999999999}},
    {"claims": {"nbf": 99999999999}},
    {"claims": {"sub": ""}},
    {"claims": {"sub": 5}},
    {"claims": {"at_hash": "bm90IGl0cyBoYXNo"}},
    {"sign": "none"},
    {"sign": "hs256"},
    {"sign": "stranger"},
    {"sign": "unknown"},
]


async def test_a_token_that_is_not_ours_now_or_not_signed_signs_nobody_in(sso, provider):
    async with sso(login_failures_max=100) as opened:
        for orders in FORGED:
            provider.control(**orders)
            assert await refused(opened.person(), provider) == UNTRUSTED, orders
        assert opened.state.users.get("mia") is None
        entry = next(iter(opened.state.audit.following(0, 1)))
        assert (entry.action, entry.outcome, entry.who) == ("sign-in", "failed", "")


async def test_a_public_key_as_a_secret_is_refused_whatever_the_key_set_says(sso, provider):
    async with sso() as opened:
        provider.control(sign="hs256", keys=[{"kty": "oct", "k": "AAAA", "kid": "key-1"}])
        assert await refused(opened.person(), provider) == UNTRUSTED


async def test_keys_that_change_are_asked_for_anew_and_not_too_often(sso, provider):
    async with sso() as opened:
        assert (await through(opened.person(), provider)).status_code == 303
        provider.control(rotate=True)
        opened.clock.ms += 6_000
        assert (await through(opened.person(), provider)).status_code == 303
        assert provider.asked().count("/jwks") == 1
        provider.control(sign="unknown")
        for _ in range(3):
            assert await refused(opened.person(), provider) == UNTRUSTED
        assert provider.asked().count("/jwks") == 0
        provider.control(sign="no_kid")
        assert (await through(opened.person(), provider)).status_code == 303
        assert ".well-known" not in "".join(provider.asked())


async def test_a_sign_in_ends_in_the_browser_that_began_it(sso, provider):
    async with sso() as opened:
        person, other = opened.person(), opened.person()
        expired = (400, "This sign-in is over")
        assert await refused(person, provider, state="another") == expired
        back = path_of(provider.consent(await started(person), "s-1"))
        for stranger in (opened.person(), other):
            answer = await stranger.get(back)
            assert (answer.status_code, title_of(answer.text)) == expired
        await started(other)
        assert title_of((await other.get(back)).text) == expired[1]
        # Said twice, a state counts as not said.
        assert (await person.get(f"{back}&state=x")).status_code == 400


async def test_a_code_and_a_cookie_are_good_for_one_sign_in(sso, provider):
    async with sso() as opened:
        person = opened.person()
        back = path_of(provider.consent(await started(person), "s-1"))
        cookies = dict(person.client.cookies)
        assert (await person.get(back)).status_code == 303
        assert not [name for name in person.client.cookies if name.endswith("-begun")]
        thief = opened.person()
        thief.client.cookies.update({name: value for name, value in cookies.items() if name.endswith("-begun")})
        answer = await thief.get(back)
        assert (answer.status_code, title_of(answer.text)) == UNTRUSTED


async def test_who_takes_too_long_or_forges_the_cookie_begins_again(sso, provider):
    async with sso() as opened:
        person = opened.person()
        back = path_of(provider.consent(await started(person), "s-1"))
        (name,) = [name for name in person.client.cookies if name.endswith("-begun")]
        whole = person.client.cookies[name]
        for wrong in (whole[:-1] + ("0" if whole[-1] != "0" else "1"), "x", whole.replace(".", ".1", 1)):
            thief = opened.person()
            thief.client.cookies.set(name, wrong)
            assert (await thief.get(back)).status_code == 400
        opened.clock.ms += pending.LIFE_S * 1000
        assert (await person.get(back)).status_code == 400


async def test_an_answer_of_another_provider_and_one_that_says_no(sso, provider):
    async with sso() as opened:
        person = opened.person()
        assert await refused(person, provider, iss="https://evil.example") == UNTRUSTED
        assert await refused(person, provider, code=None) == UNTRUSTED
        assert (await through(opened.person(), provider, iss=provider.issuer)).status_code == 303
        denied = provider.consent(await started(person), "s-1", action="deny")
        url = await started(person)
        state = parse_qs(urlsplit(url).query)["state"][0]
        answer = await person.get(path_of(denied, state=state))
        assert (answer.status_code, title_of(answer.text)) == (403, "The provider did not sign you in")


async def test_a_provider_that_is_slow_or_answers_too_much_or_nonsense_costs_a_moment(sso, provider):
    silent = (503, "The provider does not answer")
    async with sso(oidc_timeout_s=1) as opened:
        for trick in ("huge", "drip", "redirect", "garbage", "error"):
            provider.control(answer={"/.well-known/openid-configuration": trick})
            answer = await opened.person().get("/dashboard/sign-in/provider")
            assert (answer.status_code, title_of(answer.text)) == silent, trick
            assert "/elsewhere" not in provider.asked()
            # Who comes meanwhile is told at once, and the provider is left in peace for some seconds.
            provider.control()
            assert (await opened.person().get("/dashboard/sign-in/provider")).status_code == 503
            assert provider.asked() == []
            opened.clock.ms += 6_000
        for path in ("/oauth2/token", "/jwks"):
            for trick in ("huge", "redirect", "garbage", "error"):
                provider.control(answer={path: trick})
                answer = await through(opened.person(), provider)
                assert (answer.status_code, title_of(answer.text)) == silent, (path, trick)
                # Keys that do not come hold nobody up: they are not asked for again within seconds.
                assert (await through(opened.person(), provider)).status_code == 503
                assert provider.asked().count("/jwks") == (1 if path == "/jwks" else 0)
                opened.clock.ms += 6_000
        provider.control()
        assert (await through(opened.person(), provider)).status_code == 303


async def test_a_network_has_a_provider_that_refuses_all_asked_so_often_and_no_more(sso, provider):
    async with sso(login_failures_max=2) as opened:
        provider.control(answer={"/oauth2/token": "error"})
        for _ in range(2):
            assert (await through(opened.person(), provider)).status_code == 503
        answer = await through(opened.person(), provider)
        assert (answer.status_code, title_of(answer.text)) == (429, "Too many tries")
        assert provider.asked().count("/oauth2/token") == 2


async def test_who_goes_while_the_provider_is_asked_has_failed_and_one_network_leaves_room_for_others(sso, provider):
    async with sso(login_failures_max=2, oidc_at_once_max=2) as opened:
        provider.control(answer={"/oauth2/token": "drip"})
        sign_in = opened.parts.provider

        async def finish(address):
            begun = await sign_in.begin("", "http://events.example/")
            query = {"state": parse_qs(urlsplit(begun.url).query)["state"][0], "code": "made-up"}
            return await sign_in.finish(query, begun.cookie, "http://events.example/", address)

        async def begin_finishing(address, asked):
            finishing = asyncio.create_task(finish(address))
            async with asyncio.timeout(60):
                while provider.asked().count("/oauth2/token") < asked:
                    await asyncio.sleep(0.01)
            return finishing

        held = [await begin_finishing("192.0.2.1", 1)]
        with pytest.raises(RequestRefused) as busy:
            await finish("192.0.2.1")
        held.append(await begin_finishing("192.0.2.2", 2))
        for going in held:
            going.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        going = await begin_finishing("192.0.2.1", 3)
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
        with pytest.raises(RequestRefused) as failed:
            await finish("192.0.2.1")
    assert (busy.value.code, failed.value.code) == (Code.SERVICE_UNAVAILABLE, Code.REQUEST_RATE_LIMITED)


async def test_the_log_has_the_error_of_a_provider_and_nothing_that_is_secret(sso, provider, caplog):
    async with sso() as opened:
        for trick in ("echo", "created"):
            provider.control(answer={"/oauth2/token": trick})
            assert (await through(opened.person(), provider)).status_code in (403, 503)
    echoed, created = (one.getMessage() for one in caplog.records if one.name == "footfall.oidc")
    assert "status 400, 'invalid_grant no code: *** *** of ***'" in echoed
    assert created.endswith("status 201")


def test_a_target_that_does_not_fit_into_a_cookie_is_left_out():
    for target in ("/" + "é" * 1_500, "/" + "x" * 2_000):
        _, cookie = pending.begin(b"key", target, 5)
        assert (len(cookie) < 4_000, pending.find(b"key", cookie, 6).target) == (True, "")


async def test_a_provider_that_is_away_is_told_and_asked_again_later(sso, provider):
    async with sso(oidc_issuer="http://127.0.0.1:9") as opened:
        person = opened.person()
        for _ in range(2):
            answer = await person.get("/dashboard/sign-in/provider")
            assert (answer.status_code, title_of(answer.text)) == (503, "The provider does not answer")
        assert (await person.sign_in("anna")).status_code == 303


ASTRAY = [
    {"issuer": "https://evil.example"},
    {"token_endpoint": "http://192.0.2.1/token"},
    {"authorization_response_iss_parameter_supported": True},
]


async def test_a_description_that_leads_elsewhere_is_not_followed(sso, provider):
    for metadata in ASTRAY:
        async with sso() as opened:
            provider.control(metadata=metadata)
            if "issuer" in metadata:
                answer = await opened.person().get("/dashboard/sign-in/provider")
            else:
                answer = await through(opened.person(), provider)
            assert answer.status_code in (403, 503), metadata
