"""Orders of erasures, for the API, the page and the command line: what would be erased, the order, and the receipts."""

import secrets
import uuid
from collections.abc import Callable

from msgspec import Struct, structs

from footfall.erasure.receipt import ErasedEvents, ErasureShown, shown_erasure
from footfall.erasure.store_work import count_events, count_quarantined
from footfall.plan import Plan
from footfall.state import Erasure, ErasureMode, ErasurePhase, ErasureRule, State
from footfall.store import Store
from footfall.system.clock import Clock
from footfall.tombstones import digest_of, find_places, salt_of

# Erasures of a list.
LISTED_MAX = 100
# A node that has said nothing for so long is away.
SILENT_MS = 60_000
# Bytes of a random pseudonym, which is written with two hexadecimal digits for each.
_PSEUDONYM_BYTES = 16
# Of ids that are made of an idempotency key.
_NAMESPACE = uuid.UUID("6b1a0f1c-5a52-4a3c-8d2f-3f0b6f3c9e51")


class ErasureRefused(Exception):
    """There can be no such erasure; the text says why, without the value."""


class ErasureWanted(Struct, frozen=True, kw_only=True):
    """A person: who has `value` under the context key `key`, at these customers and products, or at all of them."""

    key: str
    value: str
    pseudonymise: bool = False
    customers: tuple[str, ...] = ()
    products: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Without the value, because reprs end up in logs."""
        return f"ErasureWanted(key={self.key!r})"


class DryRun(Struct, frozen=True):
    """What the store has of the person now."""

    events: tuple[ErasedEvents, ...]
    quarantined: tuple[ErasedEvents, ...]


class Erasures:
    """Orders and tells erasures. The calls block, and raise what the state and the store raise."""

    def __init__(self, state: State, store: Store, plan: Callable[[], Plan], clock: Clock) -> None:
        self._state = state
        self._store = store
        self._plan = plan
        self._clock = clock

    def order(self, wanted: ErasureWanted, by: str, idempotency_key: str = "") -> ErasureShown:
        """Order an erasure; the workers begin with it within seconds. Raises ErasureRefused.

        Who has a pseudonym is erased under it too, by an erasure of its own.

        The same order by the same user with the same `idempotency_key`, which is not empty, is the first one again.
        """
        erasure = self._draft(wanted, by)
        if idempotency_key:
            erasure = structs.replace(erasure, id=str(uuid.uuid5(_NAMESPACE, f"{by}\n{idempotency_key}")))
        if not self._state.erasures.add([erasure]):
            first = self._state.erasures.get(erasure.id)
            if first is None or not _is_same(first, erasure):
                raise ErasureRefused("the idempotency key was another erasure's before")
            if first.phase is not ErasurePhase.DONE:
                # The first order may have been cut off here.
                self._state.erasures.add(self._of_pseudonyms(first))
            return shown_erasure(first, self._state.erasures.shares(first.id))
        # Read now: a pseudonym that is ordered from here on finds this order, and leaves the person to it.
        self._state.erasures.add(self._of_pseudonyms(erasure))
        return shown_erasure(erasure, [])

    def dry_run(self, wanted: ErasureWanted, limit_s: int = 0) -> DryRun:
        """What would be erased; each statement may take `limit_s` seconds, 0 for no limit. Raises ErasureRefused."""
        self._store.migrate()
        erasure = self._draft(wanted, "")
        salt = salt_of(self._state)
        events = [
            found
            for one in (erasure, *self._of_pseudonyms(erasure))
            for found in count_events(self._store, salt, one, limit_s)
        ]
        return DryRun(tuple(events), count_quarantined(self._store, salt, erasure, limit_s))

    def _of_pseudonyms(self, erasure: Erasure) -> list[Erasure]:
        """The erasures of the names that the person has got before: whoever is erased is so under them too."""
        if erasure.mode is not ErasureMode.ERASE:
            return []
        salt = salt_of(self._state)
        names = {one.pseudonym for one in self._state.erasures.all() if one.pseudonym and one.digest == erasure.digest}
        return [
            structs.replace(
                erasure, id=str(uuid.uuid5(_NAMESPACE, f"{erasure.id} {name}")), digest=digest_of(salt, name)
            )
            for name in sorted(names)
        ]

    def are_workers_alive(self) -> bool:
        """Whether any worker has lately told that it is there, which would do the work."""
        now_ms = self._clock.now_ms()
        return any(node.seen_ms > now_ms - SILENT_MS for node in self._state.nodes.all())

    def newest(self) -> list[ErasureShown]:
        """The newest erasures, the newest first."""
        return newest_erasures(self._state)

    def find(self, erasure_id: str) -> ErasureShown | None:
        """An erasure with its receipt; None where there is none."""
        return find_erasure(self._state, erasure_id)

    def _draft(self, wanted: ErasureWanted, by: str) -> Erasure:
        if not wanted.value:
            raise ErasureRefused("the value is empty, which is nobody's")
        if not _is_utf8(wanted.value):
            raise ErasureRefused("the value is not UTF-8, which no event has")
        plan = self._plan()
        places = find_places(plan, wanted.key, wanted.products)
        if not places:
            known = ", ".join(sorted({column for product in plan.products for column in product.columns}))
            raise ErasureRefused(f"no product has the key {wanted.key!r}: {known}")
        now_ms = self._clock.now_ms()
        return Erasure(
            digest=digest_of(salt_of(self._state), wanted.value),
            rule=ErasureRule(
                key=wanted.key,
                places=places,
                customers=wanted.customers,
                products=wanted.products,
                planned=tuple(product.name for product in plan.products),
            ),
            mode=ErasureMode.PSEUDONYMISE if wanted.pseudonymise else ErasureMode.ERASE,
            pseudonym=secrets.token_hex(_PSEUDONYM_BYTES) if wanted.pseudonymise else "",
            ordered_by=by,
            ordered_ms=now_ms,
            cut_ms=now_ms,
        )


def _is_same(one: Erasure, other: Erasure) -> bool:
    """Whether two orders are of the same person, at the same customers and products; the plan may have changed."""
    asked = [(each.digest, each.mode, each.rule.key, each.rule.customers, each.rule.products) for each in (one, other)]
    return asked[0] == asked[1]


def _is_utf8(value: str) -> bool:
    """Whether the value can be in an event: bytes of a command line that are no text become halves of characters."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def newest_erasures(state: State) -> list[ErasureShown]:
    """The newest erasures, the newest first, LISTED_MAX at the most."""
    return [shown_erasure(one, state.erasures.shares(one.id)) for one in state.erasures.newest(LISTED_MAX)]


def find_erasure(state: State, erasure_id: str) -> ErasureShown | None:
    """An erasure with its receipt; None where there is none."""
    found = state.erasures.get(erasure_id)
    return None if found is None else shown_erasure(found, state.erasures.shares(found.id))
