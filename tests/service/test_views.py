"""A saved view and a shared link of a running service."""

import time
from typing import Any

import httpx

EVENT = {"customer": "BARCHART", "product": "WATCHLIST", "type": "WATCHLIST-SYMBOL-ADDED", "timestamp": 1571029200000}
PARAMETERS = {"customer": "BARCHART", "product": "WATCHLIST", "interval": "all", "start": "2019-10-14"}


def counted(client: httpx.Client, events: int, **given: Any) -> dict[str, Any]:
    """The counts of the view, once so many events are loaded."""
    deadline = time.monotonic() + 60
    while True:
        answer = client.get("/usage/counts", params={"view": "added", **given})
        if answer.status_code != 503 or time.monotonic() > deadline:  # the engine is not there yet
            found: dict[str, Any] = answer.raise_for_status().json()
            if found["total"]["events"] == events or time.monotonic() > deadline:
                return found
        time.sleep(0.2)


def test_a_view_is_counted_by_its_name_and_shared_by_a_link(serve: Any) -> None:
    run = serve(shares_allowed="true", share_answer_s=0)
    events = [{**EVENT, "context": ["u", "list", symbol]} for symbol in ("A", "B")]
    with httpx.Client(base_url=run.url, auth=("admin", "correct horse battery"), timeout=60) as client:
        client.post("/events", json={"events": events}).raise_for_status()
        view = {"name": "added", "call": "counts", "parameters": PARAMETERS}
        saved = client.post("/views", json=view).raise_for_status().json()
        found = counted(client, 2)
        assert found["total"]["events"] == 2
        assert "view" not in found["link"]
        assert client.get(f"/{found['link']}").json()["counts"] == found["counts"]
        assert client.get("/usage/counts", params={"view": saved["id"], "interval": "day"}).json()["interval"] == "day"
        assert client.get("/usage/counts", params={"view": "other"}).status_code == 400

        report = client.post("/reports", json={"view": "added"}).raise_for_status().json()
        assert (report["filter"]["customer"], "start" in report["filter"]) == ("BARCHART", True)
        link = client.get(f"/reports/{report['source']}", params={"wait": 50}).raise_for_status().json()["link"]
        assert len(httpx.get(link).text.splitlines()) == 2

        shared = client.post("/shares", json={"view": "added", "days": 1}).raise_for_status().json()
        with httpx.Client(timeout=60) as stranger:
            data = stranger.get(f"{shared['url']}/data.json")
            assert (data.json()["total"]["events"], data.headers["cache-control"]) == (2, "no-store")
            assert stranger.get(f"{shared['url']}/data.csv").text.splitlines()[0] == "type,events,duplicates,late"
            picture = stranger.get(f"{shared['url']}/chart.svg")
            assert picture.headers["content-type"].startswith("image/svg+xml")
            assert "sandbox" in picture.headers["content-security-policy"]
            assert stranger.get(f"{shared['url']}/chart.gif").status_code == 404
            client.delete(f"/shares/{shared['id']}").raise_for_status()
            gone = stranger.get(f"{shared['url']}/data.json")
            assert gone.status_code == 404
