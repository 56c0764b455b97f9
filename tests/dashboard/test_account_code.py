"""The second factor of one's own account as a page, and the browsers that are signed in."""

import re

import segno
from parts import PASSWORD

from footfall.accounts import totp
from footfall.dashboard.views.account_code import QUIET_MODULES, qr_path

CODE, ACCOUNT = "/dashboard/account/code", "/dashboard/account"
SECRET = re.compile(r'name="secret" value="([A-Z2-7]{32})"')


def code_now(opened, secret: str) -> str:
    return totp.make_code(secret, opened.clock.ms // (totp.STEP_S * 1000))


async def turn_on(opened, person) -> tuple[str, list[str]]:
    """Set the factor up; gives its secret and the recovery codes."""
    secret = SECRET.findall((await person.post(f"{CODE}/begin", CODE, present=PASSWORD)).text)[0]
    page = (await person.post(f"{CODE}/confirm", CODE, secret=secret, code=code_now(opened, secret))).text
    return secret, re.findall(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", page)


async def test_a_factor_is_set_up_by_its_qr_code_asked_for_and_given_up(site):
    async with site() as opened:
        anna = await opened.signed_in("anna")
        begun = (await anna.post(f"{CODE}/begin", CODE, present=PASSWORD)).text
        secret = SECRET.findall(begun)[0]
        assert " ".join(secret[at : at + 4] for at in range(0, 32, 4)) in begun
        assert qr_path(totp.make_uri(secret, "anna", "footfall"))[1] in begun
        assert (await opened.person().sign_in("anna")).status_code == 303, "it counts before a code of it was given"
        wrong = await anna.post(f"{CODE}/confirm", CODE, secret=secret, code="000000")
        assert (wrong.status_code, SECRET.findall(wrong.text)) == (400, [secret])
        on = (await anna.post(f"{CODE}/confirm", CODE, secret=secret, code=code_now(opened, secret))).text
        codes = re.findall(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", on)
        assert len(codes) == 10
        page = (await anna.get(CODE)).text
        assert "10 recovery codes are left" in re.sub(r"<[^>]*>", "", page)
        assert not any(code in page for code in codes)
        assert (await opened.person().sign_in("anna")).status_code == 401
        assert (await opened.person().sign_in("anna", code=codes[0])).status_code == 303
        assert (await anna.post(f"{CODE}/remove", CODE, present=PASSWORD)).status_code == 400
        off = await anna.post(f"{CODE}/remove", CODE, present=PASSWORD, code=codes[1])
        assert off.headers["location"] == f"{CODE}?done=removed"
        assert (await opened.person().sign_in("anna")).status_code == 303


async def test_an_open_page_alone_changes_no_factor_and_no_key(site):
    async with site() as opened:
        anna = await opened.signed_in("anna")
        assert (await anna.post(f"{CODE}/begin", CODE, present="wrong")).status_code == 400
        await turn_on(opened, anna)
        begun = await anna.post(f"{CODE}/begin", CODE, present=PASSWORD)
        assert "or the code is not right" in begun.text
        refused = await anna.post("/dashboard/account/keys", CODE, name="k", scope="read", present=PASSWORD)
        assert (refused.status_code, "or the code is not right" in refused.text) == (400, True)


async def test_a_second_factor_that_is_on_is_not_set_up_again(site):
    async with site() as opened:
        anna = await opened.signed_in("anna")
        _, codes = await turn_on(opened, anna)
        again = await anna.post(f"{CODE}/begin", CODE, present=PASSWORD, code=codes[0])
        assert (again.status_code, "turn it off first" in again.text) == (400, True)


async def test_the_secret_and_the_codes_are_not_in_the_audit_log(site):
    async with site() as opened:
        anna = await opened.signed_in("anna")
        secret, codes = await turn_on(opened, anna)
        await anna.post(f"{CODE}/remove", CODE, present=PASSWORD, code=codes[0])
        await opened.parts.audit.close()
        entries = [entry for entry in opened.state.audit.following(0, 100) if entry.action.startswith("factor.")]
    assert [(entry.who, entry.action, entry.target) for entry in entries] == [
        ("anna", f"factor.{what}", "anna") for what in ("begin", "confirm", "remove")
    ]
    assert not any(word in entry.details for entry in entries for word in (secret, PASSWORD, *codes))


async def test_one_other_browser_is_signed_out_and_nobody_elses(site):
    async with site() as opened:
        here, there, root = await opened.signed_in("anna"), await opened.signed_in("anna"), await opened.signed_in()
        (name,) = re.findall(r'name="session" value="([0-9a-f]{16})"', (await here.get(ACCOUNT)).text)
        assert (await root.post(f"{ACCOUNT}/session", ACCOUNT, session=name)).status_code == 400
        (mine,) = re.findall(r'name="session" value="([0-9a-f]{16})"', (await there.get(ACCOUNT)).text)
        assert (await here.post(f"{ACCOUNT}/session", ACCOUNT, session=mine)).status_code == 400
        ended = await here.post(f"{ACCOUNT}/session", ACCOUNT, session=name)
        assert ended.headers["location"] == f"{ACCOUNT}?done=session"
        assert (await there.get(ACCOUNT)).status_code == 303
        assert "That browser is signed out." in (await here.get(ended.headers["location"])).text
        assert (await here.post(f"{ACCOUNT}/session", ACCOUNT, session=name)).status_code == 400


def test_a_qr_code_is_drawn_module_by_module():
    text = totp.make_uri("A" * 32, "anna", "footfall")
    size, path = qr_path(text)
    drawn = [[0] * size for _ in range(size)]
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", path):
        drawn[int(y)][int(x) : int(x) + int(width)] = [1] * int(width)
    matrix = segno.make(text, error="m", micro=False, boost_error=False).matrix
    inside = [row[QUIET_MODULES:-QUIET_MODULES] for row in drawn[QUIET_MODULES:-QUIET_MODULES]]
    assert inside == [list(row) for row in matrix]
    assert sum(map(sum, drawn)) == sum(map(sum, matrix)), "something is drawn in the quiet zone"
