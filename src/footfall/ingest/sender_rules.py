"""What customers ask of those who send their events: a write key, a page of theirs; and whether a bot sent them.

A request is refused as a whole when one of its events may not come from its sender. Without a rule none of this runs.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from footfall.accounts import SentKey, WriteKey, WriteKeys, sent_key
from footfall.errors import Code, Problem, RequestRefused
from footfall.ingest.bots import is_bot
from footfall.settings import Settings
from footfall.settings.senders import ANY, SenderRule
from footfall.wire import ReceivedEvent

ORIGIN_CHARS_MAX: Final = 300
NO_RULE: Final = SenderRule()


class SenderFacts(Struct, frozen=True):
    """What the rules need of a request's head. `origin` is empty where no browser named one."""

    key: SentKey | None
    origin: str
    is_bot: bool


class SenderRules:
    """The rules of all customers (`senders`), and what is done with bots (`bots_mode`)."""

    def __init__(self, settings: Settings, keys: WriteKeys | None) -> None:
        self._keys = keys
        self._rules = settings.senders
        self._any = settings.senders.get(ANY, NO_RULE)
        self._holds_bots = settings.bots_mode == "hold"
        self._problems_max = settings.problems_max

    @classmethod
    def of(cls, settings: Settings, keys: WriteKeys | None) -> "SenderRules | None":
        """The rules; None when there are none."""
        return cls(settings, keys) if settings.senders or settings.bots_mode == "hold" else None

    def read(self, headers: Iterable[tuple[bytes, bytes]], query: bytes) -> SenderFacts:
        """The facts of a request. Of its user agent nothing is kept but whether it is a bot's."""
        raw = list(headers)
        found = dict(reversed(raw))
        agent = found.get(b"user-agent", b"").decode("latin-1")
        origin = found.get(b"origin", b"").decode("latin-1")[:ORIGIN_CHARS_MAX].lower()
        return SenderFacts(sent_key(raw, query), origin, self._holds_bots and is_bot(agent))

    def check(self, facts: SenderFacts, events: Sequence[ReceivedEvent]) -> WriteKey | None:
        """The write key that was asked for; None when none was. Raises RequestRefused."""
        owners = {(event.customer, event.product) for event in events}
        is_keyed = any(self._rule(customer).write_key for customer, _ in owners)
        key = self._keys.find(facts.key) if is_keyed and self._keys and facts.key else None
        problems = {owner: why for owner in owners for why in self._problems(owner, facts, key)}
        if problems:
            raise self._refusal(problems, events)
        return key

    def _rule(self, customer: str) -> SenderRule:
        return self._rules.get(customer, self._any)

    def _problems(self, owner: tuple[str, str], facts: SenderFacts, key: WriteKey | None) -> Iterator[str]:
        customer, product = owner
        rule = self._rule(customer)
        if rule.write_key and key is None:
            sent = "the one that was sent is unknown, or has ended" if facts.key else "none was sent"
            yield f"events of customer {customer} come with a write key, and {sent}"
        elif rule.write_key and key is not None and not key.may_send(customer, product):
            yield f"the write key that was sent is not for customer {customer}, product {product}"
        if facts.origin and not rule.takes_pages_of(facts.origin):
            yield f"customer {customer} takes no events from pages of {facts.origin}"

    def _refusal(self, problems: dict[tuple[str, str], str], events: Sequence[ReceivedEvent]) -> RequestRefused:
        """Names the first event of each customer's product that may not come from this sender."""
        left, found = dict(problems), []
        for index, event in enumerate(events):
            why = left.pop((event.customer, event.product), None)
            if why is not None:
                found.append(Problem(Code.REQUEST_AUTHORIZATION_FAILURE, f"events[{index}].customer", why))
            if not left or len(found) >= self._problems_max:
                break
        text = "events may not come from this sender; nothing was stored"
        return RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, text, tuple(found))
