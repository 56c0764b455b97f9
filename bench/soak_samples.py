"""What a running service holds, written down again and again, and the judgement whether any of it grows."""

import asyncio
import contextlib
import json
import os
import statistics
from pathlib import Path
from typing import Any

import service

# What a figure may grow from the second quarter of a run to the last one: by a share, and by so much in any case.
SHARE = 0.05
SLACK = {"MiB": 8.0, "descriptors": 8.0, "threads": 3.0, "files": 60.0}
LOOKS = 10
FOLDERS = ("journal", "archive", "files", "engine")
_MEMORY = " anonymous MiB"
COLOURS = ("#2f6fb0", "#c0392b", "#2e8b57", "#8e44ad", "#b8860b", "#444")


async def sample(running: service.Service) -> dict[str, Any]:
    """Figures of now, by "process measure" and "folder measure"; processes have a number where several play a role.

    Of memory the least of LOOKS looks, a second apart: a statement of the engine takes some hundred MiB for a moment,
    and more of them at once do so on a busy machine. What is kept between them is what may not grow.
    """
    found = _held_by_processes(running)
    for _ in range(LOOKS - 1):
        await asyncio.sleep(1)
        for name, value in _held_by_processes(running).items():
            found[name] = min(found.get(name, value), value) if name.endswith(" MiB") else value
    data = running.folder
    for folder in FOLDERS:
        found[f"{folder} files"], found[f"{folder} bytes"] = _held(data / folder)
    found["state bytes"] = sum(path.stat().st_size for path in data.glob("state.db*"))
    return found


def _held_by_processes(running: service.Service) -> dict[str, Any]:
    found: dict[str, Any] = {}
    seen: dict[str, int] = {}
    for role, pid in [("supervisor", running.pid), *sorted(running.children())]:
        seen[role] = seen.get(role, 0) + 1
        name = f"{role} {seen[role]}" if role == "web" else role
        with contextlib.suppress(OSError):
            found |= {f"{name} {measure}": value for measure, value in _process(pid).items()}
    return found


def _process(pid: int) -> dict[str, float]:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    threads = next(int(line.split()[1]) for line in status if line.startswith("Threads:"))
    return {
        "anonymous MiB": round(service.anonymous(pid), 1),
        "PSS MiB": round(service.proportional(pid), 1),
        "RSS MiB": round(service.resident(pid), 1),
        "descriptors": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "threads": threads,
    }


def _held(folder: Path) -> tuple[int, int]:
    """Files of a folder, and their bytes; those that go meanwhile count nothing, nor do folders that go."""
    number = total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(place) / name).stat().st_size
                number += 1
    return number, total


def report(path: Path, picture: Path | None) -> int:
    """Print a table of a run's quarters as Markdown; gives how many figures grew."""
    samples = [json.loads(line) for line in path.read_text().splitlines()]
    minutes = samples[-1]["at"] / 60
    print(f"{minutes:.0f} minutes, {samples[-1]['events']:,} events, {samples[-1]['calls']:,} calls\n")
    print("| | 1st quarter | 2nd | 3rd | 4th | slope an hour | |\n| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    grown = 0
    names = [name for name in samples[-1] if name not in ("at", "events", "calls")]
    for name in names:
        points = [(one["at"], one[name]) for one in samples if name in one]
        quarters = _quarters(points, samples[-1]["at"])
        judgement = ""
        # Pages of files are in the other two measures of memory; the system maps and drops them as it pleases.
        if not name.endswith(("bytes", "PSS MiB", "RSS MiB")):
            grows = _grows(name, quarters[1], quarters[3])
            grown += grows
            judgement = "grows" if grows else "level"
        shown = " | ".join(f"{each:,.0f}" for each in quarters)
        print(f"| {name} | {shown} | {_slope(points, samples[-1]['at']):+,.1f} | {judgement} |")
    if picture:
        picture.write_text(_drawn(samples))
    return grown


def _quarters(points: list[tuple[float, float]], end: float) -> list[float]:
    """The median of each quarter."""
    parts = [[value for at, value in points if end * n / 4 <= at <= end * (n + 1) / 4] for n in range(4)]
    return [statistics.median(part) if part else 0.0 for part in parts]


def _grows(name: str, second: float, last: float) -> bool:
    return last - second > max(SHARE * second, SLACK[name.rsplit(" ", 1)[1]])


def _slope(points: list[tuple[float, float]], end: float) -> float:
    """What an hour adds, by the line of least squares through all after the first quarter."""
    late = [point for point in points if point[0] >= end / 4]
    if len(late) < 2:
        return 0.0
    return statistics.linear_regression([at for at, _ in late], [value for _, value in late]).slope * 3600


def _drawn(samples: list[dict[str, Any]]) -> str:
    """The anonymous memory of each process over time, as SVG of 720 x 320."""
    names = [name for name in samples[-1] if name.endswith(_MEMORY)]
    end = samples[-1]["at"] or 1
    most = max(one.get(name, 0) for one in samples for name in names) * 1.05
    left, right, top, bottom = 60, 560, 20, 280
    lines = []
    for number, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
        points = " ".join(
            f"{left + (right - left) * one['at'] / end:.1f},{bottom - (bottom - top) * one[name] / most:.1f}"
            for one in samples
            if name in one
        )
        lines.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{points}"/>')
        role = name.removesuffix(_MEMORY)
        lines.append(f'<text x="{right + 10}" y="{top + 18 * number + 10}" fill="{colour}">{role}</text>')
    for n in range(5):
        y = bottom - (bottom - top) * n / 4
        x = left + (right - left) * n / 4
        lines.append(f'<path stroke="#ccc" d="M{left} {y:.0f}H{right}"/>')
        lines.append(f'<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end">{most * n / 4:.0f} MiB</text>')
        lines.append(f'<text x="{x:.0f}" y="{bottom + 20}" text-anchor="middle">{end * n / 240:.0f} min</text>')
    inside = "\n".join(lines)
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 320" font-family="sans-serif" font-size="12">'
    return f'{head}\n<rect width="720" height="320" fill="#fff"/>\n{inside}\n</svg>\n'
