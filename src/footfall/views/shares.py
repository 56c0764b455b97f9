"""Links that show one statistic without a sign-in: made, listed, revoked, opened."""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from msgspec import UNSET, Struct, UnsetType

from footfall.accounts import KeyedUser, rights_of
from footfall.errors import Code, RequestRefused
from footfall.settings import Settings
from footfall.state import Share, State, TooManyShares, User
from footfall.system.clock import Clock
from footfall.usage import Usage
from footfall.views.answers import SharedAnswers
from footfall.views.requests import Wanted, origins_of, read_share
from footfall.views.views import Views, check_parameters
from footfall.windows import DAY_MS

_TOKEN_BYTES = 32
# Longer than any token, so that what a stranger sends is not hashed at any length.
_TOKEN_CHARS_MAX = 64


class ShownShare(Struct, frozen=True, kw_only=True):
    """A link; `url` is there in the answer that made it alone, as the service does not keep its token."""

    id: str
    title: str
    user: str
    call: str
    parameters: dict[str, list[str]]
    chart: str
    origins: Sequence[str]
    created: int
    expires: int
    url: str | UnsetType = UNSET


class OpenedShare(Struct, frozen=True):
    """A link that holds, and the user with whose rights its numbers are shown."""

    share: Share
    user: User

    def key(self, file: str) -> tuple[object, ...]:
        """What an answer is kept by: with other rights of the user it is another."""
        return self.share.id, file, rights_of(self.user)


class Shares:
    """Makes, lists, revokes and opens links. All but `answer` block; they raise RequestRefused and StateUnavailable."""

    def __init__(self, state: State, settings: Settings, clock: Clock, usage: Usage, views: Views) -> None:
        self._state = state
        self._settings = settings
        self._clock = clock
        self._usage = usage
        self._views = views
        self.answers = SharedAnswers(settings.share_answer_s, settings.share_answers_max)

    @property
    def origins(self) -> tuple[str, ...]:
        """Origins whose pages a link may name; `*` is any."""
        return origins_of(self._settings)

    def add(self, user: User, body: bytes, base_url: str) -> ShownShare:
        """Make the link that the body of `POST /shares` asks for; its URL begins with `base_url`."""
        wanted = self._of_view(user, read_share(body, self._settings))
        if not self._settings.shares_allowed:
            text = "links that work without a sign-in are not allowed here: the setting shares_allowed says so"
            raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, text)
        if isinstance(user, KeyedUser) and user.is_narrowed:
            text = "a link shows all that its user may see, and the key is for some customers or products only"
            raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, text)
        check_parameters(self._usage, user, wanted.call, wanted.parameters)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now_ms = self._clock.now_ms()
        share = Share(
            token_hash=_hash(token),
            account=user.account,
            user=user.id,
            title=wanted.name,
            call=wanted.call,
            parameters=wanted.parameters,
            chart=wanted.chart,
            origins=wanted.origins,
            created_ms=now_ms,
            expires_ms=now_ms + wanted.days * DAY_MS,
        )
        try:
            self._state.shares.add(share, self._settings.shares_max)
        except TooManyShares as error:
            text = f"you have {self._settings.shares_max:,} links, and may have no more: revoke one first"
            raise RequestRefused(Code.REQUEST_RATE_LIMITED, text) from error
        return _shown(share, f"{base_url}/shared/{token}")

    def _of_view(self, user: User, wanted: Wanted) -> Wanted:
        if not wanted.view:
            return wanted
        view = self._views.named(user, wanted.view)
        return Wanted(
            name=wanted.name or view.name,
            call=view.call,
            parameters=view.parameters,
            chart=wanted.chart or view.chart,
            days=wanted.days,
            origins=wanted.origins,
        )

    def all(self, user: User) -> list[ShownShare]:
        """The user's links that have not expired; for an admin, everyone's."""
        found = self._state.shares.all(None if user.admin else user.account, self._clock.now_ms())
        return [_shown(share) for share in found]

    def remove(self, user: User, share_id: str) -> ShownShare:
        """Revoke the link, which ends at once; an admin may revoke anyone's."""
        found = self._state.shares.get(share_id)
        if found is None or not (user.admin or found.account == user.account):
            raise no_share()
        if not self._state.shares.remove(found.id):
            raise no_share()
        return _shown(found)

    def open(self, token: str) -> OpenedShare:
        """The link of a token, and its user as they are now. Raises RequestRefused where it does not hold."""
        if not self._settings.shares_allowed or len(token) > _TOKEN_CHARS_MAX:
            raise no_share()
        share = self._state.shares.with_hash(_hash(token))
        if share is None or share.expires_ms < self._clock.now_ms():
            raise no_share()
        user = self._state.users.with_account(share.account)
        if user is None:
            raise no_share()
        return OpenedShare(share, user)

    async def answer(
        self, token: str, opened: OpenedShare, file: str, make: Callable[[OpenedShare], Awaitable[bytes]]
    ) -> bytes:
        """What an opened link shows, kept or made now. Raises RequestRefused where it has ended by then.

        With other rights of its user by then, it is made again.
        """
        while True:
            body = await self.answers.get(opened.key(file), partial(make, opened))
            now = await asyncio.to_thread(self.open, token)
            if now.key(file) == opened.key(file):
                return body
            opened = now


def no_share() -> RequestRefused:
    """The refusal where there is no such link; the same whether it was revoked, has expired, or never was."""
    return RequestRefused(Code.REQUEST_NOT_FOUND, "there is no such link: it may have expired, or been revoked")


def _hash(token: str) -> str:
    """The hash under which a token is kept. It has 256 random bits, so that a slow hash would add nothing."""
    return hashlib.sha256(token.encode()).hexdigest()


def _shown(share: Share, url: str | UnsetType = UNSET) -> ShownShare:
    return ShownShare(
        id=share.id,
        title=share.title,
        user=share.user,
        call=share.call,
        parameters=share.parameters,
        chart=share.chart,
        origins=share.origins,
        created=share.created_ms,
        expires=share.expires_ms,
        url=url,
    )
