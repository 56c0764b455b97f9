"""The part of the table of calls that is about who signs in: keys, second factors, and the audit log."""

from typing import Final

from footfall.accounts import KeyScope
from footfall.errors import Code
from footfall.web.calls import audit, factors, keys
from footfall.web.route import CHANGE, Route

ACCOUNT_ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "POST",
        "/keys",
        "Make Key",
        keys.make_key,
        tag="Keys",
        signed_in=True,
        scopes=(KeyScope.ADMIN,),
        audit="key.add",
        errors=(*CHANGE, Code.REQUEST_NOT_FOUND),
    ),
    Route(
        "GET",
        "/keys",
        "List Keys",
        keys.list_keys,
        tag="Keys",
        signed_in=True,
        scopes=(KeyScope.ADMIN,),
        errors=(Code.REQUEST_PARAMETER_MALFORMED,),
    ),
    Route(
        "POST",
        "/keys/{key}/rotate",
        "Rotate Key",
        keys.rotate_key,
        tag="Keys",
        signed_in=True,
        scopes=(KeyScope.ADMIN,),
        audit="key.rotate",
        errors=(*CHANGE, Code.REQUEST_NOT_FOUND),
    ),
    Route(
        "DELETE",
        "/keys/{key}",
        "Revoke Key",
        keys.revoke_key,
        tag="Keys",
        signed_in=True,
        scopes=(KeyScope.ADMIN,),
        audit="key.revoke",
        errors=(Code.REQUEST_NOT_FOUND,),
    ),
    Route(
        "GET",
        "/second-factor",
        "Show Second Factor",
        factors.show_factor,
        tag="Second Factor",
        signed_in=True,
    ),
    Route(
        "POST",
        "/second-factor",
        "Begin Second Factor",
        factors.begin_factor,
        tag="Second Factor",
        signed_in=True,
        audit="factor.begin",
        errors=(Code.REQUEST_INPUT_MALFORMED, Code.REQUEST_UNSUPPORTED_MEDIA_TYPE),
    ),
    Route(
        "DELETE",
        "/second-factor",
        "Remove Second Factor",
        factors.remove_factor,
        tag="Second Factor",
        signed_in=True,
        audit="factor.remove",
    ),
    Route(
        "POST",
        "/second-factor/confirm",
        "Confirm Second Factor",
        factors.confirm_factor,
        tag="Second Factor",
        signed_in=True,
        audit="factor.confirm",
        errors=CHANGE,
    ),
    Route(
        "GET",
        "/audit",
        "List Audit Log",
        audit.list_audit,
        tag="Audit",
        signed_in=True,
        scopes=(KeyScope.ADMIN,),
        audit="audit.read",
        errors=(Code.REQUEST_PARAMETER_MALFORMED,),
    ),
)
