"""Why a sign-in with the provider did not happen: a closed set, each with words of its own on the page."""

from enum import StrEnum


class Refusal(StrEnum):
    """What a person is told. What exactly was wrong stands in the log."""

    # The browser did not begin this sign-in here, or did so too long ago.
    EXPIRED = "expired"
    # The provider, or the person there, said no.
    DENIED = "denied"
    # The provider did not answer in time, or not as it should.
    UNAVAILABLE = "unavailable"
    # What the provider said cannot be believed.
    UNTRUSTED = "untrusted"
    # The provider knows the person, and no group of theirs has rights here.
    NO_RIGHTS = "no_rights"
    # Somebody else has the name already.
    NAME_TAKEN = "name_taken"
    # The provider says no name that a user can have.
    NAME_UNUSABLE = "name_unusable"
    # The groups would take the rights of the only admin.
    LAST_ADMIN = "last_admin"


# The status of the page that tells it.
STATUS = {
    Refusal.EXPIRED: 400,
    Refusal.DENIED: 403,
    Refusal.UNAVAILABLE: 503,
    Refusal.UNTRUSTED: 403,
    Refusal.NO_RIGHTS: 403,
    Refusal.NAME_TAKEN: 409,
    Refusal.NAME_UNUSABLE: 403,
    Refusal.LAST_ADMIN: 409,
}


class SignInRefused(Exception):
    """Nobody is signed in; the text is for the log, and quotes nothing secret."""

    def __init__(self, refusal: Refusal, why: str) -> None:
        super().__init__(why)
        self.refusal = refusal

    @property
    def status(self) -> int:
        return STATUS[self.refusal]
