"""The rules of retention: what is past by them at a time, and what each has removed or would remove."""

import hashlib
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import UNSET, Struct, UnsetType

from footfall.settings.retention import FOR_EVER, EventPattern, RetentionRule
from footfall.state import CutoffScope, RetentionCutoff, State
from footfall.store import Store, query
from footfall.tombstones import past_condition
from footfall.windows import DAY_MS

# Hexadecimal digits of a cutoff's id.
_ID_DIGITS = 16


class RuleStatus(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A rule: up to when its events are past (ms since 1970), and how many of them the store has still.

    `removed` and `keptOut` are events that were removed from the store, and that came too late. A rule that is not
    `inForce` is one of the settings that no service has begun with, or one that was changed or dropped.
    """

    product: str
    type: str
    days: int
    in_force: bool
    until: int | UnsetType = UNSET
    past: int = 0
    removed: int = 0
    kept_out: int = 0


def until_of(days: int, now_ms: int) -> int:
    """The last ms that is past when events stay for so many whole days (UTC) after their own."""
    return now_ms - now_ms % DAY_MS - days * DAY_MS - 1


def cutoffs_of(rules: Sequence[RetentionRule], now_ms: int) -> Iterator[RetentionCutoff]:
    """The cutoffs of the rules, in their order; a rule that keeps its events for ever has none."""
    for _, cutoff in _with_cutoffs(rules, now_ms):
        if cutoff is not None:
            yield cutoff


def look_at_rules(rules: Sequence[RetentionRule], state: State, store: Store, now_ms: int) -> Iterator[RuleStatus]:
    """The rules in their order, then those that are not among them any more; nothing is changed.

    Raises StateUnavailable, and what the store raises.
    """
    known = {one.id: one for one in state.retention.all()}
    for rule, cutoff in _with_cutoffs(rules, now_ms):
        if cutoff is None:
            yield RuleStatus(product=rule.product, type=rule.type, days=rule.days, in_force=True)
        else:
            before = known.pop(cutoff.id, None)
            yield _status(before if before and before.until_ms > cutoff.until_ms else cutoff, before, store)
    for left in known.values():
        yield _status(left, left, store)


def _with_cutoffs(
    rules: Sequence[RetentionRule], now_ms: int
) -> Iterator[tuple[RetentionRule, RetentionCutoff | None]]:
    patterns = [EventPattern(rule.product, rule.type) for rule in rules]
    for at, rule in enumerate(rules):
        if rule.days == FOR_EVER:
            yield rule, None
            continue
        before = tuple(one for one in patterns[:at] if one.meets(patterns[at]))
        scope = CutoffScope(patterns[at], before, rule.days)
        digest = hashlib.sha256(msgspec.json.encode(scope)).hexdigest()[:_ID_DIGITS]
        yield rule, RetentionCutoff(id=digest, scope=scope, until_ms=until_of(rule.days, now_ms), changed_ms=now_ms)


def _status(cutoff: RetentionCutoff, known: RetentionCutoff | None, store: Store) -> RuleStatus:
    condition = past_condition([cutoff])
    rows = store.rows(condition.fill(query("erase_counts")), {**condition.parameters, "table": "events"})
    return RuleStatus(
        product=cutoff.scope.pattern.product,
        type=cutoff.scope.pattern.type,
        days=cutoff.scope.days,
        in_force=known is not None and known.is_in_force,
        until=cutoff.until_ms,
        past=sum(int(row[2]) for row in rows),
        removed=known.removed if known else 0,
        kept_out=known.kept_out if known else 0,
    )
