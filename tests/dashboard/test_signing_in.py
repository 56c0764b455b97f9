"""Signing in to the pages and out again: sessions, their cookies, their ends, and forms that are ours."""

import re
from http.cookies import SimpleCookie

import pytest
from parts import PASSWORD

from footfall.accounts import totp
from footfall.dashboard import PAGES
from footfall.reports import Reports
from footfall.web import ROUTES

TLS = {"x-forwarded-proto": "https"}
POSTS = sorted({page.path for page in PAGES if page.method == "POST"})


def set_cookie(answer):
    """The one cookie that an answer sets, beside the mark that a browser gets which has signed in."""
    (header,) = [header for header in answer.headers.get_list("set-cookie") if "-known=" not in header]
    ((name, morsel),) = SimpleCookie(header).items()
    return name, morsel


async def test_who_is_not_signed_in_is_asked_to_and_comes_back_to_the_page(site):
    async with site() as opened:
        person = opened.person()
        asked = await person.get("/?range=7d&types=A")
        assert asked.status_code == 303
        assert asked.headers["location"] == "/dashboard/sign-in?next=%2F%3Frange%3D7d%26types%3DA"
        form = await person.get(asked.headers["location"])
        assert form.status_code == 200
        assert 'name="next" value="/?range=7d&amp;types=A"' in form.text
        answer = await person.sign_in("anna", next="/?range=7d&types=A")
        assert (answer.status_code, answer.headers["location"]) == (303, "/?range=7d&types=A")
        assert (await person.get("/dashboard/account")).status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "/reports",
        "javascript:x",
        "/dashboard/..//evil",
        "/dashboard/../../another",
        "/dashboard/%2e%2E/x",
        "/dashboard/.%2e",
        "",
    ],
)
async def test_nobody_is_sent_to_another_place_after_signing_in(site, target):
    async with site() as opened:
        answer = await opened.person().sign_in("anna", next=target)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    ("url", "headers", "settings", "name", "path", "secure"),
    [
        ("http://events.example", {}, {}, "footfall-80", "/", False),
        ("http://events.example:8000", {}, {}, "footfall-8000", "/", False),
        ("http://events.example", TLS, {"trusted_proxies": "127.0.0.1"}, "__Host-footfall", "/", True),
        ("http://events.example", TLS, {"trusted_proxies": "10.0.0.1"}, "footfall-80", "/", False),
        ("http://events.example", {}, {"public_url": "https://a.example/x"}, "__Secure-footfall", "/x", True),
    ],
)
async def test_the_cookie_is_bound_as_far_as_it_can_be(site, url, headers, settings, name, path, secure):
    async with site(url, **settings) as opened:
        found, morsel = set_cookie(await opened.person(**headers).get("/dashboard/sign-in"))
        assert (found, morsel["path"], bool(morsel["secure"])) == (name, path, secure)
        assert morsel["httponly"] is True
        assert morsel["samesite"] == "lax"
        assert morsel["domain"] == ""


OTHERS = ('prefs={"a":1}', "flag", "version=1", "Path", 'open="abc', "a[b]=1", "=v", "$Version=1", "x=a b", "é=ü", ";;")


@pytest.mark.parametrize("other", OTHERS)
async def test_a_cookie_of_another_service_on_the_host_keeps_nobody_out(site, other):
    async with site() as opened:
        person = await opened.signed_in("anna")
        own = f"footfall-80={person.client.cookies['footfall-80']}"
        person.client.cookies.clear()
        for header in (f"{other}; {own}", f"{own}; {other}", f"{other};{own};{other}"):
            answer = await person.client.get("/dashboard/account", headers={b"cookie": header.encode()})
            assert answer.status_code == 200, header


async def test_of_two_cookies_the_one_of_the_longer_path_counts(site):
    async with site() as opened:
        person = await opened.signed_in("anna")
        own = f"footfall-80={person.client.cookies['footfall-80']}"
        person.client.cookies.clear()
        for other in ("footfall-80=", f"footfall-80={'A' * 43}"):
            assert (await person.get("/dashboard/account", cookie=f"{own}; {other}")).status_code == 200


@pytest.mark.parametrize("host", ["a:99999", "[::::]", "[1.2.3.4]:80"])
async def test_a_host_that_is_none_is_no_fault_of_the_service(site, host):
    async with site() as opened:
        assert (await opened.person().get("/dashboard/sign-in", host=host)).status_code == 200


async def test_signing_in_changes_the_token_and_the_state_has_only_its_hash(site):
    async with site() as opened:
        person = opened.person()
        _, before = set_cookie(await person.get("/dashboard/sign-in"))
        _, after = set_cookie(await person.sign_in("anna"))
        assert before.value != after.value
        # Signing in again ends the session before, and nobody else's.
        user = opened.state.users.get("anna")
        other = await opened.signed_in("anna")
        assert len(opened.state.sessions.of(user.account)) == 2
        assert after.value not in repr(opened.state.sessions.of(user.account))
        rows = opened.state.sessions.of(user.account)
        assert after.value not in {row.token_hash for row in rows}
        assert (await other.get("/dashboard/account")).status_code == 200


async def test_a_wrong_password_is_told_in_words_and_counts_for_basic_too(site):
    async with site(login_failures_max=2) as opened:
        person = opened.person()
        answer = await person.sign_in("anna", "wrong")
        assert answer.status_code == 401
        assert "The user or the password is not right" in answer.text
        assert "www-authenticate" not in answer.headers
        assert 'value="anna"' in answer.text
        assert (await person.client.get("/service/authenticate", auth=("anna", "wrong"))).status_code == 401
        refused = await person.sign_in("anna")
        assert refused.status_code == 429
        assert "Too many tries" in refused.text
        assert (await opened.person().sign_in("root")).status_code == 303


async def test_the_end_of_a_session_is_the_end_of_its_token(site):
    async with site() as opened:
        person = await opened.signed_in("anna")
        cookies = dict(person.client.cookies)
        answer = await person.post("/dashboard/sign-out", "/dashboard/account")
        assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/sign-in")
        assert set_cookie(answer)[1]["max-age"] == "0"
        thief = opened.person()
        thief.client.cookies.update(cookies)
        assert (await thief.get("/dashboard/account")).status_code == 303


async def test_signing_out_everywhere_a_new_password_and_a_removal_end_all_sessions_of_the_user(site):
    async with site() as opened:
        accounts = opened.parts.accounts

        async def places():
            return [await opened.signed_in("anna"), await opened.signed_in("anna"), await opened.signed_in("root")]

        async def open_pages(people):
            return [(await person.get("/dashboard/account")).status_code for person in people]

        people = await places()
        assert await open_pages(people) == [200, 200, 200]
        await people[0].post("/dashboard/sign-out-everywhere", "/dashboard/account")
        assert await open_pages(people) == [303, 303, 200]
        people = await places()
        accounts.password("anna", PASSWORD + "!")
        assert await open_pages(people) == [303, 303, 200]
        accounts.password("anna", PASSWORD)
        people = await places()
        accounts.remove("anna")
        assert await open_pages(people) == [303, 303, 200]
        # Another user of the same name is another user.
        accounts.add("anna", PASSWORD)
        assert await open_pages(people) == [303, 303, 200]


async def test_a_session_ends_after_a_time_without_use_and_after_a_time_in_all(site):
    async with site(session_idle_s=100, session_age_max_s=250) as opened:
        person = await opened.signed_in("anna")
        statuses = []
        for seconds in (99, 99, 45, 7):
            opened.clock.ms += seconds * 1000
            statuses.append((await person.get("/dashboard/account")).status_code)
        assert statuses == [200, 200, 200, 303]
        other = await opened.signed_in("anna")
        opened.clock.ms += 100_000
        assert (await other.get("/dashboard/account")).status_code == 303


async def test_another_time_zone_makes_no_session_longer(site):
    async with site(session_age_max_s=250) as opened:
        person = await opened.signed_in("anna")
        for _ in range(2):
            opened.clock.ms += 100_000
            answer = await person.post("/dashboard/account/zone", "/dashboard/account", timezone="Asia/Tokyo")
            assert answer.headers["location"] == "/dashboard/account?done=zone"
        assert 'value="Asia/Tokyo"' in (await person.get("/")).text
        opened.clock.ms += 50_000
        assert (await person.get("/dashboard/account")).status_code == 303


async def test_a_slow_form_outlives_no_session(site):
    async with site() as opened:
        person = await opened.signed_in("anna")
        page = (await person.get("/dashboard/account")).text
        token = re.findall(r'name="form" value="([0-9a-f]+)"', page)[0]

        async def body():
            yield f"form={token}&timezone=Asia%2FTokyo".encode()
            await opened.parts.sessions.end_all(opened.state.users.get("anna"))

        form = {"content-type": "application/x-www-form-urlencoded"}
        answer = await person.client.post("/dashboard/account/zone", content=body(), headers=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/sign-in")
        assert opened.state.sessions.of(opened.state.users.get("anna").account) == []


async def test_a_user_is_signed_in_in_so_many_browsers(site):
    async with site(sessions_each_max=2) as opened:
        people = []
        for _ in range(3):
            people.append(await opened.signed_in("anna"))
            opened.clock.ms += 1000
        assert [(await person.get("/dashboard/account")).status_code for person in people] == [303, 200, 200]


@pytest.mark.parametrize("path", POSTS)
async def test_no_form_is_taken_that_is_not_ours(site, path):
    async with site() as opened:
        person, other = await opened.signed_in("anna"), await opened.signed_in("root")
        for wrong in ("", "0" * 128, "x"):
            answer = await person.client.post(path, data={"form": wrong})
            assert answer.status_code == 403, wrong
            assert "This form is from another session" in answer.text
        # The token of another session is none.
        answer = await other.post("/dashboard/sign-out", "/dashboard/account")
        stolen = await person.client.post(path, data={"form": answer.request.content.decode().partition("=")[2]})
        assert stolen.status_code == 403
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            answer = await person.post(path, "/dashboard/account", headers)
            assert answer.status_code == 403
        assert (await person.client.post(path, json={})).status_code == 415
        assert (await person.get("/dashboard/account")).status_code == 200


async def test_the_token_of_forms_is_another_on_each_page(site):
    async with site() as opened:
        person = await opened.signed_in("anna")
        pages = [(await person.get("/dashboard/account")).text for _ in range(2)]
        assert pages[0] != pages[1]


async def test_no_cookie_signs_in_to_the_calls_of_the_api(site):
    async with site() as opened:
        person = await opened.signed_in("root")
        for route in ROUTES:
            if route.signed_in:
                path = route.path.replace("{", "").replace("}", "")
                answer = await person.client.request(route.method, path, json={} if route.method == "POST" else None)
                assert answer.status_code == 401, route.name


async def test_colours_are_kept_in_the_browser(site):
    async with site() as opened:
        person = await opened.signed_in("anna")
        for theme in ("dark", "light", ""):
            answer = await person.post("/dashboard/theme", "/dashboard/account", theme=theme, next="/dashboard/account")
            assert answer.headers["location"] == "/dashboard/account"
            page = (await person.get("/dashboard/account")).text
            assert (f'data-theme="{theme}"' in page) == bool(theme)


async def test_whoever_guesses_in_the_same_network_does_not_lock_out_a_browser_that_is_known(site):
    async with site(login_failures_max=2) as opened:
        known = await opened.signed_in("anna")
        await known.post("/dashboard/sign-out", "/dashboard/account")
        for _ in range(2):
            assert (await opened.person().sign_in("anna", "wrong password")).status_code == 401
        assert (await opened.person().sign_in("anna")).status_code == 429
        assert (await known.sign_in("anna")).status_code == 303
        # Nor does it keep the owner from another password.
        fields = {"present": PASSWORD, "password": "another good one 4711", "again": "another good one 4711"}
        changed = await known.post("/dashboard/account/password", "/dashboard/account", **fields)
        assert (changed.status_code, changed.headers["location"]) == (303, "/dashboard/account?done=password")


async def test_a_second_factor_is_asked_for_in_the_form(site):
    async with site() as opened:
        accounts, anna = opened.parts.accounts, opened.state.users.get("anna")
        secret = accounts.factors.begin(anna).secret
        accounts.factors.confirm(anna, totp.make_code(secret, opened.clock.ms // 30_000))
        opened.clock.ms += 60_000
        person = opened.person()
        assert 'name="code"' in (await person.get("/dashboard/sign-in")).text
        assert (await person.sign_in("anna")).status_code == 401
        code = totp.make_code(secret, opened.clock.ms // 30_000)
        assert (await person.sign_in("anna", code=code)).status_code == 303
        actions = [(entry.action, entry.outcome) for entry in opened.state.audit.following(0, 10)]
        assert actions == [("sign-in", "failed"), ("session.begin", "ok")]


async def test_a_page_that_took_its_time_is_not_shown_to_whoever_is_signed_out_by_then(site, monkeypatch):
    monkeypatch.setattr("footfall.dashboard.serving.RECHECKED_AFTER_S", 0)
    async with site() as opened:
        anna, listing = await opened.signed_in("anna"), Reports.list
        account = opened.state.users.get("anna").account
        losses = [
            lambda: opened.state.users.change_customers("anna", revoked=["BARCHART"]),
            lambda: opened.state.sessions.remove_of(account),
        ]

        async def lose_meanwhile(*given):
            found = await listing(*given)
            losses.pop(0)()
            return found

        assert (await anna.get("/dashboard/reports")).status_code == 200
        monkeypatch.setattr(Reports, "list", lose_meanwhile)
        told = [await anna.get("/dashboard/reports") for _ in range(2)]
    assert [answer.status_code for answer in told] == [303, 303]
    # Once with the rights of now, then to sign in.
    again, to_sign_in = (answer.headers["location"] for answer in told)
    assert (again, to_sign_in) == ("/dashboard/reports", "/dashboard/sign-in?next=%2Fdashboard%2Freports")
