"""Who changes how one signs in proves to be the user once more: an open page alone is not enough.

Whoever finds a browser signed in may look, but not stay: a key, another password and a second factor outlive the
session. The proof is the password, and a code where it needs one. Whom an identity provider signs in has no password;
for them it is that the session has just begun.
"""

from footfall.accounts import Unauthenticated
from footfall.dashboard.refusals import Fault, bad_input, fault_of
from footfall.dashboard.texts import text
from footfall.dashboard.visit import Visit
from footfall.errors import RequestRefused


async def prove(visit: Visit, *, by_password: bool = False) -> Fault | None:
    """What is wrong with the proof in the form; None when it is the user. With `by_password` nothing else will do.

    Failures count and lock out as those of signing in do: in a browser that signed in before, nobody else's.
    """
    form, user, present = visit.form, visit.user, visit.form.one("present")
    if not (present or by_password) and visit.services.provider is not None:
        return None if visit.is_fresh else bad_input(text("account.proof.not_fresh"))
    try:
        given = (user.id, present, visit.client_address, form.one("code"))
        await visit.services.accounts.check(*given, mark=visit.mark)
    except Unauthenticated as error:
        visit.services.audit.sign_in_failed(error.user_id, visit.client_address)
        return bad_input(text("account.proof.code_wrong" if user.second_factor else "account.proof.wrong"))
    except RequestRefused as error:
        return fault_of(error, visit)
    return None
