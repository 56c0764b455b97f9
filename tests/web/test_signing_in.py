"""Calls that need a user, without one."""

import json

import pytest
from msgspec import structs

from footfall.state import UserChange


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/reports"),
        ("GET", "/reports/JOB-x/availability"),
        ("GET", "/reports/JOB-x"),
        ("GET", "/service/authenticate"),
    ],
)
async def test_without_a_user_the_answer_is_the_same_whatever_was_wrong(service, method, path):
    given = [None, "", "Basic", "Basic !!!", "Bearer x", "Basic YW5uYQ==", "Basic YW5uYTp4", "Basic bm9ib2R5Ong="]
    async with service(call_body_bytes_max=10) as opened:
        for authorization in given:
            headers = {"content-type": "x/y"} | ({} if authorization is None else {"authorization": authorization})
            answer = await opened.client.request(method, path, headers=headers, content=b"x" * 100)
            assert answer.status_code == 401, authorization
            assert answer.headers.get_list("content-type") == ["application/json"]
            assert answer.content == b'{"message":"Unauthorized"}'
            assert answer.headers["www-authenticate"] == 'Basic realm="footfall", charset="UTF-8"'


async def test_guessing_is_refused_with_the_time_to_wait(service):
    async with service(login_failures_max=2, trusted_proxies="127.0.0.1") as opened:
        wrong = {"auth": ("anna", "wrong"), "headers": {"x-forwarded-for": "192.0.2.1"}}
        for _ in range(2):
            assert (await opened.client.get("/service/authenticate", **wrong)).status_code == 401
        answer = await opened.client.get("/service/authenticate", **wrong)
        assert answer.status_code == 429
        assert answer.json()[0]["value"]["code"] == "REQUEST_RATE_LIMITED"
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        # Whoever asks from elsewhere does not notice.
        other = await opened.anna.get("/service/authenticate", headers={"x-forwarded-for": "192.0.2.2"})
        assert other.status_code == 200


async def slow(body, meanwhile):
    """The bytes of a body that comes once something else was done; who sends it is signed in by then."""
    meanwhile()
    yield json.dumps(body).encode()


async def test_a_right_that_is_withdrawn_while_a_body_comes_does_not_count_for_it(service):
    report = {"filter": {"customer": "BARCHART", "product": "PORTFOLIO"}}
    async with service() as opened:
        users = opened.state.users
        key = (await opened.anna.post("/keys", json={"name": "k", "scopes": ["report"]})).json()
        bearer = {"authorization": f"Bearer {key['key']}"}

        async def start(meanwhile, headers):
            who = opened.client if headers else opened.anna
            return (await who.post("/reports", content=slow(report, meanwhile), headers=headers)).status_code

        assert await start(lambda: None, bearer) == 200
        assert await start(lambda: opened.state.keys.remove(key["id"]), bearer) == 401
        assert await start(lambda: users.change_customers("anna", revoked=["BARCHART"]), {}) == 403
        dropping = slow({"all": True}, lambda: users.change("root", UserChange(admin=False)))
        users.change("anna", UserChange(admin=True))
        assert (await opened.root.post("/quarantine/drop", content=dropping)).status_code == 403
        hashed = users.get("anna").password_hash
        assert await start(lambda: users.set_password("anna", hashed), {}) == 401
        assert await start(lambda: users.remove("root"), {}) == 200
        users.add(structs.replace(users.get("anna"), id="other", account="other"))
        assert await start(lambda: users.remove("anna"), {}) == 401
