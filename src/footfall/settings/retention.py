"""How long events are kept, by product and type."""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from footfall.settings.limits import RETENTION_DAYS_MOST, RETENTION_RULES_MAX

# The number of days that means for ever, as for the archive.
FOR_EVER: Final = -1
# Stands at the end of a pattern for anything.
EVERY: Final = "*"


class EventPattern(Struct, frozen=True, forbid_unknown_fields=True):
    """Events of products and types; a `*` at the end of either stands for anything."""

    product: str = EVERY
    type: str = EVERY

    def takes(self, product: str, type_: str) -> bool:
        """Whether an event of this product and type is one of them."""
        return _takes(self.product, product) and _takes(self.type, type_)

    def includes(self, other: "EventPattern") -> bool:
        """Whether it takes every event that the other takes."""
        return _includes(self.product, other.product) and _includes(self.type, other.type)

    def meets(self, other: "EventPattern") -> bool:
        """Whether there may be an event that both take."""
        return _meets(self.product, other.product) and _meets(self.type, other.type)


class RetentionRule(EventPattern, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The events of a pattern stay for so many whole days (UTC) after the day of their own time, or FOR_EVER."""

    days: int


def retention_problems(rules: Sequence[RetentionRule]) -> Iterator[str]:
    """Problems with the rules, each with the number of its rule, from 1."""
    if len(rules) > RETENTION_RULES_MAX:
        yield f"expected {RETENTION_RULES_MAX} rules at the most, got {len(rules)}"
        return
    for number, rule in enumerate(rules, start=1):
        for name, pattern in (("product", rule.product), ("type", rule.type)):
            if not pattern or EVERY in pattern[:-1]:
                yield f"rule {number}: {name}: expected a code, or its beginning and {EVERY}, got {pattern[:100]!r}"
        if rule.days != FOR_EVER and not 1 <= rule.days <= RETENTION_DAYS_MOST:
            yield f"rule {number}: days: expected 1 to {RETENTION_DAYS_MOST}, or {FOR_EVER} for ever, got {rule.days}"
        if before := next((at for at, one in enumerate(rules[: number - 1], start=1) if one.includes(rule)), None):
            yield f"rule {number}: no event comes to it, because rule {before} takes all of them first"


def _takes(pattern: str, value: str) -> bool:
    return value.startswith(pattern[:-1]) if pattern.endswith(EVERY) else value == pattern


def _includes(pattern: str, other: str) -> bool:
    if pattern.endswith(EVERY):
        return other.removesuffix(EVERY).startswith(pattern[:-1])
    return pattern == other


def _meets(pattern: str, other: str) -> bool:
    if pattern.endswith(EVERY) and other.endswith(EVERY):
        return pattern[:-1].startswith(other[:-1]) or other.startswith(pattern[:-1])
    return _takes(pattern, other) or _takes(other, pattern)
