"""The table of all checks, in the order in which they are told."""

from collections.abc import Iterator
from typing import Final

from footfall.doctor.certificate import check_certificate
from footfall.doctor.databases import check_events_store, check_files, check_state
from footfall.doctor.folder import check_backup, check_engine_files, check_journal, check_versions
from footfall.doctor.machine import check_clock, check_disk, check_permissions, check_settings
from footfall.doctor.results import Check, CheckResult, NodeToCheck, fault
from footfall.doctor.serving import check_plan, check_port, check_service

_CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("settings", check_settings),
    ("permissions", check_permissions),
    ("disk", check_disk),
    ("clock", check_clock),
    ("versions", check_versions),
    ("plan", check_plan),
    ("certificate", check_certificate),
    ("service", check_service),
    ("port", check_port),
    ("state", check_state),
    ("journal", check_journal),
    ("engine", check_engine_files),
    ("store", check_events_store),
    ("files", check_files),
    ("backup", check_backup),
)


def examine_node(node: NodeToCheck) -> Iterator[CheckResult]:
    """All that the checks find, each at once when it is known."""
    for area, check in _CHECKS:
        try:
            yield from check(node)
        except OSError as error:
            yield _not_looked_at(area, error)


def _not_looked_at(area: str, error: OSError) -> CheckResult:
    """What is told where the system refuses the look itself."""
    why = f"{error.filename}: {error.strerror}" if error.filename is not None else str(error)
    return fault(area, f"it could not be looked at: {why}", "see to it that the user of the service can read it")
