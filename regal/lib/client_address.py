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
            address = ipaddress.ip_address(hop.strip())
        except ValueError:
            break
        nearest = str(address)
        if not any(address in network for network in networks):
            break
    return nearest
