"""What the data folder tells: its versions, what waits in the journal, damaged files of the engine, backups."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from footfall.doctor.results import CheckResult, NodeToCheck, fault, ok, warning
from footfall.journal import OPEN, SEALED, opened_ms
from footfall.system.data_folder import is_half_restored, last_backup_ms
from footfall.system.data_format import DataTooNew, own_format, read_format, require_known
from footfall.wording import count_of, moment

# Seconds for which a segment may wait where the alert of a store that is behind is switched off.
_LAG_S: Final = 300
_DAY_MS: Final = 86_400_000
# The age of a backup that is hardly made by itself any more, in days.
_BACKUP_DAYS: Final = 7
# Files of the engine that are looked at: a second of a slow disk.
_ENTRIES_MAX: Final = 200_000
_NAMED: Final = 3
_MIB: Final = 1024 * 1024
# Files that the engine never leaves without content; folders whose files are being written, or are to be removed.
_NEVER_EMPTY: Final = (".bin", ".cidx", ".cmrk4", ".dat", ".idx", ".sql", ".txt")
_UNFINISHED: Final = ("tmp", "delete_tmp_")


def check_versions(node: NodeToCheck) -> Iterator[CheckResult]:
    """Which version served the folder last, and whether this one may."""
    data = node.settings.data
    if is_half_restored(node.settings):
        yield fault("versions", "a restore into this folder has not finished", "give the same `footfall restore` again")
    try:
        require_known(data)
    except DataTooNew as error:
        text, _, remedy = str(error).rpartition(". ")
        yield fault("versions", text, remedy)
        return
    found, own = read_format(data), own_format()
    if found is None or found == own:
        yield ok("versions", f"footfall {own.footfall}, Python packages and data fit each other")
        return
    changed = [
        f"{what} {before or 'none'}, now {now or 'none'}"
        for what, before, now in (
            ("footfall", found.footfall, own.footfall),
            ("journal format", found.journal, own.journal),
            ("schema of the store", found.store, own.store),
            ("engine", found.engine, own.engine),
        )
        if before != now
    ]
    text = f"the folder was served last by another version: {', '.join(changed)}"
    if node.is_served:
        yield warning("versions", f"{text}; the service that runs is the former", "restart the service (SIGUSR2)")
    else:
        yield warning("versions", f"{text}; a start upgrades it", "footfall upgrade --check, then --copy-to FOLDER")


def check_journal(node: NodeToCheck) -> Iterator[CheckResult]:
    """What waits to be loaded, for how long, and what was set aside."""
    settings = node.settings
    waiting, used = _waiting(settings.data / "journal")
    bound_ms = (settings.alert_lag_s or _LAG_S) * 1000
    behind_ms = node.clock.now_ms() - min(map(opened_ms, waiting), default=node.clock.now_ms())
    room = f"{count_of(len(waiting), 'segment')}, {used / _MIB:,.1f} MiB"
    if used >= settings.journal_bytes_max:
        text = f"{room} wait, more than journal_bytes_max: events are refused"
        yield fault("journal", text, "the store is away: its log tells why; nothing that was accepted is lost")
    elif not node.is_served and waiting:
        yield ok("journal", f"{room} wait for the next start of the service, which loads them")
    elif behind_ms > bound_ms:
        text = f"the store is {behind_ms / 1000:,.0f} s behind: {room} wait to be loaded, and no report has them"
        yield fault("journal", text, "see in the service's log why (`the store is away`); nothing is lost meanwhile")
    else:
        yield ok("journal", f"{room} wait to be loaded")
    aside = settings.data / "aside"
    if aside.is_dir() and (names := sorted(path.name for path in aside.iterdir())):
        text = f"{count_of(len(names), 'segment')} set aside, damaged or refused by the store: {_named(names)}"
        yield fault("journal", text, "footfall journal ls --state aside, then footfall journal repair FILE")


def check_engine_files(node: NodeToCheck) -> Iterator[CheckResult]:
    """Files of the embedded engine that a power cut or a full disk has left empty, and parts that it has left out."""
    if node.settings.events_url != "embedded":
        return
    root = node.settings.data / "engine" / "chdb"
    if not root.is_dir():
        yield ok("engine", "it has no files yet")
        return
    empty, broken = _engine_damage(root)
    if empty:
        yield fault(
            "engine",
            f"{count_of(len(empty), 'file')} of the engine without content: {_named(empty)}",
            "footfall verify names what is missing, and a start of the service loads it from the archive; where the "
            "engine does not start, keep engine/ elsewhere and restore the backup (docs/operating.md, by symptom)",
        )
    if broken:
        yield warning(
            "engine",
            f"the engine has left out broken parts: {_named(broken)}",
            "footfall verify tells whether events are missing; the service loads them again from the archive",
        )
    if not empty and not broken:
        yield ok("engine", "none of its files is without content, none left out; footfall verify reads them")


def check_backup(node: NodeToCheck) -> Iterator[CheckResult]:
    """When this folder was backed up last."""
    made_ms = last_backup_ms(node.settings)
    remedy = "footfall backup PLACE, every day (docs/backup.md)"
    if made_ms is None:
        yield warning("backup", "no backup was made from this folder", remedy)
    elif node.clock.now_ms() - made_ms > _BACKUP_DAYS * _DAY_MS:
        yield warning("backup", f"the last backup is of {moment(made_ms)}", remedy)
    else:
        yield ok("backup", f"the last one is of {moment(made_ms)}")


def _waiting(folder: Path) -> tuple[list[Path], int]:
    """The segments that are not loaded, and their bytes."""
    waiting, used = [], 0
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name.endswith((SEALED, OPEN)) and path.name[:1].isdigit():
            try:
                size = path.stat().st_size
            except FileNotFoundError:  # loaded meanwhile
                continue
            waiting.append(path)
            used += size
    return waiting, used


def _engine_damage(root: Path) -> tuple[list[str], list[str]]:
    """Files without content, and parts that were left out, by their paths below the engine's folder."""
    empty, broken, looked = [], [], 0
    for folder, folders, names in os.walk(root):
        if Path(folder).name == "detached":
            broken += [str(Path(folder, name).relative_to(root)) for name in folders if name.startswith("broken")]
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith(_UNFINISHED))
        looked += len(names)
        for name in names:
            path = Path(folder, name)
            try:
                if path.stat().st_size == 0 and path.suffix in _NEVER_EMPTY:
                    empty.append(str(path.relative_to(root)))
            except FileNotFoundError:  # merged away
                continue
        if looked > _ENTRIES_MAX:
            break
    return sorted(empty), sorted(broken)


def _named(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
