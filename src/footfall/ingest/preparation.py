"""The steps of `POST /events` from an unpacked body to encoded lines: identify, decode, check, encode."""

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Raw, Struct

from footfall.ingest.batch_ids import BatchedEvent, batch_text, derive_batch, random_batches
from footfall.ingest.body import Headers
from footfall.ingest.bots import hold_all
from footfall.ingest.decode import check_bounds, decode
from footfall.ingest.fast_path import FastPath
from footfall.ingest.refusals import not_in_plan
from footfall.ingest.refused_kinds import RefusedKinds
from footfall.ingest.sender_rules import SenderRules
from footfall.journal import STAMPS, EncodedLines, mark
from footfall.plan import LivePlan, RegexBudget
from footfall.quarantine import hold_refused
from footfall.rate_limits import NOBODY, Account, CustomerLimits, Spread
from footfall.settings import Settings
from footfall.system.clock import Clock
from footfall.wire import Sender

encode_lines = msgspec.json.Encoder().encode_lines


class PreparedRequest(Struct, frozen=True, gc=False):
    """A request that no step before the journal refused: its lines, and the answer once they are on disk.

    `owner` is whose events they are, for the limits that it has; `key_id` is the write key that they came with. One
    with a key has an owner without anything `left`, so that both are looked at.
    """

    answer: bytes
    lines: EncodedLines
    accepted: int
    quarantined: int
    owner: Account | Spread = NOBODY
    key_id: str = ""


EMPTY: Final = PreparedRequest(b"[]", EncodedLines(), 0, 0)


class Preparation:
    """The steps, by the plan in force. They keep nothing, and may run on any thread."""

    def __init__(
        self,
        plan: LivePlan,
        settings: Settings,
        clock: Clock,
        limits: CustomerLimits,
        rules: SenderRules | None,
        refused_kinds: RefusedKinds,
    ) -> None:
        self._plan = plan
        self._settings = settings
        self._clock = clock
        self._limits = limits
        self._sender_rules = rules
        self._refused_kinds = refused_kinds
        self._quarantines = settings.plan_mode == "quarantine"
        self._batches = random_batches()
        self._fast_path = FastPath(plan.checker, settings, limits.find)

    def random_batch(self) -> Raw:
        """A batch for a request without a key, taken on the event loop."""
        return next(self._batches)

    def forget_owners(self) -> None:
        """Ask for the accounts of customers anew."""
        self._fast_path.forget_owners()

    def prepare(
        self,
        headers: Headers,
        body: bytes,
        find_sender: Callable[[], Sender],
        random_batch: Raw | None = None,
        budget: RegexBudget | None = None,
    ) -> PreparedRequest:
        """The steps from an unpacked body to encoded lines. Raises RequestRefused, and keeps nothing then.

        A thread other than the event loop's must bring a `random_batch`, and `budget`, which bounds the time of the
        plan's expressions. On the event loop `inline_bytes_max` bounds that time.
        """
        settings, checker, now_ms = self._settings, self._plan.checker, self._clock.now_ms()
        fast_path = self._fast_path
        if fast_path.checker is not checker:
            fast_path = self._fast_path = FastPath(checker, settings, self._limits.find)
        if headers.idempotency_key:
            batch = derive_batch(headers.idempotency_key, body)
        else:
            batch = next(self._batches) if random_batch is None else random_batch
        events, is_right, owner = fast_path.read(body, now_ms + settings.timestamp_ahead_max_ms, batch, budget)
        held, held_lines, key_id, facts = 0, b"", "", headers.sender
        if events is None or not is_right or facts is not None:
            if events is None:
                events = decode(body, settings)
            if not is_right:
                check_bounds(events, len(body), now_ms, settings)
            key = self._sender_rules.check(facts, events) if facts and self._sender_rules else None
            is_bot = facts is not None and facts.is_bot
            sent, key_id = events, key.id if key else ""
            if not is_right or is_bot:
                events, held, held_lines = self._check_plan(events, batch, find_sender, budget, is_bot=is_bot)
            if key or not is_right or is_bot:
                owner = self._limits.find_owner(sent, events, len(held_lines))
        if not events and not held:
            return EMPTY
        # The answer is made of the same bytes as the lines for the journal.
        lines = encode_lines(events)
        answer = b"[%b]" % lines[:-1].replace(b"\n", b",").replace(STAMPS, b"")
        encoded = EncodedLines(lines, mark(held_lines) if held else b"")
        return PreparedRequest(answer, encoded, len(events), held, owner, key_id)

    def _check_plan(
        self,
        events: list[BatchedEvent],
        batch: Raw,
        find_sender: Callable[[], Sender],
        budget: RegexBudget | None,
        *,
        is_bot: bool,
    ) -> tuple[list[BatchedEvent], int, bytes]:
        """The events that keep to the plan, numbered; the number of those that quarantine holds, and their lines.

        It holds all events of a bot.
        """
        checker = self._plan.checker
        refused = checker.check(events, budget)
        if refused and not self._quarantines:
            self._refused_kinds.note(events, refused)
            raise not_in_plan(refused, len(events), self._settings)
        if is_bot:
            refused = hold_all(refused, len(events))
        for sequence, event in enumerate(events, 1):
            event.sequence, event.batch = sequence, batch
        if not refused:
            return events, 0, b""
        sender = find_sender()
        if not self._settings.quarantine_sender_kept:
            sender = Sender(origin=sender.origin)  # the site, which is nobody's own
        kept, held_lines = hold_refused(events, batch_text(batch), refused, sender, checker.plan.fingerprint)
        return kept, len(refused), held_lines
