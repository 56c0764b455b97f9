"""The three stores: whether each answers, knows this version, and has the same clock."""

from collections.abc import Iterator
from contextlib import closing
from typing import Final

from footfall.doctor.machine import CLOCKS_DIFFER_MS
from footfall.doctor.results import CheckResult, NodeToCheck, fault, ok, warning
from footfall.files import Files, FilesFailed, folder_of
from footfall.state import StateUnavailable, StateUrlInvalid, look_at_state, state_file
from footfall.store import Store, StoreFailed, StoreRefused, StoreTimeout, StoreUnavailable, query
from footfall.system.process import SettingsUnusable
from footfall.system.served_settings import has_shared
from footfall.system.waiting import wait_until
from footfall.wording import count_of, moment

# Ms since a node was seen last, after which it is taken for gone.
_NODE_MS: Final = 600_000
# Seconds in which a service that has begun to listen has started its engine, as a rule; and between two questions.
_ENGINE_STARTS_S: Final = 10.0
_ENGINE_PERIOD_S: Final = 0.1
# A file that is nowhere: asking for it shows that the object store answers.
_NO_FILE: Final = "footfall-doctor/no-such-file"


def check_state(node: NodeToCheck) -> Iterator[CheckResult]:
    """The state database: users, reports, schedules."""
    if "state_url" in node.withheld:
        return
    path = state_file(node.settings)
    if path is not None and not path.exists():
        yield warning("state", f"there is no state database {path} yet", "footfall serve makes one, with a first user")
        return
    try:
        found = look_at_state(node.settings)
    except (StateUnavailable, StateUrlInvalid) as error:
        remedy = "see that the database runs and takes this user; events are accepted meanwhile, sign-ins are not"
        yield fault("state", str(error), remedy if path is None else "restore the backup: docs/backup.md")
        return
    if found.damage:
        yield fault("state", f"{path} is damaged: {found.damage}", "keep the file elsewhere, and restore the backup")
    elif found.is_too_new:
        text = f"the state was brought to {found.revision} by a later version than this"
        yield fault("state", text, "install the later version again")
    elif found.is_old:
        text = f"the state is of an earlier version ({found.revision or 'without tables'}), and a start upgrades it"
        yield warning("state", text, "footfall upgrade --check tells how")
    elif not found.users:
        yield warning("state", "there is no user, so nobody can sign in", "a start of the service makes `admin`")
    else:
        yield ok("state", f"it answers, with {count_of(found.users, 'user')}")
    yield from _compare_clocks("state", node, found.now_ms)
    now_ms = node.clock.now_ms()
    for each in found.nodes if node.is_served else ():
        if now_ms - each.seen_ms > _NODE_MS:
            yield warning(
                "state",
                f"the node {each.node} was seen last at {moment(each.seen_ms)}: reports wait for it",
                "start it; where it is gone for good, serve its data folder once more and stop it",
            )


def check_events_store(node: NodeToCheck) -> Iterator[CheckResult]:
    """The events store, where it can be asked: the embedded engine runs with the service alone."""
    settings = node.settings
    is_embedded = settings.events_url == "embedded"
    if "events_url" in node.withheld:
        return
    if is_embedded and not (node.is_served and has_shared(settings)):
        yield ok("store", "the embedded engine starts with the service")
        return
    try:
        with closing(Store(settings)) as store:
            if is_embedded:
                wait_until(store.ping, _ENGINE_STARTS_S, _ENGINE_PERIOD_S)
            ((now_ms,),) = store.rows(query("store_clock"), {})
    except (StoreUnavailable, StoreFailed, StoreTimeout, StoreRefused) as error:
        what = "the embedded engine" if is_embedded else "the events store"
        remedy = (
            "the service's log tells why it ended and whether it starts again; its files are looked at under `engine`"
            if is_embedded
            else "see that the server of events_url runs and takes this user; events are accepted meanwhile"
        )
        yield fault("store", f"{what} does not answer: {_first_line(error)}", remedy)
        return
    yield ok("store", "it answers")
    yield from _compare_clocks("store", node, None if is_embedded else int(now_ms))


def check_files(node: NodeToCheck) -> Iterator[CheckResult]:
    """Where report files go."""
    settings = node.settings
    if "files_url" in node.withheld:
        return
    targets = [(None, settings.files_url), *((name, one.url) for name, one in settings.destinations.items())]
    for name, url in targets:
        what = "report files" if name is None else f"destination {name}"
        if not url:
            yield ok("files", f"{what} are in the data folder")
        elif url.startswith("file:") and not folder_of(url).is_dir():
            remedy = "a start makes it; where it is to be a mount, mount it first"
            yield warning("files", f"{what}: there is no folder {folder_of(url)}", remedy)
        else:
            try:
                Files(settings, name).find(_NO_FILE)
                yield ok("files", f"{what}: the place answers")
            except (FilesFailed, SettingsUnusable) as error:
                yield fault("files", _first_line(error), "see that the place is there and takes the credentials")


def _compare_clocks(area: str, node: NodeToCheck, theirs_ms: int | None) -> Iterator[CheckResult]:
    """Hold the clock of another machine against this one's."""
    if theirs_ms is None:
        return
    ahead_ms = theirs_ms - node.clock.now_ms()
    if abs(ahead_ms) > CLOCKS_DIFFER_MS:
        way = "ahead of" if ahead_ms > 0 else "behind"
        text = f"the clock of its machine is {abs(ahead_ms) / 1000:,.0f} s {way} this one's"
        yield fault(area, text, "have the clocks of both machines set by NTP")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
