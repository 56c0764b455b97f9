"""POST /reports/estimate, before anything is estimated."""


async def test_who_may_not_ask_and_what_cannot_be(service) -> None:
    async with service() as opened:
        wanted = {"filter": {"customer": "BARCHART", "product": "PORTFOLIO"}}
        nobody = await opened.client.post("/reports/estimate", json=wanted)
        others = await opened.anna.post("/reports/estimate", json={"filter": {"customer": "TGAM", "product": "P"}})
        wrong = await opened.anna.post("/reports/estimate", json={**wanted, "duplicates": "x"})
        text = await opened.anna.post("/reports/estimate", content=b"{}", headers={"content-type": "text/csv"})
        away = await opened.anna.post("/reports/estimate", json=wanted)
        listed = await opened.anna.get("/reports")
    assert (nobody.status_code, nobody.text) == (401, '{"message":"Unauthorized"}')
    assert others.status_code == 403
    assert others.json()[0]["value"]["code"] == "REQUEST_AUTHORIZATION_FAILURE"
    assert wrong.status_code == 400
    assert [child["value"]["message"].partition(":")[0] for child in wrong.json()[0]["children"]] == ["duplicates"]
    assert text.status_code == 415
    # There is no store here.
    assert (away.status_code, away.headers["retry-after"]) == (503, "5")
    assert listed.json() == []
