"""Addresses of clients: who sent a request, seen through trusted proxies, and which network a limit counts it for."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from footfall.settings import Settings

_PORT = re.compile(r"(?<=\]):[0-9]+$|^([^:]+):[0-9]+$")
# A subscriber has at least so much of IPv6 to choose addresses from.
_IPV6_PREFIX = 64


class TrustedProxies:
    """The proxies whose forwarding headers are believed.

    Raises ValueError when `trusted_proxies` names something that is no address and no network.
    """

    def __init__(self, settings: Settings) -> None:
        names = [name.strip() for name in settings.trusted_proxies.split(",") if name.strip()]
        self._all = "*" in names
        self._networks: list[IPv4Network | IPv6Network] = [
            ip_network(name, strict=False) for name in names if name != "*"
        ]

    def trust(self, peer: str) -> bool:
        """Whether this is the address of a trusted proxy."""
        if self._all:
            return True
        address = _parse(peer)
        return address is not None and any(address in network for network in self._networks)

    def client_address(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """The client's address: the last one that `X-Forwarded-For` names which is not a trusted proxy's own.

        `peer` is the address at the other end of the connection, empty for a Unix socket.
        """
        if not self.trust(peer):
            return peer
        forwarded = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1")
        for item in reversed(forwarded.split(",")):
            if not item.strip():
                continue
            address = _parse(_PORT.sub(r"\1", item.strip()).strip("[]"))
            if address is None:
                break
            peer = str(address)
            if not self.trust(peer):
                break
        return peer


def network_of(address: str) -> str:
    """The network that a limit counts an address for: the /64 of one of IPv6, else the address itself."""
    parsed = _parse(address)
    if parsed is None:
        return address
    return str(IPv6Network((int(parsed), _IPV6_PREFIX), strict=False)) if parsed.version == 6 else str(parsed)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """An address; one of IPv4 that is written as IPv6 is that of IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
