"""What `.ci/run` asks about the demonstration: free ports, readiness, and that nothing is left."""

import http.client
import os
import sys
import time
from pathlib import Path

from regal.demo.environment import Ports, ports
from regal.lib import ports as tcp


def free() -> None:
    """Print a first port from which all those of the demonstration are free: 8000 if it can be."""
    for first in range(8_000, 60_000, 100):
        if all(tcp.is_free(port) for port in Ports(guichet=first).uses()):
            sys.stdout.write(f"{first}\n")
            return
    sys.exit("aucune suite de ports libres")


def ready() -> None:
    """Both doors answer 200 on /readyz."""
    for host, port in (("127.0.0.1", ports().guichet), ("localhost", ports().bureau)):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/readyz", headers={"Host": f"{host}:{port}"})
        status = connection.getresponse().status
        connection.close()
        sys.stdout.write(f"http://{host}:{port}/readyz : {status}\n")
        if status != 200:
            sys.exit(1)


def before() -> None:
    """Print the processes of the checkout before anything starts: us, and whoever called us or reads us."""
    sys.stdout.write("".join(f"{pid}\n" for pid in _processes()))


def nothing_left() -> None:
    """No process of the checkout that was not there before (numbers on standard input), no port taken."""
    there_before = {int(line) for line in sys.stdin} | {os.getpid()}
    deadline = time.monotonic() + 5
    while left := _left(there_before):
        if time.monotonic() > deadline:
            sys.exit("\n".join(["il reste :", *left]))
        time.sleep(0.1)


def _left(there_before: set[int]) -> list[str]:
    return [
        *(f"port {port} ({use})" for port, use in ports().uses().items() if not tcp.is_free(port)),
        *(f"processus {pid} : {command}" for pid, command in _processes().items() if pid not in there_before),
    ]


def _processes() -> dict[int, str]:
    """The processes whose command names the checkout, or that stand in it."""
    checkout = os.fsencode(Path(__file__).resolve().parents[1])
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes()
                if checkout in command or os.fsencode(os.readlink(folder / "cwd")).startswith(checkout):
                    found[int(folder.name)] = command.replace(bytes(1), b" ").decode(errors="replace")
            except OSError:
                continue  # it ended meanwhile
    return found


if __name__ == "__main__":
    {"before": before, "free": free, "ready": ready, "nothing-left": nothing_left}[sys.argv[1]]()
