"""bench/RESULTS.md out of bench/results.json."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from results import number, ratio, spread, table

FILE = Path(__file__).with_name("RESULTS.md")
FOOTFALL = ("footfall, 1 web process", "footfall, 2 web processes")
PEER = "FastAPI, SQLAlchemy, PostgreSQL"
NGINX = ("nginx, 1 worker", "nginx, a worker a core")
Cells = Mapping[str, Sequence[Mapping[str, float]]]
Found = Mapping[str, Cells]

_HEAD = """# Results

What `make bench` measured. Each figure is the median of the runs, with the least and the most in brackets; the
contestants took turns. The clients ran on the same machine and took their part of its cores, so compare the ratios.
`bench/__main__.py` says how to run it again, `bench/results.json` has every run.
"""

_ABOUT = """
- **nginx** reads the same requests and gives a fixed answer of the size of footfall's, with a worker a core and with
  one: it stores nothing, and is the most that HTTP gives here. The ratios are to the faster of the two.
- **footfall** is `footfall serve` with its embedded store: an event is answered when it is synced to the journal, and
  loaded afterwards, by the same two cores.
- **FastAPI, SQLAlchemy, PostgreSQL** is `bench/peers/idiomatic.py`: pydantic, asyncpg, two processes of uvicorn with
  uvloop and httptools, one transaction and one bulk insert a request, fsync on. It checks the shape of events, but no
  tracking plan.
- **JSONEachRow to the engine** posts each request as an insert to `footfall engine` (chDB, which runs one insert at a
  time) into a table that is synced as footfall's own is. A ClickHouse server would run several at once.

After every turn the events stored were counted and compared with the answers. A request that is not answered 200 ends
the run.
"""


def page(kept: Mapping[str, Any]) -> str:
    """The whole file."""
    parts = {
        "compare": _compare,
        "latency": _latency,
        "sustained": _sustained,
        "crowd": _crowd,
        "start": _start,
        "rest": _rest,
    }
    texts = [_HEAD, _machine(kept), _goals(kept)]
    for name, write in parts.items():
        if name in kept:
            texts.append(
                write(kept[name]["found"]) + f"\n\nMeasured {kept[name]['about']['when']}, at "
                f'{kept[name]["about"]["machine"]["commit"]}: `make bench ARGS="--only {name}"`\n'
            )
    return "\n".join(texts)


def _machine(kept: Mapping[str, Any]) -> str:
    latest = max((part["about"] for part in kept.values() if "about" in part), key=lambda about: str(about["when"]))
    return "\n".join(f"- {name}: {value}" for name, value in latest["machine"].items() if name != "commit") + "\n"


def _median(found: Found, name: str, cell: str, key: str) -> float:
    """0 where it was not measured."""
    runs = found.get(name, {}).get(cell, ())
    return statistics.median(run[key] for run in runs) if runs else 0.0


def _best(found: Found, names: Sequence[str], cell: str, key: str) -> float:
    return max(_median(found, name, cell, key) for name in names)


def _goals(kept: Mapping[str, Any]) -> str:
    """What it must reach, and what it reaches."""
    rows: list[tuple[str, str, str, bool]] = []
    if "compare" in kept:
        rows += _goals_of_rates(kept["compare"]["found"])
    if "sustained" in kept:
        found = kept["sustained"]["found"]
        rate = found["answered"] / found["seconds"]
        kept_up = found["stored"] == found["answered"]
        said = f"{number(rate)}/s, {'all' if kept_up else 'not all'} stored"
        rows.append(
            ("Sustained for 5 minutes, all stored 5 s later", "200,000 events/s", said, rate >= 2e5 and kept_up)
        )
    if "latency" in kept:
        rows += _goals_of_latency(kept["latency"]["found"])
    if "crowd" in kept:
        found = kept["crowd"]["found"]
        name = f"Web process with {found['idle']:,} idle and {found['busy']} busy connections"
        rows.append((name, "under 200 MiB", f"{number(found['most'])} MiB", found["most"] < 200))
    if "start" in kept:
        middle = statistics.median(kept["start"]["found"]["seconds"])
        rows.append(("From start to the first accepted event", "under 1.5 s", f"{middle:.2f} s", middle < 1.5))
    if "rest" in kept:
        memory = kept["rest"]["found"]["rested"]
        proportional, resident = (sum(one[key] for one in memory.values()) for key in ("proportional", "resident"))
        said = f"{number(proportional)} MiB (RSS: {number(resident)})"
        rows.append(("Memory of the whole service at rest (PSS)", "under 450 MiB", said, proportional < 450))
    lines = [(what, asked, said, "met" if is_met else "**not met**") for what, asked, said, is_met in rows]
    return "## What it must reach\n\n" + table(("", "asked for", "measured", ""), lines) + "\n"


def _goals_of_rates(found: Found) -> list[tuple[str, str, str, bool]]:
    one, hundred = "1/32//", "100/32//"
    own, ceiling = _best(found, FOOTFALL, one, "rate"), _best(found, NGINX, one, "rate")
    peer = _median(found, PEER, one, "rate")
    events, peer_events = _best(found, FOOTFALL, hundred, "events"), _median(found, PEER, hundred, "events")
    goals = [("100 events a request, durable", "400,000 events/s", f"{number(events)}/s", events >= 4e5)]
    if ceiling:
        said = ratio(own, ceiling)
        goals.insert(
            0, ("One durable event a request, of nginx's answers", "at least 0.20", said, own >= 0.2 * ceiling)
        )
    if peer:
        said = ratio(own, peer)
        goals.append(("One event a request, of the idiomatic service's", "at least 20", said, own >= 20 * peer))
        said = ratio(events, peer_events)
        goals.append(("100 events a request, the same", "at least 9", said, events >= 9 * peer_events))
    return goals


def _goals_of_latency(found: Mapping[str, Any]) -> list[tuple[str, str, str, bool]]:
    goals = []
    for part, words, p99, p999 in (("alone", "", 5, 20), ("reporting", ", while reports are made", 10, 40)):
        # The better of the two ways of running it, seen as a whole.
        ways = [found[part][name] for name in FOOTFALL if name in found[part]]
        seen = [[statistics.median(run[key] for run in runs) for key in ("p99", "p999")] for runs in ways]
        best = min(seen, key=lambda both: max(both[0] / p99, both[1] / p999))
        said = f"{number(best[0])} and {number(best[1])} ms"
        asked = f"under {p99} and {p999} ms"
        goals.append((f"2,000 requests/s{words}: 99 % and 99.9 %", asked, said, best[0] < p99 and best[1] < p999))
    return goals


def _compare(found: Found) -> str:
    plain = {f"{size}/32//": f"{size:,} a request" for size in (1, 10, 100, 1000)}
    lines = {f"{size}/{count}//": f"{size} a request, {count}" for size in (1, 100) for count in (1, 32, 256)}
    packed = {f"100/32/{name}/": words for name, words in (("", "as it is"), ("gzip", "gzip"), ("zstd", "zstd"))}
    beside = {
        f"{size}/32//{name}": f"{size} a request, {words}"
        for size in (1, 100)
        for name, words in (("", "alone"), ("report", "a report runs"), ("behind", "the loader is stopped"))
    }
    texts = ["## Side by side\n" + _ABOUT]
    for title, cells, key in (
        ("Requests a second, by events a request, 32 connections", plain, "rate"),
        ("Events a second", {cell: words for cell, words in plain.items() if cell != "1/32//"}, "events"),
        ("Requests a second, by connections", lines, "rate"),
        ("Requests a second, by what the body is packed with, 100 events, 32 connections", packed, "rate"),
        ("Requests a second beside other work, 32 connections", beside, "rate"),
        ("Milliseconds to the answer in the closed loop, half of them, 32 connections", plain, "p50"),
        ("The same, 99 %", plain, "p99"),
        ("Seconds until the loader had caught up, after each load", plain, "settle"),
    ):
        names = [name for name in found if any(cell in found[name] for cell in cells)]
        names = [name for name in names if key != "settle" or name in FOOTFALL]
        names = [name for name in names if key != "events" or name not in NGINX]
        if title.startswith("Requests a second beside"):
            names = [name for name in names if name in FOOTFALL]
        texts.append(f"### {title}\n\n" + table(("", *cells.values()), _rows(found, names, tuple(cells), key)) + "\n")
    texts += _ratios(found, plain)
    return "\n".join(texts).rstrip()


def _rows(found: Found, names: Sequence[str], cells: Sequence[str], key: str) -> list[list[str]]:
    def said(name: str, cell: str) -> str:
        runs = found[name].get(cell, ())
        return spread([run[key] for run in runs]) if runs else ""

    return [[name, *(said(name, cell) for cell in cells)] for name in names]


def _ratios(found: Found, cells: Mapping[str, str]) -> list[str]:
    texts = []
    others: tuple[tuple[str, Callable[[str], float]], ...] = (
        ("nginx", lambda cell: _best(found, NGINX, cell, "rate")),
        ("the idiomatic service", lambda cell: _median(found, PEER, cell, "rate")),
    )
    for words, other in others:
        rows = [
            [name, *(ratio(_median(found, name, cell, "rate"), other(cell)) for cell in cells)]
            for name in found
            if other("1/32//")
        ]
        texts.append(f"### Requests, as a ratio to {words}\n\n" + table(("", *cells.values()), rows) + "\n")
    return texts


def _latency(found: Mapping[str, Any]) -> str:
    def rows(part: str) -> list[list[str]]:
        keys = ("p50", "p99", "p999", "most", "refused", "core")
        return [[name, *(spread([run[key] for run in runs]) for key in keys)] for name, runs in found[part].items()]

    heads = ("ms", "50 %", "99 %", "99.9 %", "most", "not answered", "cores of the generator")
    return f"""## 2,000 requests a second

One event a request over 64 connections, sent when they are due, whatever the answers do; latency counts from then on.
What the generator (`bench/open_load.py`) itself adds is in the line of nginx.

{table(heads, rows("alone"))}

While reports of 10 million rows are made, one after the other:

{table(heads, rows("reporting"))}"""


def _sustained(found: Mapping[str, Any]) -> str:
    rate = found["answered"] / found["seconds"]
    memory = ", ".join(f"{name.split()[0]} {number(value)}" for name, value in found["memory"].items())
    disk = ", ".join(f"{name} {value / 1e6:,.0f}" for name, value in found["disk"].items())
    lines = (
        ("events answered 200", f"{found['answered']:,}"),
        ("events a second, to the last answer", number(rate)),
        ("not answered 200", number(found["refused"])),
        ("in the store 5 s after the last answer", f"{found['stored']:,}"),
        ("in the store when the loader had caught up", f"{found['settled']:,}"),
        ("seconds until then, past the 5", number(found["settle"])),
        ("ms to the answer: 50 %, 99 %, 99.9 %", ", ".join(number(found[key]) for key in ("p50", "p99", "p999"))),
        ("MB of the journal that waited to be loaded, at the most", number(found["backlog"] / 1e6)),
        ("MiB resident at the end", memory),
        ("MB on disk at the end", disk),
    )
    return f"""## Sustained

Requests of 100 events, 2,050 a second, for {number(found["seconds"] / 60)} minutes, by two web processes.

{table(("", ""), lines)}"""


def _crowd(found: Mapping[str, Any]) -> str:
    lines = (
        ("MiB of the web process without connections", number(found["before"][0])),
        (f"with {found['opened']:,} that wait", number(found["waiting"])),
        (f"the most, with {found['busy']} more that send", number(found["most"])),
        ("requests a second of these", number(found["rate"])),
        ("not answered 200", number(found["refused"])),
        ("of those that waited, still answered afterwards", f"{found['alive']:,}"),
    )
    return f"""## Many connections

{table(("", ""), lines)}"""


def _start(found: Mapping[str, Any]) -> str:
    return f"""## Start

From the command `footfall serve`, on a data folder that was used before, to the first event that is answered 200:
{spread(found["seconds"])} s ({len(found["seconds"])} starts)."""


def _rest(found: Mapping[str, Any]) -> str:
    rows = []
    for role in found["started"]:
        both = (found[when].get(role, {"resident": 0, "proportional": 0}) for when in ("started", "rested"))
        rows.append([role, *(number(one[key]) for one in both for key in ("resident", "proportional"))])
    total = ["together"]
    for when in ("started", "rested"):
        total += [number(sum(one[key] for one in found[when].values())) for key in ("resident", "proportional")]
    heads = ("MiB", "after the start: RSS", "PSS", "after a load: RSS", "PSS")
    return f"""## Memory at rest

{found["pause"] / 2:.0f} seconds after the start, and {found["pause"]} seconds after {found["events"]:,} events were
loaded. The proportional size (PSS) divides each page among the processes that share it.

{table(heads, [*rows, total])}"""
