"""What footfall needs of the machine: settings that keep their secrets, room on the disk, a clock, files of its own."""

import os
import pwd
import shlex
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import structs

from footfall.doctor.results import CheckResult, NodeToCheck, fault, ok, warning
from footfall.files import folder_of
from footfall.settings import Settings
from footfall.settings.checks import shown_value
from footfall.state import state_file
from footfall.system import files
from footfall.wording import are, count_of, moment

_OTHERS: Final = 0o077
# Files and folders that are looked at for their owners: a second of a slow disk.
_ENTRIES_MAX: Final = 100_000
# How many of them are named: one command mends all.
_NAMED: Final = 3
# Files that a file system can have still: a segment comes and goes every second, a report takes two.
_INODES_MIN: Final = 1_000
# A clock that tells less was never set: this program was written later.
_EARLIEST_MS: Final = 1_760_000_000_000
# Ms that two clocks may differ: more than a network and a step of a clock under NTP.
CLOCKS_DIFFER_MS: Final = 5_000
_FLOOR: Final = struct.Struct("<q")
_MIB: Final = 1024 * 1024


def check_settings(node: NodeToCheck) -> Iterator[CheckResult]:
    """Where the settings come from, and who may read those with secrets."""
    default, found = structs.asdict(Settings()), structs.asdict(node.settings)
    own = [name for name, value in found.items() if value != default[name]]
    where = f"with the file {node.config}" if node.config is not None else "without a file"
    yield ok("settings", f"{count_of(len(own), 'setting')} other than the defaults, {where}")
    for name in node.withheld:
        yield warning(
            "settings",
            f"the service has a {name} of its own with a password, and this look does not: it is left out",
            f"name it to this command too, with --config or the variable FOOTFALL_{name.upper()}",
        )
    if node.config is not None and any(shown_value(name, found[name]) != found[name] for name in own):
        yield from _check_secret(node.config, "has a password or a key")


def check_permissions(node: NodeToCheck) -> Iterator[CheckResult]:
    """Whether the data are their owner's alone, all of them."""
    data = node.settings.data
    loose = [f"{path} ({mode:o})" for path, mode in files.loose_modes(data)]
    if loose:
        yield warning(
            "permissions",
            f"other users of this machine may use {_named(loose)}",
            f"chmod -R go= {shlex.quote(str(data.absolute()))}",
        )
    path = state_file(node.settings)
    if path is not None and path.exists():
        yield from _check_secret(path, "has passwords' hashes")
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        yield fault("permissions", f"{data} cannot be read and written", f"chmod u+rwx {shlex.quote(str(data))}")
    foreign = _foreign(data)
    if foreign:
        shown = [f"{path} ({_user(number)})" for path, number in foreign]
        user = _user(os.geteuid())
        yield fault(
            "permissions",
            f"{count_of(len(foreign), 'file')} {are(len(foreign))} another user's: {_named(shown)}",
            f"as root: chown -R {shlex.quote(user)} {shlex.quote(str(data.absolute()))}",
        )
    elif not loose:
        yield ok("permissions", f"all of {data} belongs to {_user(os.geteuid())} alone")


def check_disk(node: NodeToCheck) -> Iterator[CheckResult]:
    """Whether there is room, by the bounds that the settings keep free."""
    settings = node.settings
    state, places = state_file(settings), [settings.data]
    places += [state.absolute().parent] if state is not None else []
    places += [folder_of(settings.files_url)] if settings.files_url.startswith("file:") else []
    seen: set[int] = set()
    for place in places:
        if not place.exists() or (device := place.stat().st_dev) in seen:
            continue
        seen.add(device)
        yield from _check_room(place, settings)


def check_clock(node: NodeToCheck) -> Iterator[CheckResult]:
    """The machine's clock, against the node's, which never goes back."""
    now_ms = node.clock.now_ms()
    if now_ms < _EARLIEST_MS:
        yield fault("clock", f"the machine's clock says {moment(now_ms)}: it was never set", "have it set by NTP")
        return
    try:
        content = (node.settings.data / "clock").read_bytes()[: _FLOOR.size]
        (latest_ms,) = _FLOOR.unpack(content) if len(content) == _FLOOR.size else (0,)
    except FileNotFoundError:
        latest_ms = 0
    ahead_ms = latest_ms - now_ms
    if ahead_ms > CLOCKS_DIFFER_MS:
        yield fault(
            "clock",
            f"the machine's clock says {moment(now_ms)}, and was {ahead_ms / 1000:,.0f} s further once: it was set "
            "back, or is wrong now; times of receipt go on at half speed meanwhile",
            "see what sets the clock (`timedatectl`), and have NTP do so; nothing of footfall has to be changed",
        )
    else:
        yield ok("clock", f"{moment(now_ms)}, and it was never set back")


def _check_secret(path: Path, what: str) -> Iterator[CheckResult]:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OTHERS:
        yield fault("permissions", f"{path} {what}, and others may use it ({mode:o})", f"chmod go= {_quoted(path)}")


def _check_room(place: Path, settings: Settings) -> Iterator[CheckResult]:
    found = os.statvfs(place)
    free, least = found.f_bavail * found.f_frsize, settings.disk_free_bytes_min
    room = f"{free // _MIB:,} MiB are free for {place}"
    remedy = f"make room: `du -sh {_quoted(place)}/*` tells what fills it, docs/operating.md what bounds each"
    if found.f_flag & os.ST_RDONLY:
        yield fault("disk", f"the disk of {place} may only be read", "see why with `dmesg`, then `mount -o remount,rw`")
    elif free < least:
        yield fault("disk", f"{room}, fewer than disk_free_bytes_min ({least // _MIB:,}): events are refused", remedy)
    elif free < least + settings.report_disk_spare_bytes:
        yield warning("disk", f"{room}, fewer than report_disk_spare_bytes asks for: reports fail", remedy)
    elif found.f_files and found.f_favail < _INODES_MIN:
        yield fault("disk", f"{place} can take {found.f_favail:,} files more: the disk is out of inodes", remedy)
    else:
        yield ok("disk", room)


def _foreign(data: Path) -> list[tuple[Path, int]]:
    """The entries of the folder that are another user's."""
    own, found, looked = os.geteuid(), [], 0
    for folder, folders, names in os.walk(data):
        for name in (*folders, *names):
            path = Path(folder, name)
            looked += 1
            try:
                number = path.lstat().st_uid
            except FileNotFoundError:  # the service has removed it
                continue
            if number != own:
                found.append((path, number))
        if looked > _ENTRIES_MAX:
            break
    return found


def _named(shown: list[str]) -> str:
    return ", ".join(shown[:_NAMED]) + (", ..." if len(shown) > _NAMED else "")


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"#{number}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path.absolute()))
