"""Where a request comes from, seen through the proxies we trust and no others."""

import ipaddress
from collections.abc import Iterable

UNKNOWN = "unknown"  # a socket file, or nonsense: all such sources share one budget


def client_address(*, remote: str, forwarded_for: str, trusted: Iterable[str]) -> str:
    """The address of whoever asks: the peer, or the nearest hop of `X-Forwarded-For` that is none of our proxies.

    `trusted` holds addresses and networks. What a stranger writes in the header himself is never believed.
    """
    networks = [ipaddress.ip_network(one, strict=False) for one in trusted]
    hops = [remote, *reversed(forwarded_for.split(","))] if forwarded_for else [remote]
    nearest = UNKNOWN
    for hop in hops:
        try:
            address = _read(hop.strip())
        except ValueError:
            break
        nearest = str(address)
        if not any(address in network for network in networks):
            break
    return nearest


def budget_of(address: str) -> str:
    """Who shares a budget of requests: an IPv4 address, or the IPv6 network of 64 bits that one household has whole."""
    try:
        parsed = _read(address)
    except ValueError:
        return UNKNOWN
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


def _read(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An IPv4 address written as IPv6, as a socket of both kinds does, is itself. Raises ValueError."""
    read = ipaddress.ip_address(address)
    return (read.ipv4_mapped if isinstance(read, ipaddress.IPv6Address) else None) or read
