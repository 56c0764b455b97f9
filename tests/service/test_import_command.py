"""`footfall import`: exports of other products become events of the plan, or are refused with the reason."""

import csv
import datetime as dt
import gzip
import itertools
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from footfall.cli import main
from footfall.cli.remote.exports.formats import FORMATS

pytestmark = pytest.mark.usefixtures("user_of_shared")

SCOPE = ("--customer", "BARCHART", "--product", "PORTFOLIO")
TYPES = '"{view}" = "PORTFOLIO-ACCESSED"\n"{other}" = "PORTFOLIO-CREATED"\n'
# Seconds at which the times of a test's events begin.
TIMES = itertools.count(1_330_000_000, 1_000_000)
HITS = (
    "2Path,Title,Event,UserAgent,Browser,System,Session,Bot,"
    "Referrer,Referrer scheme,Screen size,Location,FirstVisit,Date"
)


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def start() -> int:
    return next(TIMES)


def imported(*words: object) -> Result:
    line = ["import", *map(str, words)]
    return CliRunner().invoke(main, line, prog_name="footfall", catch_exceptions=False)


def mapped(view: str, other: str, context: str, more: str = "") -> None:
    Path("m.toml").write_text(f"{more}\n[types]\n{TYPES.format(view=view, other=other)}[context]\n{context}\n")


def tried(*words: object) -> dict:
    return json.loads(imported(*words, "--dry-run", "--json").stdout)


def stored(shared, start: int) -> list[list[str]]:
    """What a report has of a test's times: time, type, user, portfolio."""
    times = {"start": start * 1000, "end": start * 1000 + 999_999_999}
    text = shared.report(customer="BARCHART", product="PORTFOLIO", **times)
    return sorted(row[:4] for row in csv.reader(text.splitlines(keepends=True), delimiter="|"))


def iso(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")


def test_umami_is_sent_once_by_the_usual_names_and_a_mapping(shared, start):
    columns = "website_id,session_id,visit_id,url_path,event_type,event_name,created_at"
    rows = [f"w1,s-{each},v,/p/{each},1,,{iso(start + each)}" for each in range(3)]
    rows += [f'w1,s-9,v,"/p,9",2,made one,{iso(start + 9)}', f"w1,s-1,v,/,2,unknown,{iso(start)}", "w1,short", ""]
    Path("website_event.csv.gz").write_bytes(gzip.compress("\n".join([columns, *rows]).encode()))
    mapped("pageview", "made one", 'portfolioId = "url_path"')
    words = ("umami", "website_event.csv.gz", *SCOPE, "--mapping", "m.toml")
    trial = tried(*words)
    assert (trial["events"], trial["refused"], trial["leftOut"]) == (4, 2, 0)
    assert trial["types"] == {"PORTFOLIO PORTFOLIO-ACCESSED": 3, "PORTFOLIO PORTFOLIO-CREATED": 1}
    assert trial["first"][0]["context"] == ["s-0", "/p/0"]
    assert [(one["line"], one["reason"][:29]) for one in trial["reasons"]] == [
        (6, "the plan has no type for 'unk"),
        (7, "the row has 2 cells where the"),
    ]
    told = imported(*words)
    assert (told.exit_code, "sent 4 events" in told.stdout, "2 refused" in told.stdout) == (4, True, True), told.output
    assert "all 4 events were sent before" in imported(*words).stdout
    imported(*words, "--anew")
    # What was refused is imported from the file of rejects, once the mapping knows it.
    mapped("pageview", "unknown", 'portfolioId = "url_path"')
    again = imported("umami", "website_event.csv.gz.rejects.jsonl", *words[2:])
    assert (again.exit_code, "sent 1 event in" in again.stdout) == (4, True), again.output
    accessed = [[str((start + at) * 1000), "PORTFOLIO-ACCESSED", f"s-{at}", f"/p/{at}"] for at in range(3)]
    created = [["PORTFOLIO-CREATED", "s-1", "/"], ["PORTFOLIO-CREATED", "s-9", "/p,9"]]
    times = (str(start * 1000), str((start + 9) * 1000))
    assert stored(shared, start) == sorted([*accessed, *([at, *one] for at, one in zip(times, created, strict=True))])


def test_posthog_reads_properties_as_objects_and_as_texts(shared, start):
    properties = {"$host": "shop.example.com", "portfolio_id": "p-1", "depth": 3}
    base = {"event": "$pageview", "distinct_id": "ada", "timestamp": f"{iso(start).replace(' ', 'T')}.123456+00:00"}
    records = [
        {**base, "properties": properties},
        {**base, "properties": json.dumps(properties), "event": "PORTFOLIO-CREATED"},
        {**base, "properties": {"$host": "other.example.com"}},
        {**base, "properties": properties, "event": "$autocapture"},
        {**base, "properties": {"$host": "shop.example.com"}},
    ]
    Path("e.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    sites = (
        '[sites]\n"shop.example.com" = { customer = "BARCHART", product = "PORTFOLIO" }\n"other.example.com" = false\n'
    )
    Path("m.toml").write_text(f'{sites}[types]\n"$pageview" = "PORTFOLIO-ACCESSED"\n"$autocapture" = false\n')
    shown = imported("posthog", "e.jsonl", "--mapping", "m.toml", "--dry-run")
    lines = shown.stdout.splitlines()
    at = start * 1000 + 123
    place = {"customer": "BARCHART", "product": "PORTFOLIO"}
    made = {**place, "type": "PORTFOLIO-ACCESSED", "timestamp": at, "context": ["ada", "p-1"]}
    assert [json.loads(line) for line in lines[:2]] == [made, {**made, "type": "PORTFOLIO-CREATED"}]
    assert lines[2] == "e.jsonl: 2 events would be sent, 2 left out, 1 refused; nothing was sent"
    assert "refused, first in line 5: PORTFOLIO-ACCESSED lacks portfolioId" in lines[-1]
    assert imported("posthog", "e.jsonl", "--mapping", "m.toml").exit_code == 4
    assert [row[1] for row in stored(shared, start)] == ["PORTFOLIO-ACCESSED", "PORTFOLIO-CREATED"]


def test_goatcounter_sends_hits_of_people(start):
    when = iso(start).replace(" ", "T") + "+02:00"
    rows = [f"/a,A,false,,Firefox,Linux,ada,{bot},,,,DE,1,{when}" for bot in (0, 3)]
    rows += [f"sign up,,true,,Firefox,Linux,ada,0,,,,DE,0,{when}"]
    Path("g.csv").write_text("\r\n".join([HITS, *rows]))
    mapped("pageview", "sign up", 'portfolioId = ["Nothing", "=site"]')
    trial = tried("goatcounter", "g.csv", *SCOPE, "--mapping", "m.toml")
    assert (trial["events"], trial["leftOut"], trial["refused"]) == (2, 1, 0)
    assert trial["first"][1] == {
        "customer": "BARCHART",
        "product": "PORTFOLIO",
        "type": "PORTFOLIO-CREATED",
        "timestamp": (start - 7_200) * 1000,
        "context": ["ada", "site"],
    }
    Path("g.csv").write_text(HITS.replace("2Path", "3Path"))
    assert "unknown version" in imported("goatcounter", "g.csv", *SCOPE).stderr


def test_snowplow_has_no_header(start):
    def row(**values: str) -> str:
        return "\t".join(values.get(name, "") for name in FORMATS["snowplow"].columns)

    common = {"app_id": "shop", "domain_userid": "ada", "page_urlpath": '/"p"', "derived_tstamp": iso(start) + ".5"}
    rows = [
        row(**common, event="page_view", event_name="page_view"),
        row(**common, event="struct", event_name="event", se_action="add"),
    ]
    Path("s.tsv").write_text("\n".join(rows) + "\n")
    mapped("page_view", "add", 'portfolioId = "page_urlpath"')
    trial = tried("snowplow", "s.tsv", *SCOPE, "--mapping", "m.toml")
    assert [one["type"] for one in trial["first"]] == ["PORTFOLIO-ACCESSED", "PORTFOLIO-CREATED"]
    assert (trial["first"][0]["context"], trial["first"][0]["timestamp"]) == (["ada", '/"p"'], start * 1000 + 500)
    Path("s.tsv").write_text("a\tb\n")
    assert "131 columns" in imported("snowplow", "s.tsv", *SCOPE).stderr


@pytest.mark.parametrize("indent", [None, 2])
def test_matomo_visits_become_their_actions(shared, start, indent):
    start += 500_000 * bool(indent)

    def action(kind: str, at: int, **more: object) -> dict:
        return {"type": kind, "url": f'https://example.com/{at}?"[\\', "timestamp": start + at, **more}

    visits = [
        {
            "idSite": "7",
            "visitorId": "ada",
            "userId": False,
            "actionDetails": [action("action", 1), action("event", 2)],
        },
        {"idSite": "7", "visitorId": "bob", "actionDetails": []},
        {
            "idSite": "7",
            "visitorId": "eve",
            "actionDetails": [action("action", 3), action("event", 4, eventAction="buy")],
        },
    ]
    Path("m.json").write_text(json.dumps(visits, indent=indent))
    mapped("pageview", "buy", 'portfolioId = "url"')
    words = ("matomo", "m.json", *SCOPE, "--mapping", "m.toml")
    told = imported(*words, "--json")
    found = json.loads(told.stdout)
    assert (found["sent"], found["refused"], told.exit_code) == (3, 1, 4)
    rejects = [json.loads(line) for line in Path("m.json.rejects.jsonl").read_text().splitlines()]
    assert rejects[0]["event"]["actionDetails"] == [visits[0]["actionDetails"][1]]
    assert "no type for 'event'" in rejects[0]["reason"]
    assert [row[2:] for row in stored(shared, start) if int(row[0]) < (start + 9) * 1000] == [
        ["ada", 'https://example.com/1?"[\\'],
        ["eve", 'https://example.com/3?"[\\'],
        ["eve", 'https://example.com/4?"[\\'],
    ]
    mapped("pageview", "event", 'portfolioId = "url"')
    again = imported("matomo", "m.json.rejects.jsonl", *words[2:])
    assert (again.exit_code, "sent 1 event in" in again.stdout) == (0, True), again.output


TOTALS = {
    "plausible": "date,visitors,pageviews,bounces\n2026-01-01,3,4,1\n",
    "goatcounter": '{"hour": "2026-01-01T10:00:00Z", "path_id": 1, "total": 7}\n',
    "matomo": '[{"label": "/a", "nb_visits": 3, "nb_hits": 4}]',
    "umami": '[{"x": "/a", "y": 3}]',
    "posthog": "series,count\n$pageview,7\n",
}


@pytest.mark.parametrize("source", TOTALS)
def test_counts_are_told_apart_and_refused(source):
    """They could only become events with times and visitors that nobody measured."""
    Path("t").write_text(TOTALS[source])
    told = imported(source, "t", *SCOPE)
    assert (told.exit_code, "cannot become single events" in told.stderr) == (1, True), told.output


def test_files_of_another_kind_say_what_to_do(start):
    name = b"imported_browsers_20260101_20260131.csv"
    Path("z").write_bytes(b"PK\x03\x04" + bytes(22) + len(name).to_bytes(2, "little") + bytes(2) + name + b"\n")
    assert "holds counts" in imported("plausible", "z", *SCOPE).stderr
    Path("z").write_bytes(b"PAR1\x15")
    assert "export JSON lines" in imported("posthog", "z", *SCOPE).stderr
    Path("z").write_text("session_id,data_key,created_at\n")
    assert "website_event.csv has the events" in imported("umami", "z", *SCOPE).stderr
    Path("z").write_text("timestamp,name,user_id,hostname,pathname\n2026-01-01,pageview,5,h,/a\n")
    mapped("pageview", "x", 'portfolioId = "pathname"')
    words = ("plausible", "z", *SCOPE, "--mapping", "m.toml")
    assert "'2026-01-01' is no time of an event" in tried(*words)["reasons"][0]["reason"]
    Path("z").write_text("timestamp,name,user_id,hostname,pathname\n2026-01-01 10:00:00,pageview,5,h,/a\n")
    assert tried(*words)["first"][0]["context"] == ["5", "/a"]
    for text in ("[types]\na = true\n", "unknown = 1\n", "broken"):
        Path("m.toml").write_text(text)
        assert imported("umami", "z", "--mapping", "m.toml").exit_code == 1
