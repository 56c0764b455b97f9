"""The system, for admins: how each part is, in words, and what to do where it is not well."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final, cast

from msgspec import Struct

from footfall.dashboard.selection import ALL, ask
from footfall.dashboard.texts import text
from footfall.dashboard.visit import Rendered, Shown, Visit
from footfall.dashboard.words import file_size, seconds
from footfall.errors import RequestRefused
from footfall.metrics import Values
from footfall.state import Node
from footfall.usage import Answer

# Minutes over which the rate of events is taken.
_RATE_MINUTES: Final = 10
# Past these it is told that a part is behind: as the alarms of docs/metrics.md.
_LAG_MAX_S: Final = 60
_ROLLUP_AGE_MAX_S: Final = 3_600
# Seconds after which a node that has said nothing is missing.
_NODE_SILENT_MAX_S: Final = 60
# Days without a backup after which one is missed.
_BACKUP_AGE_MAX_S: Final = 2 * 86_400


class PartState(Struct, frozen=True):
    """How a part is: `well`, `watch` or `bad`; in words, and what to do where it is not well."""

    name: str
    level: str
    facts: tuple[str, ...]
    advice: str = ""


class SeenNode(Struct, frozen=True):
    """A node: how long ago it was heard of, and how far behind its store is, in seconds."""

    node: Node
    silent_s: float
    behind_s: float
    is_missing: bool


async def show(visit: Visit) -> Shown:
    """All parts, those that are not well first."""
    services = visit.services
    values = await asyncio.to_thread(services.node_metrics.read)
    nodes = await asyncio.to_thread(services.node_metrics.nodes)
    rate = await _received(visit)
    parts = list(tell_parts(values, rate, services.settings.disk_free_bytes_min, is_healthy=services.healthy()))
    parts.sort(key=lambda part: ("bad", "watch", "well").index(part.level))
    shown = {
        "parts": parts,
        "worst": parts[0].level if parts else "well",
        "nodes": [_seen(node, services.clock.now_ms()) for node in nodes],
        "processes": _processes(values),
        "versions": [labels[1:] for labels in values if labels[0] == "footfall_build_info"],
    }
    return Rendered("system.html", shown)


async def _received(visit: Visit) -> int | None:
    """Events that the installation received in the last minutes; None while the store is away."""
    now_ms = visit.services.clock.now_ms()
    span = {"start": [str(now_ms - _RATE_MINUTES * 60_000)], "end": [str(now_ms)], "basis": ["received"]}
    try:
        found: Answer = await ask(visit, "counts", {"customer": [ALL], "product": [ALL], "by": ["none"], **span})
    except RequestRefused:
        return None
    return int(cast("Any", found).total.events)


def tell_parts(values: Values, received: int | None, least_free: int, *, is_healthy: bool) -> Iterator[PartState]:
    """How each part is. `received` are events of the last minutes; at `least_free` bytes of disk events are refused."""
    yield _collecting(received, is_healthy=is_healthy)
    yield _journal(values)
    yield _store(values)
    yield _disk(values, least_free)
    yield _aside(int(values.get(("footfall_segments_aside",), 0)))
    yield _quarantine(values.get(("footfall_quarantine_events",)))
    yield _reports(values)
    yield _statistics(values)
    yield _backup(values.get(("footfall_backup_age_seconds",)))


def _collecting(received: int | None, *, is_healthy: bool) -> PartState:
    facts = [text("system.collecting.well" if is_healthy else "system.collecting.bad")]
    if received is not None:
        rate = received / _RATE_MINUTES / 60
        written = f"{rate:,.1f}" if rate < 10 else f"{rate:,.0f}"
        facts.append(text("system.collecting.rate", events=f"{received:,}", minutes=_RATE_MINUTES, rate=written))
    return _part("collecting", facts, is_bad=not is_healthy)


def _journal(values: Values) -> PartState:
    count, used = values.get(("footfall_journal_segments",), 0), values.get(("footfall_journal_bytes",), 0)
    behind_s = values.get(("footfall_loaded_through_age_seconds",))
    facts = [text("system.journal.waits", segments=f"{count:,.0f}", size=file_size(int(used)))]
    if behind_s is None:
        return PartState("journal", "watch", (*facts, text("system.journal.unknown")), text("system.advice.journal"))
    facts.append(text("system.journal.behind", time=seconds(behind_s)))
    return _part("journal", facts, is_bad=behind_s > _LAG_MAX_S)


def _store(values: Values) -> PartState:
    is_away = bool(values.get(("footfall_store_away",), 0))
    return _part("store", [text("system.store.bad" if is_away else "system.store.well")], is_bad=is_away)


def _disk(values: Values, least: int) -> PartState:
    free = int(values.get(("footfall_disk_free_bytes",), 0))
    facts = (text("system.disk.free", size=file_size(free)), text("system.disk.least", size=file_size(least)))
    level = "bad" if free <= least else "watch" if free < 4 * least else "well"
    return PartState("disk", level, facts, "" if level == "well" else text("system.advice.disk"))


def _aside(count: int) -> PartState:
    fact = text("system.aside.some", number=f"{count:,}") if count else text("system.aside.none")
    return _part("aside", [fact], is_bad=count > 0)


def _quarantine(held: float | None) -> PartState:
    fact = text("system.quarantine.some", number=f"{held:,.0f}") if held else text("system.quarantine.none")
    return PartState(
        "quarantine", "watch" if held else "well", (fact,), text("system.advice.quarantine") if held else ""
    )


def _reports(values: Values) -> PartState:
    running = values.get(("footfall_reports", "RUNNING"), 0)
    failed = values.get(("footfall_schedules_failed",), 0)
    facts = [text("system.reports.running", number=f"{running:,.0f}")]
    if failed:
        facts.append(text("system.reports.failed", number=f"{failed:,.0f}"))
    return PartState(
        "reports", "watch" if failed else "well", tuple(facts), text("system.advice.reports") if failed else ""
    )


def _statistics(values: Values) -> PartState:
    age_s, waiting = values.get(("footfall_rollup_age_seconds",)), values.get(("footfall_rollup_days_waiting",), 0)
    if age_s is None:
        return PartState("statistics", "well", (text("system.statistics.unknown"),))
    facts = (text("system.statistics.age", time=seconds(age_s), days=f"{waiting:,.0f}"),)
    is_old = age_s > _ROLLUP_AGE_MAX_S
    return PartState(
        "statistics", "watch" if is_old else "well", facts, text("system.advice.statistics") if is_old else ""
    )


def _backup(age_s: float | None) -> PartState:
    if age_s is None:
        return PartState("backup", "watch", (text("system.backup.none"),), text("system.advice.backup"))
    is_old = age_s > _BACKUP_AGE_MAX_S
    facts = (text("system.backup.age", time=seconds(age_s)),)
    return PartState("backup", "watch" if is_old else "well", facts, text("system.advice.backup") if is_old else "")


def _part(name: str, facts: list[str], *, is_bad: bool) -> PartState:
    """A part that is well or bad, with its own advice."""
    return PartState(name, "bad" if is_bad else "well", tuple(facts), text(f"system.advice.{name}") if is_bad else "")


def _seen(node: Node, now_ms: int) -> SeenNode:
    silent_s = max(0, now_ms - node.seen_ms) / 1000
    return SeenNode(node, silent_s, max(0, now_ms - node.loaded_through_ms) / 1000, silent_s > _NODE_SILENT_MAX_S)


def _processes(values: Values) -> list[tuple[str, int, int]]:
    """What each process of this node does, how many there are, and the bytes of their memory."""
    roles = {labels[1] for labels in values if labels[0] == "footfall_process_memory_bytes"}
    return [
        (
            role,
            int(values.get(("footfall_processes", role), 1)),
            int(values.get(("footfall_process_memory_bytes", role), 0)),
        )
        for role in sorted(roles)
    ]
