"""When something is an alert: pure decisions over what was counted, each with the sentence that people read."""

from collections.abc import Collection, Iterator
from typing import Final, Literal

from msgspec import Struct

from footfall.alerts.activity import SILENCE_DAYS, Activity
from footfall.settings import Settings
from footfall.wording import count_of

Kind = Literal["silence", "spike", "refusals", "lag", "schedule"]

# A spike is told from fewer days than a silence, because it needs no week to be one.
SPIKE_DAYS: Final = 3
# Requests in ten minutes below which a share of refusals says nothing.
REFUSED_REQUESTS_MIN: Final = 50
# Schedules that are told one by one: more at once have one cause, such as a destination that is away.
SCHEDULES_NAMED_MAX: Final = 50
# Alerts that go on at once. Past it somebody looks at the whole anyway.
ALERTS_MAX: Final = 200


class Alert(Struct, frozen=True):
    """Something that people should know now; `subject` is whom or what it is about, `value` and `usual` its measure."""

    kind: Kind
    subject: dict[str, str]
    text: str
    value: float
    usual: float | None = None

    @property
    def key(self) -> str:
        """The same for the same alert as long as it goes on."""
        return " ".join([self.kind, *(f"{name}={value}" for name, value in sorted(self.subject.items()))])


def of_activity(activities: list[Activity], settings: Settings) -> Iterator[Alert]:
    """Silences and spikes: of a customer as a whole, else of its types."""
    told: set[tuple[str, str]] = set()
    for one in sorted(activities, key=lambda one: bool(one.type)):
        for alert in filter(None, (_silence(one, settings), _spike(one, settings))):
            if (alert.kind, one.customer) not in told or not one.type:
                yield alert
            if not one.type:
                told.add((alert.kind, one.customer))


def _silence(one: Activity, settings: Settings) -> Alert | None:
    least = settings.alert_silence_events
    usual = sorted(number for number in one.lowest.values() if number >= least)
    if not least or one.recent or len(usual) < SILENCE_DAYS:
        return None
    median = usual[len(usual) // 2]
    text = f"{_name(one)}: no event for an hour; at this time there are usually {median:,} in an hour"
    return Alert("silence", _subject(one), text, 0, median)


def _spike(one: Activity, settings: Settings) -> Alert | None:
    factor, least = settings.alert_spike_factor, settings.alert_spike_events
    if not factor or one.recent < least or len(one.highest) < SPIKE_DAYS:
        return None
    most = max(one.highest.values())
    if one.recent <= factor * most:
        return None
    text = f"{_name(one)}: {one.recent:,} events in an hour; the most in an hour of the last week was {most:,}"
    return Alert("spike", _subject(one), text, one.recent, most)


class Requests(Struct, frozen=True):
    """Requests with events of a stretch of time, and how many of them were refused."""

    refused: int
    total: int

    @property
    def percent(self) -> float:
        return 100 * self.refused / self.total if self.total else 0.0


def of_requests(lately: Requests, before: Requests, node: str, limit_percent: int, *, firing: bool) -> Alert | None:
    """A rise of refusals in the last ten minutes; `before` is the time before that, `firing` whether it is known."""
    if not limit_percent or lately.total < REFUSED_REQUESTS_MIN or lately.percent < limit_percent:
        return None
    has_risen = before.total < REFUSED_REQUESTS_MIN or lately.percent >= 2 * before.percent
    if not (firing or has_risen):
        return None
    text = (
        f"{node}: {lately.percent:.0f} % of {count_of(lately.total, 'request')} with events in ten minutes refused; "
        f"{before.percent:.0f} % before"
    )
    return Alert("refusals", {"node": node}, text, round(lately.percent, 1), round(before.percent, 1))


def of_lag(lag_s: float, node: str, limit_s: int) -> Alert | None:
    """The store is behind what was accepted: events are safe, and no report or statistic has them."""
    if not limit_s or lag_s < limit_s:
        return None
    return Alert("lag", {"node": node}, f"{node}: the store is {lag_s:,.0f} s behind the journal", round(lag_s))


def of_schedules(failed: Collection[tuple[str, str, str]], count: int) -> Iterator[Alert]:
    """Schedules that paused themselves, or whose report failed for good: ids, users and names of some, `count` of all.

    Those that are not named are an alert together.
    """
    if count > len(failed):
        text = f"{count:,} schedules have failed, {len(failed):,} of them are told one by one: footfall schedule list"
        yield Alert("schedule", {}, text, count)
    for schedule, user, name in failed:
        text = f"schedule {name!r} of {user} has failed: footfall schedule show {schedule}"
        yield Alert("schedule", {"schedule": schedule, "user": user, "name": name}, text, 1)


def _subject(one: Activity) -> dict[str, str]:
    named = {"customer": one.customer, "product": one.product, "type": one.type}
    return {name: value for name, value in named.items() if value}


def _name(one: Activity) -> str:
    return " ".join(_subject(one).values())
