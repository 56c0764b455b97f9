"""Signing in to the pages with an identity provider, which is a real one in a process of its own."""

from urllib.parse import parse_qs, urlsplit

from identity_providers import UNTRUSTED, path_of, refused, started, through, title_of


async def test_the_first_sign_in_makes_an_account_with_the_rights_of_the_groups(sso, provider):
    async with sso(oidc_name="Example ID") as opened:
        person = opened.person()
        assert "Sign in with Example ID" in (await person.get("/dashboard/sign-in")).text
        url = await started(person, "/dashboard/sign-in/provider?next=%2Fdashboard%2Freports&timezone=Europe%2FBerlin")
        asked = {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
        assert asked["redirect_uri"] == "http://events.example/dashboard/sign-in/callback"
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        answer = await person.get(path_of(provider.consent(url, "s-1")))
        assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/reports")
        page = (await person.get("/dashboard/account")).text
        assert "mia" in page
        assert "Europe/Berlin" in page
        user = opened.state.users.get("mia")
        assert (user.customers, user.products, user.admin) == (("BARCHART", "TGAM"), (), False)
        entries = [(each.action, each.who, each.details) for each in opened.state.audit.following(0, 10)]
        assert [action for action, _, _ in entries] == ["user.add", "session.begin"]
        assert all(who == "mia" and provider.issuer in details and "s-1" in details for _, who, details in entries)
        # The second time it is the same account, whatever the provider calls the person now.
        provider.put_user("s-1", preferred_username="mia.new", groups=["tgam", "staff"])
        assert (await through(opened.person(), provider)).status_code == 303
        assert [each.id for each in opened.state.users.all()] == ["anna", "mia", "root"]
        assert len(opened.state.sessions.of(user.account)) == 2


async def test_nobody_signs_in_with_a_password_to_such_an_account_and_its_session_ends_as_any_other(sso, provider):
    async with sso() as opened:
        person = opened.person()
        assert (await through(person, provider)).status_code == 303
        assert (await opened.person().sign_in("mia", "")).status_code == 401
        assert (await opened.person().sign_in("mia", "correct horse battery")).status_code == 401
        await person.post("/dashboard/sign-out", "/dashboard/account")
        assert (await person.get("/dashboard/account")).status_code == 303


async def test_rights_follow_the_groups_at_each_sign_in(sso, provider):
    async with sso() as opened:
        first = opened.person()
        await through(first, provider)
        provider.put_user("s-1", preferred_username="mia", groups=["shop"])
        await through(opened.person(), provider)
        user = opened.state.users.get("mia")
        assert (user.customers, user.products) == (("BARCHART",), ("PORTFOLIO",))
        provider.put_user("s-1", preferred_username="mia", groups=["owners"])
        admin = opened.person()
        await through(admin, provider)
        assert (await admin.get("/dashboard/users")).status_code == 200
        # Who is in no group any more has no right left, and no session.
        provider.put_user("s-1", preferred_username="mia", groups=["others"])
        assert await refused(opened.person(), provider) == (403, "You have no rights here")
        assert (await admin.get("/dashboard/account")).status_code == 303
        assert (await first.get("/dashboard/account")).status_code == 303
        actions = [each.action for each in opened.state.audit.following(0, 20)]
        assert actions.count("user.change") == 2


async def test_a_user_who_is_restricted_to_products_sees_no_other(sso, provider):
    provider.put_user("s-2", preferred_username="noa", groups=["shop"])
    async with sso() as opened:
        person = opened.person()
        await through(person, provider, "s-2")
        opened.load({"product": "PORTFOLIO"}, {"product": "WATCHLIST", "type": "WATCHLIST-ACCESSED", "sequence": 2})
        assert (await person.get("/?range=7d&product=PORTFOLIO")).status_code == 200
        assert (await person.get("/dashboard/explore?range=7d&product=WATCHLIST")).status_code == 403


async def test_a_name_that_another_user_has_is_never_taken_over(sso, provider):
    provider.put_user("s-3", preferred_username="root", email="root@example.com", email_verified=True, groups=["staff"])
    async with sso() as opened:
        assert await refused(opened.person(), provider, subject="s-3") == (409, "Your name is taken")
        # The operator may say that the two are the same person.
        opened.state.identities.link("anna", provider.issuer, "s-3", opened.clock.ms)
        person = opened.person()
        assert (await through(person, provider, "s-3")).status_code == 303
        assert "anna" in (await person.get("/dashboard/account")).text
        assert opened.state.identities.unlink("anna")
        assert (await person.get("/dashboard/account")).status_code == 303


async def test_a_person_without_a_usable_name_gets_no_account(sso, provider):
    async with sso() as opened:
        for name in (None, "", "a:b", "x" * 201, ["mia"], 5):
            provider.put_user("s-4", preferred_username=name, groups=["staff"])
            found = await refused(opened.person(), provider, subject="s-4")
            assert found == (403, "The provider gave no name for you"), name
        assert len(opened.state.users.all()) == 2


async def test_the_last_admin_stays_one(sso, provider):
    async with sso() as opened:
        provider.put_user("s-1", preferred_username="mia", groups=["owners"])
        await through(opened.person(), provider)
        opened.parts.accounts.remove("root")
        provider.put_user("s-1", preferred_username="mia", groups=["staff"])
        assert await refused(opened.person(), provider) == (409, "You are the only admin")
        assert opened.state.users.get("mia").admin


async def test_failures_are_limited_for_a_network_and_open_sessions_go_on(sso, provider):
    async with sso(login_failures_max=2) as opened:
        before = await opened.signed_in("anna")
        provider.control(claims={"nonce": "another"})
        for _ in range(2):
            assert await refused(opened.person(), provider) == UNTRUSTED
        provider.control()
        answer = await through(opened.person(), provider)
        assert (answer.status_code, title_of(answer.text)) == (429, "Too many tries")
        assert "/oauth2/token" not in provider.asked()
        assert (await before.get("/dashboard/account")).status_code == 200
        assert (await opened.person().sign_in("anna")).status_code == 303
        opened.clock.ms += 61_000
        assert (await through(opened.person(), provider)).status_code == 303


async def test_claims_that_are_not_in_the_token_are_asked_for(sso, provider):
    async with sso() as opened:
        provider.control(claims={"groups": None, "preferred_username": None})
        assert (await through(opened.person(), provider)).status_code == 303
        assert "/userinfo" in provider.asked()
        assert opened.state.users.get("mia").customers == ("BARCHART", "TGAM")


async def test_passwords_can_be_for_some_users_only(sso, provider):
    async with sso(password_users="root") as opened:
        assert (await opened.person().sign_in("anna")).status_code == 401
        basic = opened.person().client
        assert (await basic.get("/service/authenticate", auth=("anna", "correct horse battery"))).status_code == 401
        assert (await opened.person().sign_in("root")).status_code == 303
        assert (await through(opened.person(), provider)).status_code == 303


async def test_without_a_provider_there_is_no_way_to_it(site):
    async with site() as opened:
        person = opened.person()
        assert "sign-in/provider" not in (await person.get("/dashboard/sign-in")).text
        for path in ("/dashboard/sign-in/provider", "/dashboard/sign-in/callback?code=x&state=y"):
            assert (await person.get(path)).status_code == 404
