"""Whither a message may be sent: https to public addresses, others only where the operator has allowed them.

Who registers a webhook makes this server call an address of their choice; without these rules they could have it knock at
the machines beside it (server-side request forgery).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

from clinic_orders.rules.webhooks import LONGEST_URL, AddressNotAllowed, PortNotAllowed, UrlWrong

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

# What the makers of clouds answer with the keys of the machine; link-local besides, which has no business here at all.
_NEVER: Final = (
    ip_network("169.254.0.0/16"),
    ip_network("fe80::/10"),
    ip_network("fd00:ec2::254/128"),
    ip_network("100.100.100.200/32"),
)
# Addresses in which another one is wrapped up, which somebody on the way would unwrap.
_WRAPPED: Final = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"), ip_network("2002::/16"))


@dataclass(frozen=True, slots=True)
class Reach:
    """How far messages may go.

    Attributes:
        networks: that are allowed although they are not public; one of loopback addresses allows plain http to
            them, at any port, for development.
        ports: that are allowed.

    """

    networks: tuple[Network, ...] = ()
    ports: tuple[int, ...] = (443, 8443)


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart; ``path`` is with what stands behind the question mark."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def name(self) -> str:
        """Host and port as the header ``Host`` has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def target_of(url: str, reach: Reach) -> Target:
    """An address as it is sent to, looked at as far as that goes without asking for the name.

    Raises:
        UrlWrong: it is no address of the web in the form that we take.
        PortNotAllowed, AddressNotAllowed: nothing is sent there.

    >>> target_of("https://erp.example.cn/hooks?a=1", Reach())
    Target(secure=True, host='erp.example.cn', port=443, path='/hooks?a=1')

    """
    parts = _parts(url)
    secure, host = parts.scheme == "https", parts.hostname or ""
    port = parts.port or (443 if secure else 80)
    literal = _literal(host)
    at_home = literal is not None and literal.is_loopback and may_reach(literal, reach)
    if literal is not None and not may_reach(literal, reach):
        raise AddressNotAllowed
    if not secure and not at_home:
        raise UrlWrong(limit=LONGEST_URL)
    if port not in reach.ports and not at_home:
        raise PortNotAllowed(port=port, ports=", ".join(str(one) for one in reach.ports))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure, host, port, path)


def _parts(url: str) -> SplitResult:
    refused = UrlWrong(limit=LONGEST_URL)
    if len(url) > LONGEST_URL or not url.isascii() or any(one <= " " or one in "\\\x7f" for one in url):
        raise refused
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise refused from error
    if not known or "@" in parts.netloc or "#" in url or "%" in parts.netloc:
        raise refused
    return parts


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def may_reach(address: Address, reach: Reach) -> bool:
    """Whether a message may be sent to an address.

    >>> may_reach(ip_address("8.8.8.8"), Reach()), may_reach(ip_address("10.1.2.3"), Reach())
    (True, False)
    >>> may_reach(ip_address("10.1.2.3"), Reach((ip_network("10.1.0.0/16"),)))
    True
    """
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return may_reach(address.ipv4_mapped, reach)
    if _within(address, _NEVER) or address.is_multicast or address.is_unspecified:
        return False
    if _within(address, reach.networks):
        return True
    return address.is_global and not _within(address, _WRAPPED)


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
