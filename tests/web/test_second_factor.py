"""The calls about the second factor, and signing in with it over HTTP."""

from typing import Any

from footfall.accounts import totp


def code_of(secret: str, opened: Any) -> str:
    return totp.make_code(secret, opened.clock.ms // 30_000)


async def test_a_second_factor_from_its_making_to_its_end(service: Any) -> None:
    async with service() as opened:
        anna = opened.anna
        assert (await anna.get("/second-factor")).json() == {"active": False}
        begun = (await anna.post("/second-factor")).json()
        assert begun["uri"] == f"otpauth://totp/footfall:anna?secret={begun['secret']}&issuer=footfall"
        wrong = await anna.post("/second-factor/confirm", json={"code": "000000"})
        assert (wrong.status_code, "clock of the device" in wrong.text) == (400, True)
        code = code_of(begun["secret"], opened)
        confirmed = await anna.post("/second-factor/confirm", json={"code": code})
        assert confirmed.headers["cache-control"] == "no-store"
        recovery = confirmed.json()["recoveryCodes"]
        assert len(set(recovery)) == 10
        # From now on the password alone is refused, with the same bytes as ever.
        for headers in ({}, {"footfall-code": code}, {"footfall-code": "000000"}):
            refused = await anna.get("/reports", headers=headers)
            assert (refused.status_code, refused.content) == (401, b'{"message":"Unauthorized"}')
        opened.clock.ms += 60_000
        shown = await anna.get("/second-factor", headers={"footfall-code": code_of(begun["secret"], opened)})
        assert shown.json() == {"active": True, "recoveryCodes": 10}
        key = {"name": "x", "scopes": ["read", "admin"]}
        made = (await anna.post("/keys", json=key, headers={"footfall-code": recovery[0]})).json()
        bearer = {"authorization": f"Bearer {made['key']}"}
        assert (await opened.client.get("/reports", headers=bearer)).status_code == 200
        # A key does not manage what keeps its user's password.
        assert (await opened.client.delete("/second-factor", headers=bearer)).status_code == 403
        removed = await anna.delete("/second-factor", headers={"footfall-code": recovery[1]})
        assert removed.json() == {"active": False}
        assert (await anna.get("/reports")).status_code == 200
        told = str(opened.state.audit.following(0, 100))
        assert [each.action for each in opened.state.audit.following(0, 100) if each.action.startswith("factor")] == [
            *("factor.begin", "factor.confirm", "factor.remove")
        ]
        assert not [text for text in (begun["secret"], *recovery, code, made["key"]) if text in told]


async def test_a_second_one_is_refused_until_the_first_is_removed(service: Any) -> None:
    async with service() as opened:
        begun = (await opened.anna.post("/second-factor")).json()
        code = code_of(begun["secret"], opened)
        recovery = (await opened.anna.post("/second-factor/confirm", json={"code": code})).json()["recoveryCodes"]
        again = await opened.anna.post("/second-factor", headers={"footfall-code": recovery[0]})
        assert (again.status_code, "already" in again.text) == (400, True)
