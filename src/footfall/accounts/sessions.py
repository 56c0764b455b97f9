"""Sessions of people who signed in to the page: a token in the browser, its hash in the state.

The token is 256 random bits, so its hash needs no salt and no cost. A session ends after a time without use, after a
time in all, when its user signs out, gets a new password or is removed. A token for forms (`form_token`) is made from
the session's token, so that only a page which was served to this browser can have it.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
from typing import Final

from msgspec import Struct

from footfall.settings import Settings
from footfall.state import Session, State, User
from footfall.system.clock import Clock

TOKEN_BYTES: Final = 32
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
# Part of the idle time after which a use is noted again: a write for every request would cost more than it tells.
_SEEN_PART: Final = 60
# Characters that are kept of what a browser calls itself and of its time zone.
_AGENT_CHARS_MAX: Final = 200
_TIMEZONE_CHARS_MAX: Final = 64
# 64 bits tell the few sessions of a user apart.
_NAME_CHARS: Final = 16


class SignedIn(Struct, frozen=True):
    """Who uses the page, and by which session."""

    user: User
    session: Session


class Sessions:
    """The sessions in the state. One serves all requests of a process."""

    def __init__(self, state: State, settings: Settings, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._idle_ms = settings.session_idle_s * 1000
        self._age_ms = settings.session_age_max_s * 1000
        self._each_max = settings.sessions_each_max

    async def begin(self, user: User, *, agent: str = "", timezone: str = "", replacing: str = "") -> str:
        """Begin a session; gives its token. That of the token `replacing` ends: none outlives a sign-in."""
        token = new_token()
        now_ms = self._clock.now_ms()
        session = Session(
            token_hash=_hash(token),
            account=user.account,
            security_stamp=user.security_stamp,
            created_ms=now_ms,
            seen_ms=now_ms,
            agent=_printable(agent, _AGENT_CHARS_MAX),
            timezone=_printable(timezone, _TIMEZONE_CHARS_MAX),
        )
        await asyncio.to_thread(self._begin, session, replacing)
        return token

    def _begin(self, session: Session, replacing: str) -> None:
        if is_token(replacing):
            self._state.sessions.remove(_hash(replacing))
        self._state.sessions.add(
            session,
            each_max=self._each_max,
            seen_before_ms=session.created_ms - self._idle_ms,
            created_before_ms=session.created_ms - self._age_ms,
        )

    async def find(self, token: str) -> SignedIn | None:
        """Who holds the token; None for one that is nobody's, or whose session has ended."""
        return await asyncio.to_thread(self._find, token) if is_token(token) else None

    async def is_open(self, token: str) -> bool:
        """Whether the token's session has not ended, which this does not make any longer."""
        found = await asyncio.to_thread(self._state.sessions.get, _hash(token)) if is_token(token) else None
        return found is not None and not self._is_over(found[0], self._clock.now_ms())

    def _is_over(self, session: Session, now_ms: int) -> bool:
        return now_ms - session.seen_ms >= self._idle_ms or now_ms - session.created_ms >= self._age_ms

    def _find(self, token: str) -> SignedIn | None:
        found = self._state.sessions.get(_hash(token))
        if found is None:
            return None
        session, user_id = found
        now_ms = self._clock.now_ms()
        if self._is_over(session, now_ms):
            self._state.sessions.remove(session.token_hash)
            return None
        user = self._state.users.get(user_id)
        # Between the two statements the user may have been removed, or have got a new password.
        if user is None or (user.account, user.security_stamp) != (session.account, session.security_stamp):
            return None
        if now_ms - session.seen_ms >= self._idle_ms // _SEEN_PART:
            self._state.sessions.see(session.token_hash, now_ms)
        return SignedIn(user, session)

    async def choose_timezone(self, session: Session, timezone: str) -> None:
        """Keep another time zone with a session, which ends when it would have ended."""
        kept = _printable(timezone, _TIMEZONE_CHARS_MAX)
        await asyncio.to_thread(self._state.sessions.set_timezone, session.token_hash, kept)

    async def end(self, token: str) -> None:
        """Sign out: the token is nobody's from now on."""
        if is_token(token):
            await asyncio.to_thread(self._state.sessions.remove, _hash(token))

    async def end_one(self, user: User, name: str) -> bool:
        """Sign another browser of the user out, by the session's `session_name`; False when there is none such."""
        for session in await self.list(user):
            if session_name(session) == name:
                await asyncio.to_thread(self._state.sessions.remove, session.token_hash)
                return True
        return False

    async def end_all(self, user: User) -> int:
        """Sign out everywhere; gives how many sessions ended."""
        return await asyncio.to_thread(self._state.sessions.remove_of, user.account)

    async def list(self, user: User) -> list[Session]:
        """The user's sessions, the one that was used last first."""
        now_ms = self._clock.now_ms()
        found = await asyncio.to_thread(self._state.sessions.of, user.account)
        return [each for each in found if not self._is_over(each, now_ms)]


def session_name(session: Session) -> str:
    """What a form calls a session: a part of its token's hash, with which nobody signs in."""
    return session.token_hash[:_NAME_CHARS]


def new_token() -> str:
    """256 random bits, in 43 characters."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def is_token(text: str) -> bool:
    """Whether the text has the form of a token."""
    return _TOKEN.fullmatch(text) is not None


def form_token(token: str) -> str:
    """What a form must send back: only a page that was served to the holder of the token has it."""
    return hmac.digest(token.encode(), b"form", hashlib.sha256).hex()


def is_form_token(token: str, sent: str) -> bool:
    """Whether a form came from a page that was served to the holder of the token."""
    return is_token(token) and hmac.compare_digest(form_token(token).encode(), sent.encode(errors="replace"))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _printable(text: str, chars_max: int) -> str:
    return "".join(character for character in text[:chars_max] if character.isprintable())
