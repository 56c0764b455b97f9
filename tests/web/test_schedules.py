"""The calls about schedules."""

from typing import Any

BODY = {"every": "day", "filter": {"customer": "BARCHART", "product": "PORTFOLIO"}}
NOBODYS = "7b0e6d0e-3c43-4f0c-9b25-2f5b8d3f0a11"


async def test_a_schedule_from_its_making_to_its_end(service: Any) -> None:
    async with service() as opened:
        anna = opened.anna
        made = await anna.post("/schedules", json=BODY | {"name": "daily", "output": {"bucketName": None}})
        assert made.status_code == 200
        assert made.headers["cache-control"] == "no-store"
        schedule = made.json()
        assert list(schedule) == [
            *("id", "user", "name", "every", "timezone", "graceSeconds", "correctionDays", "correction"),
            *("paused", "created", "next", "filter", "output"),
        ]
        path = f"/schedules/{schedule['id']}"
        assert (await anna.get("/schedules")).json() == {"schedules": [schedule]}
        assert (await opened.root.get("/schedules")).json() == {"schedules": [schedule]}
        assert (await anna.get(path)).json() == {**schedule, "runs": []}
        assert (await anna.post(f"{path}/pause")).json() == {**schedule, "paused": True}
        assert (await anna.post(f"{path}/resume")).json() == schedule
        assert (await anna.delete(path)).json() == schedule
        assert (await anna.get(path)).status_code == 404


async def test_what_is_refused(service: Any) -> None:
    async with service(schedules_max=1) as opened:
        anna = opened.anna
        assert (await opened.client.post("/schedules", json=BODY)).status_code == 401
        others = await anna.post("/schedules", json=BODY | {"filter": {"customer": "TGAM", "product": "ALERT"}})
        assert (others.status_code, code(others)) == (403, "REQUEST_AUTHORIZATION_FAILURE")
        bad = await anna.post("/schedules", json=BODY | {"every": "minute", "timezone": "x"})
        assert (bad.status_code, code(bad)) == (400, "REQUEST_PARAMETER_MALFORMED")
        texts = [child["value"]["message"] for child in bad.json()[0]["children"]]
        assert [text.partition(":")[0] for text in texts] == ["every", "timezone"]
        assert (await anna.post("/schedules", content=b"x", headers={"content-type": "text/csv"})).status_code == 415
        assert (await anna.get("/schedules?after=%00")).status_code == 400
        for method, path in (
            ("GET", f"/schedules/{NOBODYS}"),
            ("DELETE", f"/schedules/{NOBODYS}"),
            ("POST", f"/schedules/{NOBODYS}/pause"),
            ("POST", f"/schedules/{NOBODYS}/resume"),
        ):
            missing = await anna.request(method, path)
            assert (missing.status_code, code(missing)) == (404, "REQUEST_NOT_FOUND")
        theirs = (await opened.root.post("/schedules", json=BODY)).json()["id"]
        assert (await anna.get(f"/schedules/{theirs}")).status_code == 404
        assert (await anna.post("/schedules", json=BODY)).status_code == 200
        full = await anna.post("/schedules", json=BODY)
        assert (full.status_code, code(full)) == (429, "REQUEST_RATE_LIMITED")


def code(answer: Any) -> str:
    return str(answer.json()[0]["value"]["code"])
