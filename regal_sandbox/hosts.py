"""Under which names a page answers: another site may give its own name this machine's address, and read us."""

from ipaddress import ip_address

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def is_loopback_name(host: str) -> bool:
    """`host` as the header bears it, with its port or not."""
    return _name(host) in LOOPBACK_NAMES


def is_ours(host: str, *, bind: str) -> bool:
    """A loopback name, or the address of `--bind`: any address, but no name, when it means all those of the machine."""
    name = _name(host)
    if name in LOOPBACK_NAMES or name == bind:
        return True
    try:
        address = ip_address(name.strip("[]"))
        return ip_address(bind).is_unspecified and not address.is_unspecified
    except ValueError:
        return False


def _name(host: str) -> str:
    return host if host.endswith("]") else host.rsplit(":", 1)[0]
