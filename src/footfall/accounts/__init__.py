"""Who may sign in, and what they may see.

Users sign in with Basic authentication. A password is kept as its argon2id hash, which costs tens of milliseconds and
64 MiB on purpose, so this room is careful with hashes:

- A verified password is remembered for a minute, as an HMAC under a key of this process, and counts only while the
  user's row still has the hash that it was verified against: a removal or a new password works at once.
- Few hashes are computed at once and few requests wait for one; the others are told to come back.
- A user who does not exist costs the same hash, so that the time of an answer does not say who exists.
- After too many failures of one user from one address, that address waits, and everybody else does not notice.
"""

from footfall.accounts.accounts import Accounts, Unauthenticated, may_see
from footfall.accounts.passwords import BadUser

__all__ = [
    "Accounts",
    "BadUser",
    "Unauthenticated",
    "may_see",
]
