"""The identity provider in the settings: where it is, and which of its groups have which rights."""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from footfall.settings import limits

# Hosts to which plain HTTP never leaves the machine.
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


class GroupRights(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rights of whoever is in a group: an admin sees everything, others the `customers` named, of them the
    `products` named or, when none is, all.
    """

    admin: bool = False
    monitor: bool = False
    customers: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


def is_trusted_url(url: str) -> bool:
    """Whether a URL can be asked: over TLS, or on this machine; without a password or a fragment."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it is what checks it
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None or parts.fragment or not url.isprintable() or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS)


def issuer_problem(issuer: str) -> str | None:
    """Why this cannot be an issuer; None when it can, or none is set."""
    if not issuer or (is_trusted_url(issuer) and "?" not in issuer):
        return None
    return (
        "expected the provider's issuer, such as https://id.example.com/realms/staff; http:// is for this machine only"
    )


def group_problems(name: str, rights: GroupRights) -> Iterator[str]:
    """Problems with the rights of a group."""
    if not name.strip():
        yield "a group has a name"
    if rights.admin and (rights.customers or rights.products):
        yield "an admin sees every customer and product: name none"
    if not (rights.admin or rights.monitor or rights.customers):
        yield "it has no right: name customers, or admin = true, or monitor = true"
    for code in (*rights.customers, *rights.products):
        if not 1 <= len(code) <= limits.CODE_CHARS_MAX or not code.isprintable():
            yield f"a code has 1 to {limits.CODE_CHARS_MAX} printable characters"


def missing(issuer: str, client_id: str, groups: Mapping[str, GroupRights]) -> str | None:
    """What signing in with a provider lacks; None when nothing, or it is off."""
    if issuer and not client_id:
        return "oidc_client_id is missing: the id that the provider gave to footfall"
    if issuer and not groups:
        return "oidc_groups is missing: without a group that has rights nobody could sign in"
    return None
