"""Object stores in the settings: their URLs and options, and which options are secret."""

import difflib
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from footfall.settings.identity_provider import GroupRights
from footfall.settings.senders import SenderRule

Option = str | int | bool

URLS = "file:///path, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
HIDDEN = "***"

# What obstore takes for each kind of store. A closed set, because the library ends a process over some other names.
_OPTIONS = {
    "s3": """
        access_key_id secret_access_key session_token region endpoint virtual_hosted_style_request unsigned_payload
        skip_signature checksum_algorithm disable_bulk_delete imdsv1_fallback metadata_endpoint request_payer s3_express
        server_side_encryption sse_bucket_key_enabled sse_customer_key_base64 sse_kms_key_id web_identity_token_file
        role_arn role_session_name container_credentials_relative_uri container_credentials_full_uri
        container_authorization_token_file
    """,
    "gs": "service_account service_account_key application_credentials bearer_token base_url skip_signature",
    "az": """
        account_name account_key client_id client_secret tenant_id authority_host credential_type sas_key token endpoint
        encryption_key msi_endpoint object_id msi_resource_id federated_token_file use_azure_cli use_emulator
        use_fabric_endpoint skip_signature
    """,
    "file": "",
}
# What it takes for the connection, whatever the store is.
_CONNECTION = """
    allow_http allow_invalid_certificates connect_timeout http1_only http2_only pool_idle_timeout
    pool_max_idle_per_host proxy_url proxy_ca_certificate proxy_excludes randomize_addresses read_timeout
    root_certificate timeout user_agent
"""
CONNECTION_OPTIONS = frozenset(_CONNECTION.split())
OPTIONS = {
    scheme: frozenset(names.split()) | (CONNECTION_OPTIONS if scheme != "file" else frozenset())
    for scheme, names in _OPTIONS.items()
}
# Options that may be shown: every other one is taken for a secret.
_SHOWN = CONNECTION_OPTIONS - {"proxy_url"} | {
    *("account_name", "base_url", "checksum_algorithm", "credential_type", "disable_bulk_delete", "endpoint"),
    *("imdsv1_fallback", "region", "request_payer", "role_arn", "role_session_name", "s3_express"),
    *("server_side_encryption", "skip_signature", "sse_bucket_key_enabled", "unsigned_payload", "use_azure_cli"),
    *("use_emulator", "use_fabric_endpoint", "virtual_hosted_style_request"),
}
# In the URL of an endpoint, from the first colon after the user's name to the last @.
_PASSWORD = re.compile(r"(://[^/:@]*:).*@", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Destination(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object store to which reports may be delivered, by the name that it has in the settings.

    `customers` are those whose reports may go there; none means all. `presign` says that links lead to the store
    itself.
    """

    url: str
    options: dict[str, Option] = {}
    customers: tuple[str, ...] = ()
    presign: bool = True

    def __repr__(self) -> str:
        """The destination without its options, because reprs end up in logs."""
        return f"Destination(url={self.url!r})"

    def takes(self, customer: str) -> bool:
        """Whether this customer's reports may go there."""
        return not self.customers or customer in self.customers


def url_problem(url: str) -> str | None:
    """Why no files can be kept at this URL; None when they can. It is not repeated: it may hold a secret."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname)
    except ValueError:
        return f"expected {URLS}"
    if parts.query or parts.fragment or parts.username is not None:
        return "must be a scheme, a bucket and at most a prefix; everything else goes into the options"
    is_folder = parts.scheme == "file" and url.startswith("file:///") and len(url) > len("file:///")
    if is_folder or (parts.scheme in ("s3", "gs", "az") and named):
        return None
    return f"expected {URLS}"


def option_problems(url: str, options: Mapping[str, Option]) -> Iterator[str]:
    """Problems with the names of an object store's options."""
    scheme = url.partition(":")[0] or "file"
    known = OPTIONS.get(scheme, frozenset())
    for name in sorted(set(options) - known):
        near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.7)
        meant = f"; did you mean {near[0]}?" if near else ""
        yield f"unknown option {name!r} of {scheme}://{meant}"


def destination_problems(name: str, destination: Destination) -> Iterator[str]:
    """Problems with a destination."""
    if not _NAME.fullmatch(name):
        yield "its name must have letters, digits, dots, dashes and underscores, 100 at the most"
    if why := url_problem(destination.url):
        yield f"url: {why}"
    else:
        yield from option_problems(destination.url, destination.options)


def hide_secrets(table: Mapping[str, object]) -> dict[str, object]:
    """A table of destinations, or of options, with every option that may be a secret shown as ***."""
    return {name: _hide(name, value) for name, value in table.items()}


def _hide(name: str, value: object) -> object:
    if isinstance(value, Destination):
        shown = {"url": value.url, "options": hide_secrets(value.options)}
        return {**shown, "customers": list(value.customers), "presign": value.presign}
    if isinstance(value, SenderRule | GroupRights):
        return value
    if name not in _SHOWN:
        return HIDDEN
    return _PASSWORD.sub(rf"\1{HIDDEN}@", value) if isinstance(value, str) else value


def scrub(text: str, options: Mapping[str, Option]) -> str:
    """The text without the values of those options that may not be seen."""
    secrets = {str(value) for name, value in options.items() if name not in _SHOWN}
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text
