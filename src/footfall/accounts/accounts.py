"""The accounts service: adds and changes users, and authenticates requests."""

import asyncio
import logging
import secrets
from collections.abc import Collection
from functools import partial

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError
from msgspec import UNSET

from footfall.accounts.credentials import (
    Credentials,
    PresentedKey,
    VerifiedCache,
    make_credentials,
    parse_authorization,
    parse_key,
)
from footfall.accounts.devices import KnownDevices
from footfall.accounts.failures import Failures
from footfall.accounts.identities import Identities
from footfall.accounts.keys import Keys, find_again, key_digest
from footfall.accounts.passwords import Hashing, check_details, check_password, check_user_id, normalize
from footfall.accounts.rights import KeyedUser
from footfall.accounts.second_factor import SecondFactors
from footfall.addresses import network_of
from footfall.settings import Settings
from footfall.state import State, StateUnavailable, User, UserChange, UserExists
from footfall.system.clock import Clock

FIRST_USER = "admin"
# 144 random bits, written in 24 characters.
_FIRST_PASSWORD_BYTES = 18

_log = logging.getLogger(__name__)


class Unauthenticated(Exception):
    """The request is not authenticated; the reason is not said, so that an attacker learns nothing.

    `user_id` is for the audit log alone: the name of a user that there is, else empty.
    """

    def __init__(self, user_id: str = "") -> None:
        super().__init__()
        self.user_id = user_id


class Accounts:
    """The users in the state, and their sign-ins. One serves all requests of a process.

    `hasher` is argon2id with the parameters that its library recommends, unless another is given.
    """

    def __init__(self, state: State, settings: Settings, clock: Clock, hasher: PasswordHasher | None = None) -> None:
        self._state = state
        self._clock = clock
        at_once_max, waiting_max = settings.password_hashes_at_once_max, settings.sign_ins_waiting_max
        self._hashing = Hashing(at_once_max, waiting_max, hasher or PasswordHasher())
        self._verified = VerifiedCache(settings.credential_cache_s * 1000, settings.credential_cache_max, clock)
        self._failures = Failures(settings.login_failures_max, clock)
        # By themselves: they cost no hash, so that whoever makes many must not push the failures of passwords out.
        self._key_failures = Failures(settings.login_failures_max, clock)
        self.keys = Keys(state, settings, clock)
        self.identities = Identities(state, self._hashing, clock)
        self._password_users = _names(settings.password_users)
        self.factors = SecondFactors(state, clock)
        self.devices = KnownDevices(state)

    def close(self) -> None:
        """Let the threads go; hashes that nobody has begun are dropped."""
        self._hashing.close()

    async def authenticate(self, authorization: str | None, address: str, code: str = "") -> User:
        """The user whose credentials the header has; `address` is the client's, `code` that of a second factor.

        With a key it is a KeyedUser, who has the rights of both. Raises Unauthenticated whatever is wrong with it, and
        RequestRefused, with the seconds to wait, after too many failures from this address or when too many wait for
        a hash.
        """
        presented = parse_key(authorization)
        if presented is not None:
            return await self._authenticate_key(presented, address)
        return await self._sign_in(parse_authorization(authorization), address, code)

    async def check(self, user_id: str, password: str, address: str, code: str = "", mark: str = "") -> User:
        """The user of an id, a password and a code as a person typed them. Raises as `authenticate` does.

        With a `mark` that `devices` made for this user, failures of others in the network do not count.
        """
        credentials = make_credentials(user_id, password)
        place = None
        if credentials is not None and mark:
            place = await asyncio.to_thread(self.devices.place, mark, credentials.user_id)
        return await self._sign_in(credentials, address, code, place)

    @property
    def waiting(self) -> int:
        """Sign-ins whose password waits to be verified."""
        return self._hashing.waiting

    async def _sign_in(
        self, credentials: Credentials | None, address: str, code: str, place: str | None = None
    ) -> User:
        if credentials is None:
            raise Unauthenticated
        network = network_of(address)
        pair = (credentials.user_id, place or network)
        # Checked for verified credentials too: otherwise an answer past the limit would confirm the right password.
        self._failures.check(pair)
        user = None
        if self._verified.knows(credentials):
            user = await asyncio.to_thread(self._remembered, credentials)
        if user is None:
            user = await self._hashing.run(partial(self._verify, credentials, pair, address, code), network)
        return user

    async def _authenticate_key(self, presented: PresentedKey, address: str) -> User:
        """The user of a key. Raises Unauthenticated, and RequestRefused when this very key has failed too often.

        Other keys from the address are not counted together: nobody guesses 256 bits, and a program with an old key
        must not keep its neighbours out.
        """
        pair = (key_digest(presented.text), network_of(address))
        self._key_failures.check(pair)
        user = await asyncio.to_thread(self.keys.authenticate, presented.text)
        if user is None or presented.user_id not in (None, user.id):
            self._key_failures.reserve(pair)
            _log.warning("a sign-in from %s failed: its key is unknown, over, or another user's", address)
            raise Unauthenticated
        return user

    def add(
        self,
        id: str,  # noqa: A002 - what it is called everywhere
        password: str,
        *,
        context: str = "",
        permissions: str | None = None,
        customers: tuple[str, ...] = (),
        admin: bool = False,
        monitor: bool = False,
    ) -> None:
        """Add a user; raises BadUser with a text for whoever chose the words, and UserExists."""
        id, password = normalize(id), normalize(password)  # noqa: A001 - the same
        check_user_id(id)
        check_password(password, id)
        check_details(context, permissions, customers)
        user = User(
            id=id,
            password_hash=self._hashing.hash(password),
            context=context,
            permissions=permissions,
            admin=admin,
            monitor=monitor,
            customers=tuple(dict.fromkeys(customers)),
            created_ms=self._clock.now_ms(),
        )
        self._state.users.add(user)

    def password(self, id: str, password: str) -> bool:  # noqa: A002 - the same
        """Give a user a new password; False when there is no such user. Raises BadUser."""
        password = normalize(password)
        check_password(password, normalize(id))
        return self._state.users.set_password(normalize(id), self._hashing.hash(password))

    def change(self, id: str, change: UserChange) -> bool:  # noqa: A002 - the same
        """Change a user's rights or details; False when there is no such user. Raises BadUser and LastAdmin."""
        context = "" if change.context is UNSET else change.context
        permissions = None if change.permissions is UNSET else change.permissions
        check_details(context, permissions, () if change.customers is UNSET else change.customers)
        return self._state.users.change(normalize(id), change)

    def grant(self, id: str, customers: Collection[str]) -> bool:  # noqa: A002 - the same
        """Let a user see more customers; False when there is no such user. Raises BadUser."""
        check_details("", None, tuple(customers))
        return self._state.users.change_customers(normalize(id), granted=customers)

    def revoke(self, id: str, customers: Collection[str]) -> bool:  # noqa: A002 - the same
        """Let a user see these customers no longer, from now on; False when there is no such user."""
        return self._state.users.change_customers(normalize(id), revoked=customers)

    def remove(self, id: str) -> bool:  # noqa: A002 - the same
        """Remove a user, whose reports and schedules are nobody's from then on; False when there is none.

        Raises footfall.state's LastAdmin.
        """
        return self._state.users.remove(normalize(id))

    def get(self, id: str) -> User | None:  # noqa: A002 - the same
        """The user of this name."""
        return self._state.users.get(normalize(id))

    def list(self) -> list[User]:
        """All users, ordered by id."""
        return self._state.users.all()

    def ensure_first(self, password: str | None) -> str | None:
        """Add the user "admin" if there is no user at all; the password comes back when it was made here.

        It may be called on every start and by several processes at once. Raises BadUser.
        """
        if self._state.users.all():
            return None
        chosen = password or secrets.token_urlsafe(_FIRST_PASSWORD_BYTES)
        try:
            self.add(FIRST_USER, chosen, admin=True)
        except UserExists:
            return None  # Another process was first.
        return None if password else chosen

    def is_first_password(self, password: str) -> bool:
        """Whether it is the password of the user "admin"; False without such a user."""
        user = self._state.users.get(FIRST_USER)
        try:
            return user is not None and self._hashing.verify(user.password_hash, normalize(password))
        except InvalidHashError:
            return False

    async def renew(self, user: User) -> User:
        """A signed-in user with the rights of now: a request may have taken its time since it was signed in.

        Raises Unauthenticated when the user was removed, has another password, or the key has ended.
        """
        found = await asyncio.to_thread(find_again, self._state, user, self._clock.now_ms())
        is_by_password = not isinstance(user, KeyedUser)
        if found is None or (is_by_password and found.security_stamp != user.security_stamp):
            raise Unauthenticated
        return found

    def _remembered(self, credentials: Credentials) -> User | None:
        """The user as stored now, if these credentials were verified a short time ago and still count."""
        user = self._state.users.get(credentials.user_id)
        return user if user is not None and self._may_remember(user, credentials) else None

    def may_use_password(self, user_id: str) -> bool:
        """Whether the settings let this user sign in with a password."""
        return self._password_users is None or user_id in self._password_users

    def _may_remember(self, user: User, credentials: Credentials) -> bool:
        """Whether the password was verified a short time ago. One that needs a code beside it is never remembered."""
        return not user.second_factor and self._verified.holds(credentials, user.password_hash)

    def _verify(self, credentials: Credentials, pair: tuple[str, str], address: str, code: str) -> User:
        """The user as stored now, if computing the hash shows the password right; runs in a hashing thread.

        Raises Unauthenticated, and RequestRefused after too many failures.
        """
        # While this waited, others may have failed too often, or have verified the same credentials.
        user = self._state.users.get(credentials.user_id)
        if user is not None and self._may_remember(user, credentials):
            return user
        reserved_ms, failed = self._failures.reserve(pair), False
        try:
            # Before the hash, and for those too who have no second factor or do not exist: all take the same time.
            presented = self.factors.compare(user, code)
            right = self._hashing.verify(user.password_hash if user else None, credentials.password)
            failed = user is None or not right
            if right and not self.may_use_password(pair[0]):
                failed = True
                _log.warning(
                    "user %r gave the right password, and the setting password_users does not name them", pair[0]
                )
            elif right and not self.factors.use(presented):
                failed = True
                _log.warning("the password of user %r was right, and the code beside it not", pair[0])
        except InvalidHashError:
            _log.error("the stored password hash of user %r cannot be read: set the password again", pair[0])
            raise Unauthenticated(pair[0]) from None
        finally:
            if not failed:
                self._failures.give_back(pair, reserved_ms)
        if user is None or failed:
            self._tell_failure(user, pair, address)
            raise Unauthenticated("" if user is None else user.id)
        renewed = self._renew(user, credentials)
        if presented.factor is None:
            self._verified.put(credentials, renewed)
        return user

    def _tell_failure(self, user: User | None, pair: tuple[str, str], address: str) -> None:
        """Log the failure, and the refusals that follow it; whoever is refused costs no more lines."""
        # A name that no user has is not logged: people type their password there.
        who = "an unknown user" if user is None else f"user {user.id!r}"
        _log.warning("a sign-in of %s from %s failed", who, address)
        if self._failures.is_refused(pair):
            _log.warning("sign-ins of %s from %s are refused for up to a minute: too many failed", who, pair[1])

    def _renew(self, user: User, credentials: Credentials) -> str:
        """The user's hash, made again if its parameters are outdated, since only now is the password known."""
        if not self._hashing.is_outdated(user.password_hash):
            return user.password_hash
        renewed = self._hashing.hash(credentials.password)
        # Only over the hash that was verified: the password may have been changed in the meantime.
        try:
            replaced = self._state.users.set_password(user.id, renewed, replacing=user.password_hash)
        except StateUnavailable as error:
            _log.warning("the password hash of user %r is not renewed now: %s", user.id, error)
            return user.password_hash
        return renewed if replaced else user.password_hash


def _names(setting: str) -> frozenset[str] | None:
    """The users whom a setting names; None for all."""
    return None if setting.strip() == "*" else frozenset(normalize(each.strip()) for each in setting.split(","))
