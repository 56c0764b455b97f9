"""Which events are past the time for which their product and type are kept: a test for lines, and its SQL.

The docstring of `footfall.expiry` has the rule.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from footfall.settings.retention import EVERY, EventPattern
from footfall.state import RetentionCutoff
from footfall.tombstones.statements import RowCondition

# Products and types whose cutoffs are known at once: strangers may send any.
_KNOWN_MAX = 50_000


class CutoffTest:
    """Finds what is past by some cutoffs. May be used by any thread."""

    def __init__(self, cutoffs: Iterable[RetentionCutoff]) -> None:
        self.cutoffs = tuple(cutoffs)
        # No later event is past.
        self.latest_ms = max((one.until_ms for one in self.cutoffs), default=-(2**63))
        self._known: dict[tuple[str, str], tuple[RetentionCutoff, ...]] = {}

    def of(self, product: str, type_: str) -> tuple[RetentionCutoff, ...]:
        """The cutoffs in whose scope events of this product and type are."""
        found = self._known.get((product, type_))
        if found is None:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            found = tuple(one for one in self.cutoffs if one.scope.takes(product, type_))
            self._known[product, type_] = found
        return found

    def find(self, product: str, type_: str, time_ms: int, received_ms: int) -> RetentionCutoff | None:
        """The cutoff by which an event is past; None when it is not."""
        for one in self.of(product, type_):
            if time_ms <= one.until_ms and (one.is_in_force or received_ms <= one.received_ms):
                return one
        return None


def past_condition(cutoffs: Sequence[RetentionCutoff], *, quarantined: bool = False) -> RowCondition:
    """The condition that an event, or one in quarantine, is past by some of the cutoffs; none is without any."""
    parameters: dict[str, Any] = {}
    received = "held_since" if quarantined else "received"
    tests = [_test(at, one, received, parameters) for at, one in enumerate(cutoffs)]
    return RowCondition(f"({' OR '.join(tests) or 'false'})", parameters)


def _test(at: int, one: RetentionCutoff, received: str, parameters: dict[str, Any]) -> str:
    parameters[f"past_until{at}"] = one.until_ms
    tests = [f"timestamp <= {{past_until{at}:Int64}}", *_pattern(f"{at}", one.scope.pattern, parameters)]
    if not one.is_in_force:
        parameters[f"past_received{at}"] = one.received_ms
        tests.append(f"{received} <= {{past_received{at}:Int64}}")
    for number, but in enumerate(one.scope.but):
        tests.append(f"NOT ({' AND '.join(_pattern(f'{at}_{number}', but, parameters)) or 'true'})")
    return f"({' AND '.join(tests)})"


def _pattern(name: str, pattern: EventPattern, parameters: dict[str, Any]) -> Iterator[str]:
    for column, value in (("product", pattern.product), ("type", pattern.type)):
        if value == EVERY:
            continue
        parameter = f"past_{column}{name}"
        parameters[parameter] = value.removesuffix(EVERY)
        if value.endswith(EVERY):
            yield f"startsWith({column}, {{{parameter}:String}})"
        else:
            yield f"{column} = {{{parameter}:String}}"
