"""The second factor of passwords: a code from the clock, or a recovery code, beside the password.

- A code counts once: whoever looks over a shoulder is too late.
- With the right password, ten wrong codes of a user in an hour are all that are looked at, from wherever they come:
  somebody has the password, and a million codes are soon tried from many networks. Recovery codes still count then,
  since nobody guesses 80 bits; so whoever has the password does not keep the user out.
- Keys need no code: they are made for programs, by a user who has signed in with one.
"""

import base64
import hashlib
import logging
import re
import secrets
from typing import Final

from msgspec import Struct

from footfall.accounts import totp
from footfall.accounts.failures import Failures
from footfall.errors import RequestRefused
from footfall.state import SecondFactor, State, User
from footfall.system.clock import Clock

WRONG_CODES_MAX: Final = 10
WRONG_CODES_MS: Final = 3_600_000
RECOVERY_CODES: Final = 10
# 16 letters of base32 are 80 bits.
_RECOVERY_BYTES: Final = 10
_RECOVERY: Final = re.compile(r"[A-Z2-7]{16}")
_SPACES: Final = re.compile(r"[\s-]")
_CODE_CHARS_MAX: Final = 64
_ISSUER: Final = "footfall"
# What codes are compared with where there is no factor, so that this takes as long.
_NO_SECRET: Final = totp.new_secret()

log = logging.getLogger(__name__)


class PendingFactor(Struct, frozen=True):
    """A factor that counts once a code of it was given: its secret, and the address that apps read."""

    secret: str
    uri: str

    def __repr__(self) -> str:
        """Without the secret, because reprs end up in logs."""
        return "PendingFactor()"


class PresentedCode(Struct, frozen=True):
    """A code, compared with a factor: the step that it is of, or the digest that it has as a recovery code.

    `is_guess` says that it could be of a step: a program that sends the password alone guesses nothing.
    """

    factor: SecondFactor | None
    step: int | None
    recovery: str
    is_guess: bool


class SecondFactors:
    """The second factors in the state. One serves all requests of a process; its calls block."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._wrong = Failures(WRONG_CODES_MAX, clock, WRONG_CODES_MS)

    def compare(self, user: User | None, code: str) -> PresentedCode:
        """Compare a code with the user's factor, without using it up; it takes the same time for everyone."""
        found = self._state.factors.get("" if user is None else user.account)
        factor = found if found is not None and found.confirmed else None
        plain = _SPACES.sub("", code[:_CODE_CHARS_MAX]).upper()
        step = totp.find_step(_NO_SECRET if factor is None else factor.secret, plain, self._clock.now_ms())
        digest = _digest(plain) if _RECOVERY.fullmatch(plain) else ""
        return PresentedCode(factor, step, digest, totp.is_code(plain))

    def use(self, presented: PresentedCode) -> bool:
        """Whether the code lets the user in, whose password was right; a code is used up by that."""
        factor = presented.factor
        if factor is None:
            return True
        if presented.recovery and self._state.factors.use_recovery(factor.account, presented.recovery):
            return True
        if not presented.is_guess:
            return False
        pair = (factor.account, "")
        try:
            # Before it is looked at: of codes that come at the same time, no more are looked at either.
            reserved_ms = self._wrong.reserve(pair)
        except RequestRefused:
            return False
        if presented.step is not None and self._state.factors.use_step(factor.account, presented.step):
            self._wrong.give_back(pair, reserved_ms)
            return True
        return False

    def begin(self, user: User) -> PendingFactor | None:
        """Make a factor that counts once it is confirmed; None when the user has one that counts."""
        secret = totp.new_secret()
        factor = SecondFactor(account=user.account, secret=secret, created_ms=self._clock.now_ms())
        if not self._state.factors.begin(factor):
            return None
        return PendingFactor(secret, totp.make_uri(secret, user.id, _ISSUER))

    def restore(self, user: User, secret: str) -> PendingFactor | None:
        """A begun factor from its secret, which a form has kept; None for what is none. Nothing is looked up."""
        return PendingFactor(secret, totp.make_uri(secret, user.id, _ISSUER)) if totp.is_secret(secret) else None

    def confirm(self, user: User, code: str) -> list[str] | None:
        """Have the begun factor count from now on, and give its recovery codes; None when the code is not right."""
        found = self._state.factors.get(user.account)
        if found is None or found.confirmed:
            return None
        step = totp.find_step(found.secret, _SPACES.sub("", code[:_CODE_CHARS_MAX]), self._clock.now_ms())
        made = [_recovery_code() for _ in range(RECOVERY_CODES)]
        digests = tuple(_digest(each.replace("-", "")) for each in made)
        if step is None or not self._state.factors.confirm(user.account, found.secret, step, digests):
            return None
        return made

    def left(self, user: User) -> int | None:
        """How many recovery codes the user has left; None when the password counts alone."""
        found = self._state.factors.get(user.account)
        return len(found.recovery) if found is not None and found.confirmed else None

    def remove(self, user: User) -> bool:
        """Have the password count alone; False when it did."""
        return self._state.factors.remove(user.account)


def _recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode()
    return "-".join(text[place : place + 4] for place in range(0, len(text), 4))


def _digest(code: str) -> str:
    # As for keys, a fast hash is enough for what nobody can guess.
    return hashlib.sha256(code.encode()).hexdigest()
