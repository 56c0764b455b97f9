"""What a manifest says, all of it, and that it is true of the file."""

import hashlib
import json
import uuid
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from footfall import plan as plans
from footfall.errors import RequestRefused
from footfall.reports import Manifest, Reports, listed_report, status_headers
from footfall.reports.query.statement import FORMULA_START
from footfall.state import JobStatus
from footfall.validation import AskedCodes, CodeLookup

NOW_MS = 1_760_000_000_000
DAY_MS = 86_400_000
FIRST, AGAIN = str(uuid.UUID(int=2)), str(uuid.UUID(int=1))
AT = {"customer": "BARCHART", "product": "ALERT"}
CREATED = ["ALERT-CREATED", "ALERT-STARTED", "ALERT-STOPPED", "ALERT-NOTES-EDITED", "ALERT-DELETED"]
ALL = ["ALERT-APPLICATION-LOADED", "ALERT-STARTED-ALL", "ALERT-STOPPED-ALL", "ALERT-DELETED-ALL"]


def load(place: Any) -> None:
    """Events of two types: one came late, and one of each came twice."""
    first = [
        ("ALERT-CREATED", NOW_MS - 3 * DAY_MS, ["ann", "id", "=1"]),
        ("ALERT-CREATED", NOW_MS - 5, ["ann", "id"]),
        ("ALERT-DELETED-ALL", NOW_MS - 4, ["bob"]),
    ]
    for batch, admitted, events in ((FIRST, NOW_MS - 9, first), (AGAIN, NOW_MS - 8, first[1:])):
        place.load(
            AT
            | {
                "type": kind,
                "timestamp": time_ms,
                "context": context,
                "batch": batch,
                "sequence": number,
                "received": admitted,
                "admitted": admitted,
            }
            for number, (kind, time_ms, context) in enumerate(events, 1)
        )


async def make(place: Any, *, duplicates: str = "keep", output: dict[str, Any] | None = None, **wanted: Any) -> Any:
    """The finished report, its file and its manifest."""
    body = {"filter": AT | wanted, "output": output, "duplicates": duplicates}
    job = await place.desk.start(place.user, json.dumps(body).encode())
    async with place.running():
        job = await place.ended(job)
    assert job.status is JobStatus.COMPLETE, job.reason
    text, etag = place.desk.manifest(job)
    assert etag == f'"{job.sha256}"'
    # It has the shape that the API's description says, and nothing else.
    assert msgspec.json.encode(msgspec.json.decode(text, type=Manifest)).decode() == text
    return job, await place.read(job), json.loads(text)


def columns(time_type: str = "integer, milliseconds since 1970-01-01T00:00:00Z") -> list[dict[str, Any]]:
    def key(name: str, *places: dict[str, Any]) -> dict[str, Any]:
        meaning = f"the context's value of the key {name}; nothing where the event's type has no such key"
        return {"name": name, "meaning": meaning, "type": "text", "places": list(places)}

    return [
        {"name": "timestamp", "meaning": "the time of the event, as the client sent it", "type": time_type},
        {"name": "type", "meaning": "the type of the event", "type": "text"},
        key("userId", {"position": 1, "types": [*ALL, *CREATED]}),
        key("alertId", {"position": 2, "types": CREATED}),
        key("symbol", {"position": 3, "types": CREATED}),
    ]


def unordered(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with the types of each place in an order that does not matter."""
    for column in manifest["columns"]:
        for place in column.get("places", []):
            place["types"] = sorted(place["types"])
    return manifest


@pytest.mark.parametrize("mode", ["keep", "drop"])
async def test_a_manifest_says_all_of_this(place, mode: str) -> None:
    load(place)
    wanted = {"types": ["ALERT-CREATED", "ALERT-DELETED-ALL"], "start": 0, "end": str(NOW_MS)}
    job, data, manifest = await make(place, duplicates=mode, **wanted)
    counts = (
        {"ALERT-CREATED": 3, "ALERT-DELETED-ALL": 2}
        if mode == "keep"
        else {
            "ALERT-CREATED": 2,
            "ALERT-DELETED-ALL": 1,
        }
    )
    expected = {
        "source": f"JOB-{job.id}",
        "footfall": version("footfall"),
        "filter": AT | wanted | {"end": NOW_MS},
        "basis": "event",
        "timezone": "UTC",
        "watermark": NOW_MS,
        "plan": plans.load_plan(None).fingerprint,
        "columns": columns(),
        "rows": {"total": sum(counts.values()), "byType": counts},
        "timestamps": {"first": NOW_MS - 3 * DAY_MS, "last": NOW_MS - 4},
        "duplicates": {"mode": mode, "found": 2},
        "late": {"afterMs": place.settings.late_after_s * 1000, "events": 1},
        "file": job.file,
        "format": "csv",
        "compression": "none",
        "delimiter": "|",
        "header": False,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert list(manifest) == list(expected)
    assert unordered(manifest) == unordered(expected)
    assert (job.rows, job.duplicates_found) == (sum(counts.values()), 2)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ({"delimiter": ",", "header": True}, {"delimiter": ",", "header": True}),
        ({"compression": "gzip"}, {"delimiter": "|", "header": False}),
        (
            {"spreadsheetSafe": True},
            {"delimiter": "|", "header": False, "spreadsheetSafe": {"mark": "'", "pattern": FORMULA_START}},
        ),
        ({"format": "jsonl", "compression": "zstd"}, {}),
        ({"format": "parquet"}, {}),
        ({"format": "arrow", "compression": "zstd"}, {}),
    ],
)
async def test_a_manifest_is_of_the_file_as_it_is_downloaded(
    place, output: dict[str, Any], said: dict[str, Any]
) -> None:
    load(place)
    job, data, manifest = await make(place, output=output)
    assert (manifest["bytes"], manifest["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert (manifest["file"], manifest["rows"]["total"]) == (job.file, 5)
    file_format = output.get("format", "csv")
    compression = output.get("compression", "zstd" if file_format == "parquet" else "none")
    assert (manifest["format"], manifest["compression"]) == (file_format, compression)
    shown = {key: manifest[key] for key in ("delimiter", "header", "spreadsheetSafe") if key in manifest}
    assert shown == said


@pytest.mark.parametrize(
    ("output", "time_type"),
    [
        ({}, "integer, milliseconds since 1970-01-01T00:00:00Z"),
        ({"times": "rfc3339"}, "text, RFC 3339 with milliseconds"),
        ({"format": "jsonl", "times": "RFC3339"}, "text, RFC 3339 with milliseconds"),
        ({"format": "parquet"}, "timestamp with milliseconds, UTC"),
        ({"format": "arrow"}, "timestamp with milliseconds, UTC"),
    ],
)
async def test_an_empty_report_has_a_manifest_too(place, output: dict[str, Any], time_type: str) -> None:
    job, data, manifest = await make(place, output=output)
    assert unordered(manifest)["columns"] == unordered({"columns": columns(time_type)})["columns"]
    assert manifest["filter"] == AT
    assert (job.rows, manifest["rows"], manifest["timestamps"]) == (0, {"total": 0, "byType": {}}, {})
    assert (manifest["duplicates"], manifest["late"]["events"]) == ({"mode": "keep", "found": 0}, 0)
    assert (manifest["bytes"], manifest["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


async def test_a_product_that_the_plan_does_not_know_has_places_of_all_types(place) -> None:
    place.load([{"product": "ODD", "customer": "BARCHART", "context": ["a", "b"]}])
    _, _, manifest = await make(place, product="ODD")
    assert [column.get("places") for column in manifest["columns"]] == [
        None,
        None,
        [{"position": 1}],
        [{"position": 2}],
    ]


async def test_what_came_since_and_is_dropped_is_not_in_the_counts(place) -> None:
    load(place)
    earlier, _, _ = await make(place, duplicates="drop")
    place.clock.ms += 10
    again = {"admitted": NOW_MS + 5, "received": NOW_MS + 5}
    place.load(
        [
            AT | again | {"type": "ALERT-DELETED-ALL", "timestamp": NOW_MS - 4, "context": ["bob"]},
            AT | again | {"type": "ALERT-CREATED", "timestamp": NOW_MS - 2, "context": ["new", "id"]},
        ]
    )
    since = f"JOB-{earlier.id}"
    job, data, manifest = await make(place, duplicates="drop", output={"since": since})
    assert data.decode() == f"{NOW_MS - 2}|ALERT-CREATED|new|id|\n"
    assert (manifest["since"], manifest["watermark"]) == (NOW_MS, NOW_MS + 10)
    assert (job.rows, manifest["rows"]) == (1, {"total": 1, "byType": {"ALERT-CREATED": 1}})
    assert manifest["timestamps"] == {"first": NOW_MS - 2, "last": NOW_MS - 2}
    assert manifest["duplicates"] == {"mode": "drop", "found": 1}


async def test_a_plan_of_one_s_own_is_named_by_its_fingerprint(place, tmp_path: Path) -> None:
    own = tmp_path / "plan.toml"
    own.write_text('[products.ALERT]\ncolumns = ["who"]\n[products.ALERT.types]\nALERT-CREATED = ["who"]\n')
    place.plan = plans.LivePlan(own, place.settings)
    _, _, manifest = await make(place)
    assert manifest["plan"] == hashlib.sha256(own.read_bytes()).hexdigest()[: len(manifest["plan"])]
    assert [column["name"] for column in manifest["columns"]] == ["timestamp", "type", "who"]


async def test_the_warnings_of_an_order_are_in_its_headers_and_its_manifest(place: Any) -> None:
    load(place)
    with closing(CodeLookup(place.plan, place.store, place.settings)) as codes:
        place.desk = Reports(place.state, place.settings, place.clock, place.files, codes)
        job, _, manifest = await make(place, product="ALRET", type=["ALERT-CREATED"])
        _, _, known = await make(place)
    texts = ["unknown key filter.type; did you mean types?", "unknown product ALRET; did you mean ALERT?"]
    assert manifest["warnings"] == texts
    assert status_headers(job, NOW_MS)["Footfall-Warning"] == ", ".join(texts)
    assert "warnings" not in known


def test_a_product_of_which_the_store_has_events_is_known(place: Any) -> None:
    place.load([{"customer": "ELSE", "product": "OWN"}])
    with closing(CodeLookup(place.plan, place.store, place.settings)) as codes:

        def unknown(customers: str, products: str, *, assume_unknown: bool = False) -> list[str]:
            asked = AskedCodes(*({name: name for name in names.split()} for names in (customers, products)))
            return [mistake.where for mistake in codes.find_unknown_blocking(asked, assume_unknown=assume_unknown)]

        assert unknown("ELSE", "OWN", assume_unknown=True) == []
        assert unknown("ELSE", "OTHER") == ["OTHER"]
        assert unknown("NOBODY", "OTHER") == ["NOBODY", "OTHER"]
        # A product is known where one of the customers has it, or any where all are meant.
        assert unknown("ELSE NOBODY BARCHART", "OWN OTHER ALERT") == ["NOBODY", "OTHER"]
        assert unknown("BARCHART", "OWN") == ["OWN"]
        assert unknown("", "OWN OTHER") == ["OTHER"]


@pytest.mark.parametrize("basis", ["event", "received"])
async def test_dropped_events_whose_first_is_in_no_file_leave_no_trace_but_their_number(place, basis: str) -> None:
    day = {"sequence": 1, "context": ["ann"], "type": "ALERT-STARTED-ALL"} | AT
    early, middle, last = NOW_MS - 9 * DAY_MS, NOW_MS - 2 * DAY_MS, NOW_MS - DAY_MS // 2
    first = {"received": NOW_MS - 1, "admitted": NOW_MS - 1}
    place.load([day | first | {"timestamp": time_ms, "batch": FIRST} for time_ms in (early, last)])
    earlier, _, _ = await make(place, duplicates="drop", basis=basis)
    place.clock.ms += 10
    second = {"received": NOW_MS + 5, "admitted": NOW_MS + 5}
    place.load([day | second | {"timestamp": time_ms, "batch": AGAIN} for time_ms in (early, middle, last)])
    wanted = {"output": {"since": f"JOB-{earlier.id}"}} if basis == "event" else {"start": NOW_MS}
    job, data, manifest = await make(place, duplicates="drop", basis=basis, **wanted)
    assert data.decode() == f"{middle}|ALERT-STARTED-ALL|ann||\n"
    assert manifest["timestamps"] == {"first": middle, "last": middle}
    assert (job.rows, manifest["rows"]) == (1, {"total": 1, "byType": {"ALERT-STARTED-ALL": 1}})
    assert manifest["late"]["events"] == 1
    assert (job.duplicates_found, manifest["duplicates"]) == (2, {"mode": "drop", "found": 2})


async def test_late_duplicates_that_are_dropped_are_not_counted_as_late(place) -> None:
    event = AT | {"type": "ALERT-DELETED-ALL", "timestamp": NOW_MS - 3 * DAY_MS, "context": ["bob"]}
    at = {FIRST: event["timestamp"] + 1, AGAIN: NOW_MS - 8}
    place.load([event | {"batch": batch, "received": time, "admitted": time} for batch, time in at.items()])
    assert [(await make(place, duplicates=mode))[2]["late"]["events"] for mode in ("keep", "drop")] == [1, 0]


@pytest.mark.parametrize(("spare", "are_listed"), [(0, True), (-1, False)])
async def test_types_are_listed_as_far_as_they_may_be(make_place, spare: int, are_listed: bool) -> None:
    chars = sum(len(name) + 3 for name in [*ALL, *CREATED] + CREATED * 2)
    place = make_place(manifest_types_chars_max=chars + spare)
    load(place)
    _, _, manifest = await make(place)
    listed = columns()
    counted = [{key: value for key, value in each.items() if key != "places"} for each in listed]
    counted[2:] = [each | {"placesOmitted": 1} for each in counted[2:]]
    found = unordered(manifest)["columns"]
    assert found == (unordered({"columns": listed})["columns"] if are_listed else counted)


async def test_a_report_of_which_events_were_erased_says_so(place) -> None:
    load(place)
    job, _, manifest = await make(place)
    before = place.desk.manifest(job)[1]
    place.state.jobs.mark_erased(job.id, NOW_MS)
    erased = await place.desk.find(place.user, f"JOB-{job.id}")
    text, etag = place.desk.manifest(erased)
    assert json.loads(text) == manifest | {"erased": NOW_MS}
    assert etag != before
    assert (listed_report(erased).erased, listed_report(job).erased) == (NOW_MS, UNSET)
    with pytest.raises(RequestRefused, match="a person who was erased since"):
        await place.desk.link(place.user, erased, "http://localhost")
