"""Local TCP ports: are they free, do they answer."""

import contextlib
import socket


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether we could listen there now. A server that shares its port with others is seen too."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # past connections do not count
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def answers(port: int, address: str = "127.0.0.1") -> bool:
    """Whether somebody listens there."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False
