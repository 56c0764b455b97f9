"""GET /events/{batch}, byte for byte."""

import json
from pathlib import Path

BATCH = "e2d04b89-972d-4a0a-b0ee-427bef63a8d0"
EVENT = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-APPLICATION-LOADED",
    "timestamp": 1,
    "context": ["u"],
}


def error(code: str, message: str, *children: tuple[str, str]) -> list[dict]:
    nodes = [
        {"value": {"code": child, "message": text, "data": {"path": text.partition(":")[0]}}, "children": []}
        for child, text in children
    ]
    return [{"value": {"code": code, "message": message}, "children": nodes}]


def write(folder: Path, make_segment, customer: str) -> None:
    path = folder / "journal" / "0000000000007-writer-000001.jsonl.zst"
    path.parent.mkdir(exist_ok=True)
    # Compact, as the collector writes it.
    from footfall.system import zstd

    line = json.dumps(EVENT | {"customer": customer, "sequence": 1, "batch": BATCH}, separators=(",", ":"))
    path.write_bytes(zstd.compress(line[:-1].encode() + b',"received":7,"admitted":8}\n'))


async def test_a_receipt_from_the_journal(service, tmp_path: Path, make_segment) -> None:
    async with service() as opened:
        write(tmp_path, make_segment, "BARCHART")
        answer = await opened.anna.get(f"/events/{BATCH}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    # There is no store here, so that more may be missing.
    assert answer.text == (
        f'{{"batch":"{BATCH}","events":[{{"sequence":1,"status":"journaled","received":7,"admitted":8}}],'
        '"complete":false}\n'
    )


async def test_others_events_and_none_are_the_same(service, tmp_path: Path, make_segment) -> None:
    async with service() as opened:
        write(tmp_path, make_segment, "TGAM")
        hidden = await opened.anna.get(f"/events/{BATCH}")
        missing = await opened.anna.get(f"/events/{BATCH[:-1]}1")
        assert (await opened.root.get(f"/events/{BATCH}")).status_code == 200
    assert (hidden.status_code, hidden.content) == (missing.status_code, missing.content)
    assert (hidden.status_code, hidden.headers["retry-after"]) == (503, "5")


async def test_what_cannot_be_a_batch(service) -> None:
    async with service() as opened:
        answer = await opened.anna.get("/events/nonsense")
    why = "batch: must be a UUID, as an answer of POST /events has it"
    assert answer.status_code == 400
    assert answer.json() == error(
        "REQUEST_PARAMETER_MALFORMED", "the batch cannot be read", ("REQUEST_PARAMETER_MALFORMED", why)
    )


async def test_nobody_sees_a_receipt(service) -> None:
    async with service() as opened:
        answer = await opened.client.get(f"/events/{BATCH}")
    assert (answer.status_code, answer.text) == (401, '{"message":"Unauthorized"}')
