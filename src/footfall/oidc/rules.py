"""From what a provider says of a person to the name and the rights of an account: pure decisions."""

from collections.abc import Mapping
from typing import Any, Final

from footfall.settings.identity_provider import GroupRights
from footfall.state import UserRights

# A claim that names who somebody is for other services too, and that some providers let people write themselves.
_EMAIL: Final = "email"


def claim(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of a name; dots lead into objects (`realm_access.roles`) where no claim has the whole name.

    An address that is not verified is none.
    """
    if name == _EMAIL and claims.get("email_verified") is not True:
        return None
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def groups_of(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The groups of a claim that is a list of texts, or one text."""
    found = claim(claims, name)
    if isinstance(found, str):
        return (found,)
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else ()


def rights_for(groups: tuple[str, ...], rules: Mapping[str, GroupRights]) -> UserRights | None:
    """The rights of somebody in these groups; None when no rule matches.

    The first rule that matches, in the order of the settings, decides. Later ones that match add their customers where
    they name the same products: added up otherwise, one's customers and another's products would be more than either
    gives.
    """
    matching = [rule for name, rule in rules.items() if name in groups]
    if not matching:
        return None
    first = matching[0]
    if first.admin:
        return UserRights(admin=True, monitor=any(rule.monitor for rule in matching))
    same = [rule for rule in matching if not rule.admin and set(rule.products) == set(first.products)]
    customers = dict.fromkeys(code for rule in same for code in rule.customers)
    return UserRights(
        monitor=any(rule.monitor for rule in matching),
        customers=tuple(customers),
        products=tuple(dict.fromkeys(first.products)),
    )
