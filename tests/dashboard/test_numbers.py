"""Every number of every page explains itself, and all of a page are as of one time, which stands there."""

import contextlib
import html
import json
import re
import uuid
from html.parser import HTMLParser
from importlib.resources import files

import msgspec
from page_reports import CHOSEN, complete, started
from parts import NOW_MS, PASSWORD

from footfall.accounts import totp
from footfall.dashboard import PAGES
from footfall.dashboard.explanation import definitions
from footfall.dashboard.texts import all_texts
from footfall.errors import Code
from footfall.state import ErasurePhase, ErasureShare, RefusedKind
from footfall.store import Store

# What holds digits that are no number: times, identifiers and commands, what is asked for, and what a control says.
NO_NUMBERS = {"time", "code", "pre", "option", "label", "select", "textarea", "svg", "script", "template", "title"}
ORDINALS = {"thead", "place"}
CONTROLS = {"a", "button", "summary"}
VOID = {"meta", "br", "link", "img", "input", "hr", "col"}
# Pages that show none of what is counted or kept, or nothing but a file.
WITHOUT = {
    "/dashboard/live/stream",
    "/dashboard/reports/{source}/file",
    "/dashboard/audit/{file}",
    "/dashboard/usage/{file}",
    "/dashboard/sign-in",
    "/dashboard/sign-in/provider",
    "/dashboard/sign-in/callback",
}
# Definitions that need more: a schedule's runs, long answers, processes that are measured and things that fail.
FURTHER = {
    "correction",
    "found",
    "left",
    "aside",
    "quarantine",
    "statistics",
    "backup",
    "store",
    "processes",
    "so_far",
    "kept_out",
    "erased_nodes",
    "erased_reach",
}
LIST, NEW = "/dashboard/reports", "/dashboard/reports/new"
KEYS, FACTOR = "/dashboard/account/keys", "/dashboard/account/code"
ERASURES = "/dashboard/erasures"
EVENT = "00000000-0000-0000-0000-000000000007"


class Numbers(HTMLParser):
    """The numbers of a page's content: those that explain themselves by name, and the texts of those that do not."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.named, self.unexplained, self.controls = [], set(), [], []
        self.is_content = False

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.is_content |= tag == "main"
        if "data-number" in found:
            self.named.add(found["data-number"])
        if tag not in VOID:
            self.open.append((tag, found))

    def handle_endtag(self, tag):
        self.open.pop()
        self.is_content &= tag != "main"

    def handle_data(self, data):
        if not self.is_content or not re.search(r"\d", data.replace("SHA-256", "")):
            return
        if any("data-number" in found or "data-definition" in found for _, found in self.open):
            return
        if any(tag in NO_NUMBERS or {tag, found.get("class")} & ORDINALS for tag, found in self.open):
            return
        is_control = any(tag in CONTROLS for tag, _ in self.open)
        # A control repeats a number, or a name has a digit. A number that is a link explains itself.
        is_link = any(tag == "a" for tag, _ in self.open)
        if not is_control or (is_link and self.open[-1][0] == "data"):
            self.unexplained.append((self.open[-1][0], data.strip()))


def numbers_of(page):
    found = Numbers()
    found.feed(page)
    return found


def hold(opened, make_segment, tmp_path):
    """An event in quarantine."""
    line = {"customer": "BARCHART", "product": "PORTFOLIO", "type": "PORTFOLIO-ACESSED", "context": ["ada", "p"]}
    line |= {"timestamp": NOW_MS, "received": NOW_MS, "sequence": 1, "batch": EVENT, "code": "EVENT_NOT_IN_PLAN"}
    segment = make_segment(tmp_path / "held", [line | {"place": "type", "reason": "type: is not in the plan"}])
    with contextlib.closing(Store(opened.parts.settings)) as store:
        store.load(segment, "quarantine")


async def paths_of(opened, root):
    """An address of each page on which all its numbers are shown."""
    source = started(await root.post(NEW, NEW, **CHOSEN))
    late = {"duplicates": {"mode": "keep", "found": 1}, "late": {"afterMs": 86_400_000, "events": 2}, "cutCells": 3}
    complete(opened, source.rsplit("/", 1)[1], **late)
    opened.clock.ms += 1000
    running = started(await root.post(NEW, NEW, **CHOSEN))
    plan = started(await root.post("/dashboard/schedules", NEW, **CHOSEN, every="day", days="3", name="daily"))
    made = await root.post(KEYS, KEYS, name="reads", scope="read", days="30", present=PASSWORD)
    key = re.findall(rf"{KEYS}/([\w-]+)", (await root.get(KEYS)).text)[0]
    assert made.status_code == 200
    view = {"call": "counts", "parameters": "customer=BARCHART&product=PORTFOLIO&by=type&range=7d", "name": "ours"}
    await root.post("/dashboard/views/save", "/dashboard/views", **view)
    (saved,) = opened.parts.views.all(opened.parts.accounts.get("root"))
    shared = await root.post("/dashboard/views/share", "/dashboard/views", view=saved.id, days="30")
    link = re.findall(r"http://events\.example(/shared/[\w-]+)", shared.text)[0]
    begun = (await root.post(f"{FACTOR}/begin", FACTOR, present=PASSWORD)).text
    secret = re.findall(r'name="secret" value="([A-Z2-7]{32})"', begun)[0]
    code = totp.make_code(secret, opened.clock.ms // (totp.STEP_S * 1000))
    await root.post(f"{FACTOR}/confirm", FACTOR, secret=secret, code=code)
    erased = {"key": "userId", "person": "zoe", "mode": "erase", "sure": "yes", "order": str(uuid.UUID(int=4))}
    erasure = started(await root.post(ERASURES, ERASURES, **erased))
    receipt = {"events": [{"customer": "BARCHART", "product": "PORTFOLIO", "events": 2, "first": 1, "last": 2}]}
    opened.state.erasures.put_shares([ErasureShare(erasure.rsplit("/", 1)[1], "node", 1, '{"segments":1,"events":2}')])
    done = json.dumps(receipt | {"quarantined": receipt["events"], "searched": 3, "deleted": 4})
    opened.state.erasures.advance(erasure.rsplit("/", 1)[1], ErasurePhase.DONE, done, 5)
    asked = "range=7d&customer=BARCHART"
    steps = "step=PORTFOLIO-ACCESSED&step=PORTFOLIO-CREATED"
    return {
        "/": ["/?range=7d", "/?range=7d&metric=actors"],
        "/dashboard/explore": [
            f"/dashboard/explore?{asked}{more}"
            for more in ("", "&by=type&by=userId&chart=stacked", "&by=type&chart=bar", "&call=uniques&chart=table")
        ]
        + [f"/dashboard/explore?{asked}&chart=number"],
        "/dashboard/funnels": [f"/dashboard/funnels?{asked}", f"/dashboard/funnels?{asked}&{steps}&by=customer"],
        "/dashboard/retention": [
            f"/dashboard/retention?{asked}&interval=day&show={show}" for show in ("share", "actors")
        ],
        "/dashboard/paths": [f"/dashboard/paths?{asked}", f"/dashboard/paths?{asked}&type=PORTFOLIO-ACCESSED"],
        "/dashboard/events/batch": [f"/dashboard/events/batch?batch={EVENT[:-1]}8"],
        "/dashboard/reports/new": [f"{NEW}?customer=BARCHART&product=PORTFOLIO&chosen=yes"],
        "/dashboard/reports/{source}": [source, running],
        "/dashboard/schedules/{schedule}": [plan.partition("?")[0]],
        "/dashboard/quarantine": ["/dashboard/quarantine", "/dashboard/quarantine?released=1&stayed=2"],
        "/dashboard/quarantine/event/{batch}/{sequence}": [f"/dashboard/quarantine/event/{EVENT}/1"],
        f"{ERASURES}/{{erasure}}": [erasure],
        "/dashboard/users/one": ["/dashboard/users/one?user=anna"],
        "/dashboard/account/keys/{key}": [f"{KEYS}/{key}"],
        "/shared/{link}": [link],
        "/dashboard/views/share": [f"/dashboard/views/share?view={saved.id}"],
        "/dashboard/account/code": [FACTOR],
        "/dashboard/reports": [LIST],
    }


async def test_every_number_of_every_page_explains_itself_as_of_one_time(site, make_segment, tmp_path):
    async with site(shares_allowed=True, plan_mode="quarantine", key_days_max=90) as opened:
        day_ms = 86_400_000
        kinds = [
            {"type": f"PORTFOLIO-{kind}", "context": [who, "p"], "timestamp": NOW_MS - day_ms * day - at}
            for day in (0, 1, 9)
            for who in ("ada", "eve")
            for at, kind in ((2_000, "ACCESSED"), (1_000, "CREATED"))
        ]
        opened.load(*kinds, {"batch": f"{EVENT[:-1]}8"}, {"batch": str(uuid.UUID(int=9)), "received": NOW_MS})
        hold(opened, make_segment, tmp_path)
        kind = {"customer": "BARCHART", "product": "PORTFOLIO", "type": "X", "place": "type", "events": 7}
        kind |= {"code": Code.EVENT_NOT_IN_PLAN.value, "reason": "is not in the plan"}
        opened.state.refusals.add([RefusedKind(**kind, first_ms=NOW_MS, last_ms=NOW_MS)], NOW_MS, 10)
        root = opened.person(**{"user-agent": "a browser"})
        assert (await root.sign_in("root")).status_code == 303
        special = await paths_of(opened, root)
        shown = {page.path for page in PAGES if page.method == "GET"} - WITHOUT
        assert set(special) <= shown
        seen = set()
        for name in sorted(shown):
            for path in special.get(name, [name]):
                answer = await root.get(path)
                assert answer.status_code == 200, (path, answer.text)
                seen |= check(path, answer.text)
        look = {"key": "userId", "person": "ada", "mode": "erase"}
        seen |= check("looked", (await root.post(f"{ERASURES}/look", ERASURES, **look)).text)
        verified = await root.post("/dashboard/audit/verify", "/dashboard/audit")
        seen |= check("verified", verified.text)
    own = {name.split(".")[1] for name in all_texts() if name.startswith("numbers.")}
    assert own - seen <= FURTHER


def check(path, page):
    """The names of a page's numbers, each with its definition there, as of one time with a way to newer ones."""
    found = numbers_of(page)
    assert found.unexplained == [], path
    assert found.named <= definitions().keys(), path
    defined = re.findall(r'data-definition="([\w]+)"', page)
    assert sorted(found.named) == sorted(defined), path
    assert len(re.findall(r'class="asof"', page)) == 1, path
    if found.named:
        (as_of,) = re.findall(r'<details class="notes" data-asof="(-?\d+)"', page)
        (told,) = re.findall(r'class="asof">.*?<time datetime="([^"]+)"', page, re.DOTALL)
        assert msgspec.json.decode(as_of) >= NOW_MS, path
        assert told.startswith("2023-11-14T22:13:2"), path
    if path.startswith(("/dashboard", "/?")):
        assert "data-refresh>" in page[page.index('class="asof"') :], path
    return found.named


def test_each_definition_is_used_by_a_template_or_a_part_of_the_system():
    sources = "".join(
        path.read_text("utf-8")
        for folder in ("templates", "views")
        for path in (files("footfall.dashboard") / folder).iterdir()
        if path.name.endswith((".html", ".py"))
    )
    own = {name.split(".")[1] for name in all_texts() if name.startswith("numbers.")}
    assert [name for name in own if f'"{name}"' not in sources] == []
    assert html.unescape(definitions()["events"].text).startswith("The selected events")
