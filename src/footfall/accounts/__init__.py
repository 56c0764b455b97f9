"""Who may sign in, and what they may see.

Users sign in with Basic authentication; programs also with a key of a user, as the password of Basic or as Bearer. On
the page, people sign in with the same password, which begins a session (`sessions.py`). A password is kept as its
argon2id hash, which costs tens of milliseconds and 64 MiB on purpose, so this room is careful with hashes:

- A verified password is remembered for a minute, as an HMAC under a key of this process, and counts only while the
  user's row still has the hash that it was verified against: a removal or a new password works at once.
- Few hashes are computed at once and few requests wait for one; the others are told to come back.
- A user who does not exist costs the same hash, so that the time of an answer does not say who exists.
- After too many failures of one user from one address, that address waits, and everybody else does not notice.

A key (`keys.py`) costs a digest and a query at each request, so that it ends as soon as it is revoked. Whoever signs in
with one is a `KeyedUser`: a user with the rights that both have (`rights.py`), whom all calls treat as any other.
Events must not wait for a query, so the keys that they are sent with are held in memory (`write_keys.py`).
"""

from footfall.accounts.accounts import Accounts, Unauthenticated
from footfall.accounts.failures import Failures
from footfall.accounts.identities import Identity, NotVouched, Vouched
from footfall.accounts.keys import BadKey, IssuedKey, Keys, WantedKey, find_again, key_digest
from footfall.accounts.passwords import BadUser
from footfall.accounts.rights import (
    KeyedUser,
    KeyScope,
    has_scope,
    is_narrowed,
    may_see,
    rights_of,
    sees_all_customers,
    visible_products,
)
from footfall.accounts.second_factor import PendingFactor
from footfall.accounts.sessions import Sessions, SignedIn, form_token, is_form_token, is_token, new_token, session_name
from footfall.accounts.write_keys import SentKey, WriteKey, WriteKeys, sent_key

__all__ = [
    "Accounts",
    "BadKey",
    "BadUser",
    "Failures",
    "Identity",
    "IssuedKey",
    "KeyScope",
    "KeyedUser",
    "Keys",
    "NotVouched",
    "PendingFactor",
    "SentKey",
    "Sessions",
    "SignedIn",
    "Unauthenticated",
    "Vouched",
    "WantedKey",
    "WriteKey",
    "WriteKeys",
    "find_again",
    "form_token",
    "has_scope",
    "is_form_token",
    "is_narrowed",
    "is_token",
    "key_digest",
    "may_see",
    "new_token",
    "rights_of",
    "sees_all_customers",
    "sent_key",
    "session_name",
    "visible_products",
]
