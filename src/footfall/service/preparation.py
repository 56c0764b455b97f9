"""What `footfall serve` makes sure of before it serves: the tracking plan, the places of files, the state, a user.

It runs as a process of its own, `python -m footfall.service.preparation`, with its settings in the environment and its
answer on standard output: the libraries that it needs would stay in the supervisor for ever, 40 MiB of them.
"""

import contextlib
import logging
import os
import shlex
import sys
from importlib.metadata import version

import msgspec
from msgspec import structs

from footfall.audit import AuditEvent, write_down
from footfall.plan import Plan, make_sample
from footfall.service import composition
from footfall.service.supervisor import Prepared
from footfall.settings import Settings
from footfall.settings.load import load
from footfall.state import StateUnavailable
from footfall.system import data_format, files
from footfall.system.clock import SystemClock
from footfall.system.data_folder import node_name
from footfall.system.log import start_log
from footfall.system.process import CannotServe, SettingsUnusable, unblock_stop_signals, watch_parent
from footfall.system.served_settings import own_settings

log = logging.getLogger("footfall.service.preparation")  # its own name is __main__ where it is the process

# Of the files and folders with loose modes, as many are named: one command mends them all.
LOOSE_SHOWN = 3


def prepare(settings: Settings) -> Prepared:
    """Check what the settings name, bring the state to this version, see that there is a user. Raises CannotServe."""
    _check_modes(settings)
    with composition.told_as_refusals():
        plan = composition.live_plan(settings).plan
        _check_files(settings)
        _check_certificate(settings)
        _check_libraries(settings)
        password = _first_user(settings)
        _note_start(settings, plan)
    _note_format(settings)
    sample = structs.asdict(make_sample(plan, settings))
    return Prepared(password=password, plan=describe_mode(plan, settings), sample=sample)


def check_start(settings: Settings) -> str:
    """Check what `prepare` checks, and change nothing; returns the plan in words. Raises CannotServe."""
    with composition.told_as_refusals():
        plan = composition.live_plan(settings).plan
        _check_files(settings)
        _check_certificate(settings)
        if settings.state_url or (settings.data / "state.db").exists():
            with composition.open_state(settings, migrate=False) as state:
                state.pending()
    return describe_mode(plan, settings)


def describe_mode(plan: Plan, settings: Settings) -> str:
    """Which plan is in force in which mode, in a line for newcomers, with the command that gives them their own."""
    name = "the packaged one" if plan.is_packaged else f"{plan.source}, {plan.fingerprint}"
    if settings.plan_mode == "open":
        return f"{name}, mode open; from your events: footfall plan infer"
    own = "; your own: footfall plan init" if plan.is_packaged else ""
    return f"{name}, mode {settings.plan_mode}{own}"


def _check_modes(settings: Settings) -> None:
    """Say what of the data others may use: events, password hashes and secrets are there."""
    with contextlib.suppress(FileNotFoundError):
        if found := [f"{path} ({mode:o})" for path, mode in files.loose_modes(settings.data)]:
            shown = ", ".join(found[:LOOSE_SHOWN]) + (", ..." if len(found) > LOOSE_SHOWN else "")
            mend = shlex.join(["chmod", "-R", "go=", str(settings.data.absolute())])
            log.warning("other users of this machine may use %s: %s", shown, mend)


def _check_files(settings: Settings) -> None:
    """Open what the settings name beside the data folder; the library for that is only loaded where it is needed."""
    if settings.files_url or settings.destinations:
        from footfall.files import Files  # noqa: PLC0415
        from footfall.reports import Destinations  # noqa: PLC0415

        Destinations(settings, Files(settings))


def _check_certificate(settings: Settings) -> None:
    """See that connections could shake hands."""
    if settings.tls_certificate:
        from footfall.web import Certificate  # noqa: PLC0415

        Certificate(settings)


def _check_libraries(settings: Settings) -> None:
    """See that the libraries are there which only some settings need."""
    if settings.oidc_issuer:
        from footfall.oidc import require_library  # noqa: PLC0415

        require_library()
    if settings.mcp:
        from footfall.mcp import require_mcp  # noqa: PLC0415

        require_mcp()


def _first_user(settings: Settings) -> str | None:
    """Make `admin` where there is no user yet; returns its password when it was generated."""
    with (
        composition.open_state(settings) as state,
        composition.open_accounts(state, settings, SystemClock()) as accounts,
    ):
        given = os.environ.get("FOOTFALL_ADMIN_PASSWORD")
        if given and accounts.list() and not accounts.is_first_password(given):
            log.warning(
                "FOOTFALL_ADMIN_PASSWORD is not the password of admin: it counts only where there is no user yet, and "
                "`footfall user password admin` changes it"
            )
        return accounts.ensure_first(given)


def _note_start(settings: Settings, plan: Plan) -> None:
    """Have the audit log tell with which settings the service starts, without those that hold a secret."""
    told, node = own_settings(settings), node_name(settings)
    details = {"version": version("footfall"), "plan": plan.fingerprint, "settings": told.settings}
    event = AuditEvent(action="service.start", target=node, details={**details, "withheld": told.withheld})
    with composition.open_state(settings) as state:
        try:
            write_down(state, settings, SystemClock(), node, event)
        except StateUnavailable as error:  # a full disk must not keep the service from starting
            log.warning("the start is not in the audit log: %s", error)


def _note_format(settings: Settings) -> None:
    """Have an older version refuse the folder from now on, where this one has changed the form of its data."""
    try:
        data_format.note_format(settings)
    except OSError as error:  # a full disk must not keep the service from starting
        log.warning("the form of the data is not written down: %s", error.strerror)


def main() -> None:
    """Prepare by the settings of the environment, and tell how it went."""
    watch_parent()
    unblock_stop_signals()
    settings = load(None, os.environ, {}).settings
    start_log(settings, "serve")
    try:
        answer = prepare(settings)
    except CannotServe as error:
        answer = Prepared(refusal=str(error), is_settings=isinstance(error, SettingsUnusable))
    sys.stdout.buffer.write(msgspec.json.encode(answer))


if __name__ == "__main__":
    main()
