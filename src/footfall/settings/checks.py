"""Checks beyond a setting's type: URLs, lists, and bounds that depend on each other."""

import re
from collections.abc import Callable
from ipaddress import ip_network
from urllib.parse import SplitResult, urlsplit

from footfall.settings import object_stores
from footfall.settings.alerts import secret_problem, url_problem
from footfall.settings.identity_provider import issuer_problem

# From the first colon after the user's name to the last @: better too much than a part of a password left.
_PASSWORD = re.compile(r"^((?:[a-z0-9+]+:/+)?+[^/:@]*):.*@", re.IGNORECASE | re.DOTALL)
_SECRET_PARAMETER = re.compile(r"((?:^|[?&])[^=&?]*(?:password|secret|token|key)[^=&]*=)[^&]*", re.IGNORECASE)

# An origin stands in headers beside others, and in words of a policy.
_NOT_IN_ORIGIN = re.compile(r"[\s;'\"]")

_BOOLEANS = ("true", "false", "1", "0")

# Settings whose whole value is a secret.
SECRETS = frozenset({"alert_secret", "alert_url", "oidc_client_secret"})

# (smaller, larger, reason): bounds that belong together, the first at most the second.
PAIRS = (
    ("body_bytes_max", "body_decoded_bytes_max", "because a body may come uncompressed"),
    ("body_decoded_bytes_max", "journal_waiting_bytes_max", "or the largest body could never be accepted"),
    ("segment_bytes_max", "segment_lines_bytes_max", "because the same lines are larger before compression"),
)


def hide_credentials(value: object) -> object:
    """The value with passwords and keys in URLs and options shown as ***."""
    if isinstance(value, dict):
        return object_stores.hide_secrets(value)
    if not isinstance(value, str):
        return value
    return _SECRET_PARAMETER.sub(r"\1***", _PASSWORD.sub(r"\1:***@", value))


def shown_value(name: str, value: object) -> object:
    """The value of a setting as it may be seen by anybody."""
    return object_stores.HIDDEN if name in SECRETS and value else hide_credentials(value)


def problem(name: str, value: object) -> str | None:
    """Why this value of this setting cannot be used; None when it can."""
    check = _CHECKS.get(name)
    return check(value) if check is not None and isinstance(value, str) else None


def _not_empty(value: str) -> str | None:
    return None if value.strip() else "must not be empty"


def _split(value: str) -> SplitResult | None:
    """The URL's parts; None when it cannot be read as a URL."""
    try:
        parts = urlsplit(value)
        _ = parts.port  # reading it is what checks it
    except ValueError:
        return None
    return parts


def _public_url(value: str) -> str | None:
    if not value:
        return None
    parts = _split(value)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return f"expected an absolute URL such as https://usage.example.com, got {hide_credentials(value)!r}"
    if value.endswith("/"):
        return f"must not end in a slash: {hide_credentials(value.rstrip('/'))}"
    if parts.query or parts.fragment or parts.username is not None:
        return "must be a scheme, a host and at most a port and a path"
    return None


def _origins(value: str) -> str | None:
    if value in ("", "*"):
        return None
    for origin in value.split(","):
        parts = _split(origin.strip())
        if (
            parts is None
            or parts.scheme not in ("http", "https")
            or origin.strip() != f"{parts.scheme}://{parts.netloc}"
            or _NOT_IN_ORIGIN.search(origin.strip())
        ):
            return (
                f"expected * or origins such as https://www.example.com, separated by commas and "
                f"without a path, got {hide_credentials(origin.strip())!r}"
            )
    return None


def _proxies(value: str) -> str | None:
    if value in ("", "*"):
        return None
    for proxy in value.split(","):
        try:
            ip_network(proxy.strip(), strict=False)
        except ValueError:
            return f"expected * or IP addresses or networks, separated by commas, got {proxy.strip()!r}"
    return None


def _events_url(value: str) -> str | None:
    parts = _split(value)
    if value == "embedded":
        return None
    if parts is None or parts.scheme != "clickhouse" or not parts.hostname:
        return f"expected embedded or clickhouse://user:password@host:port/database, got {hide_credentials(value)!r}"
    for option, _, choice in (pair.partition("=") for pair in parts.query.split("&") if pair):
        if option not in ("secure", "cluster") or not choice or (option == "secure" and choice not in _BOOLEANS):
            return f"the options after ? are secure=true and cluster=NAME, got {hide_credentials(parts.query)!r}"
    return None


def _state_url(value: str) -> str | None:
    parts = _split(value)
    match parts.scheme if parts is not None else None:
        case "sqlite" if value.startswith("sqlite:///") and value not in ("sqlite:///", "sqlite:///:memory:"):
            return None
        case "postgresql" | "postgres" | "postgresql+psycopg":
            return None
        case "" if not value:
            return None
    return f"expected sqlite:///path or postgresql://user:password@host:port/database, got {hide_credentials(value)!r}"


def _files_url(value: str) -> str | None:
    if not value:
        return None
    why = object_stores.url_problem(value)
    return f"{why}, got {hide_credentials(value)!r}" if why else None


def _traces_url(value: str) -> str | None:
    parts = _split(value)
    if not value or (parts is not None and parts.scheme in ("http", "https") and parts.hostname):
        return None
    return f"expected http://host:4318/v1/traces or https://..., got {hide_credentials(value)!r}"


def _scopes(value: str) -> str | None:
    return None if "openid" in value.split() else "must have the scope openid"


_CHECKS: dict[str, Callable[[str], str | None]] = {
    "host": _not_empty,
    "data_dir": _not_empty,
    "environment": _not_empty,
    "public_url": _public_url,
    "cors_origins": _origins,
    "share_origins": _origins,
    "trusted_proxies": _proxies,
    "events_url": _events_url,
    "state_url": _state_url,
    "files_url": _files_url,
    "alert_url": url_problem,
    "alert_secret": secret_problem,
    "traces_url": _traces_url,
    "oidc_issuer": issuer_problem,
    "oidc_name": _not_empty,
    "oidc_scopes": _scopes,
    "oidc_name_claim": _not_empty,
    "oidc_groups_claim": _not_empty,
}
