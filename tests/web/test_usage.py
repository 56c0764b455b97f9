"""GET /usage/counts, before anything is counted."""

import pytest

PATH = "/usage/counts?customer=BARCHART&product=PORTFOLIO"


async def test_who_may_not_count_and_what_cannot_be(service) -> None:
    async with service() as opened:
        nobody = await opened.client.get(PATH)
        others = await opened.anna.get("/usage/counts?customer=TGAM&product=ALERT")
        wrong = await opened.anna.get(PATH + "&start=x&interval=year&types=A&types=B&start=y")
        away = await opened.anna.get(PATH)
        flag = await opened.anna.get(PATH + "&spreadsheetSafe=yes")
    assert flag.json()[0]["children"][0]["value"]["message"] == "spreadsheetSafe: must be one of: true, false"
    assert (nobody.status_code, nobody.text) == (401, '{"message":"Unauthorized"}')
    assert others.status_code == 403
    assert others.json()[0]["value"]["code"] == "REQUEST_AUTHORIZATION_FAILURE"
    assert wrong.status_code == 400
    texts = [child["value"]["message"] for child in wrong.json()[0]["children"]]
    assert [text.partition(":")[0] for text in texts] == ["start", "start", "interval"]
    # There is no store here.
    assert (away.status_code, away.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize("missing", ["customer", "product"])
async def test_the_customer_and_the_product_are_needed(service, missing: str) -> None:
    async with service() as opened:
        given = {"customer": "BARCHART", "product": "PORTFOLIO"}
        del given[missing]
        answer = await opened.anna.get("/usage/counts", params=given)
    assert answer.status_code == 400
    (child,) = answer.json()[0]["children"]
    assert child["value"]["message"] == f"{missing}: is missing: name one or several, or * for all that you may see"
