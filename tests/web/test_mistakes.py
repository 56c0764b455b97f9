"""Keys and parameters that a call does not know: refused by calls of our own, told in a header by published ones."""

import pytest

FILTER = {"customer": "BARCHART", "product": "PORTFOLIO"}
WARNING = "footfall-warning"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "/usage/counts?customer=BARCHART&product=PORTFOLIO&type=X",
            "type: is no parameter of this call; did you mean types?",
        ),
        ("/usage/counts?customer=BARCHART&product=PORTFOLIO&start=1571029200", "start: looks like seconds"),
        ("/usage/counts?customer=BARCHART&product=PORTFOLIO&start=20260131", "start: looks like a date"),
        ("/reports?limits=1", "limits: is no parameter of this call; did you mean limit?"),
        ("/schedules?before=x", "before: is no parameter of this call"),
        ("/schedules/x?full=1", "full: is no parameter of this call"),
        ("/reports/JOB-x/manifest?a=1", "a: is no parameter of this call"),
        ("/quarantine?customers=TGAM", "customers: is no parameter of this call; did you mean customer?"),
    ],
)
async def test_a_call_of_our_own_refuses_what_it_does_not_know(service, path, message) -> None:
    async with service() as opened:
        answer = await opened.root.get(path)
        assert answer.status_code == 400
        (child,) = answer.json()[0]["children"]
        assert child["value"]["message"].startswith(message)


async def test_an_estimate_and_a_quarantine_body_refuse_unknown_keys(service) -> None:
    async with service() as opened:
        estimate = await opened.anna.post("/reports/estimate", json={"filter": FILTER, "output": {"headers": True}})
        dropped = await opened.root.post("/quarantine/drop", json={"filter": {"custmer": "TGAM"}})
        schedule = await opened.anna.post("/schedules", json={"filter": FILTER, "every": "day", "nmae": "x"})
    for answer, hint in ((estimate, "header"), (dropped, "customer"), (schedule, "name")):
        assert answer.status_code == 400
        assert f"did you mean {hint}?" in answer.json()[0]["children"][0]["value"]["message"]


async def test_published_calls_answer_as_before_and_warn(service) -> None:
    async with service() as opened:
        plain = await opened.anna.post("/reports", json={"filter": FILTER})
        warned = await opened.anna.post("/reports?x=1", json={"filter": FILTER | {"type": ["A"]}})
        source = warned.json()["source"]
        shown = await opened.anna.get(f"/reports/{source}/availability?y=2")
        signed_in = await opened.anna.get("/service/authenticate?z")
        scraped = await opened.root.get("/metrics?name=x")
    assert (plain.status_code, warned.status_code, scraped.status_code) == (200, 200, 200)
    assert WARNING not in plain.headers
    assert list(plain.json()) == list(warned.json())
    assert warned.headers[WARNING] == "unknown key x, unknown key filter.type; did you mean types?"
    assert shown.headers[WARNING] == "unknown key y, unknown key filter.type; did you mean types?"
    assert signed_in.headers[WARNING] == "unknown key z"
