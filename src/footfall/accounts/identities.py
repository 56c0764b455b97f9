"""Accounts of people whom an identity provider vouches for.

An identity is an issuer and the subject that it gave to a person: of all that a provider says of people, this alone is
never given to somebody else. So an account is found by both, and never by a name or an address. The account is made at
the first sign-in, and its rights are those of the groups at each sign-in. Its password is one that nobody knows.
"""

import logging
from enum import StrEnum

from msgspec import Struct

from footfall.accounts.passwords import BadUser, Hashing, check_details, check_user_id, normalize
from footfall.state import IdentityTaken, LastAdmin, State, User, UserExists, UserRights
from footfall.system.clock import Clock

_log = logging.getLogger(__name__)


class Identity(Struct, frozen=True, kw_only=True):
    """Whom a provider vouches for: `issuer` and `subject` say who it is, `name` is what the account is to be called."""

    issuer: str
    subject: str
    name: str


class NotVouched(StrEnum):
    """Why somebody has no account, although the provider knows them."""

    NO_RIGHTS = "no_rights"
    NAME_TAKEN = "name_taken"
    NAME_UNUSABLE = "name_unusable"
    LAST_ADMIN = "last_admin"


class Vouched(Struct, frozen=True):
    """The user, and what the sign-in changed: `user.add`, `user.change` or nothing."""

    user: User
    change: str = ""


class Identities:
    """The accounts of identities. One serves all requests of a process; its calls block."""

    def __init__(self, state: State, hashing: Hashing, clock: Clock) -> None:
        self._state = state
        self._hashing = hashing
        self._clock = clock

    def sign_in(self, identity: Identity, rights: UserRights | None) -> Vouched | NotVouched:
        """The user of an identity, with these rights from now on; one who has none loses all that they had."""
        user = self._state.identities.find(identity.issuer, identity.subject)
        try:
            if user is None:
                return NotVouched.NO_RIGHTS if rights is None else self._add(identity, rights)
            if rights is None:
                self._state.identities.set_rights(user.id, UserRights(), end_sessions=True)
                return NotVouched.NO_RIGHTS
            if rights == _rights_of(user):
                return Vouched(user)
            self._state.identities.set_rights(user.id, rights)
        except UserExists:
            return NotVouched.NAME_TAKEN
        except LastAdmin:
            _log.warning("user %r is the last admin, and no group makes them one any more", user.id if user else "")
            return NotVouched.LAST_ADMIN
        except BadUser:
            return NotVouched.NAME_UNUSABLE
        changed = self._state.identities.find(identity.issuer, identity.subject)
        return Vouched(changed, "user.change") if changed else NotVouched.NO_RIGHTS

    def _add(self, identity: Identity, rights: UserRights) -> Vouched | NotVouched:
        """Make the account. Raises UserExists and BadUser."""
        name, now_ms = normalize(identity.name), self._clock.now_ms()
        check_user_id(name)
        check_details("", None, rights.customers)
        user = User(
            id=name,
            password_hash=self._hashing.unusable(),
            admin=rights.admin,
            monitor=rights.monitor,
            customers=rights.customers,
            products=rights.products,
            created_ms=now_ms,
        )
        try:
            self._state.identities.add(user, identity.issuer, identity.subject, now_ms)
        except IdentityTaken:
            # The same person has signed in twice at once, and the other was first.
            found = self._state.identities.find(identity.issuer, identity.subject)
            return NotVouched.NAME_TAKEN if found is None else Vouched(found)
        return Vouched(user, "user.add")


def _rights_of(user: User) -> UserRights:
    return UserRights(admin=user.admin, monitor=user.monitor, customers=user.customers, products=user.products)
