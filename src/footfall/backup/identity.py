"""Which installation a backup is of."""

import hashlib

from footfall.state import State


def installation(state: State) -> str:
    """A name that an installation keeps for ever, and that a restored one has as well; it tells no secret."""
    return hashlib.sha256(state.secret("installation")).hexdigest()[:16]
