"""`regal-sandbox`: the sandbox as a program."""

import argparse
import signal
import socket
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from regal_sandbox.clock import real_time
from regal_sandbox.config import load_config, load_config_file
from regal_sandbox.mail import smtp_transport
from regal_sandbox.paybox_keys import KeyUnusable
from regal_sandbox.sandbox import create
from regal_sandbox.server import PortBusy, Servers, listen
from regal_sandbox.shapes import BadShape
from regal_sandbox.world import LOOPBACK

STOPS = {signal.SIGTERM, signal.SIGINT}
CANNOT_START = 2
SCHEMES = {"courrier": "smtp", "https": "https"}


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="regal-sandbox",
        description="Joue PayFiP, Paybox, une boîte aux lettres et des sites de communes, pour essayer.",
    )
    parser.add_argument("--bind", default=LOOPBACK, help="adresse d’écoute des pages, du courrier et des communes")
    parser.add_argument("--port", type=int, default=8010, help="port des pages (PayFiP, Paybox et boîte aux lettres)")
    parser.add_argument("--control-port", type=int, default=8011, help="port de commande, toujours sur 127.0.0.1")
    parser.add_argument("--smtp-port", type=int, default=8012, help="port du courrier reçu")
    parser.add_argument("--town-port", type=int, action="append", help="port d’un site de commune ; répétable")
    parser.add_argument("--tls", type=Path, metavar="DOSSIER", help="https aussi, avec l’autorité locale de ce dossier")
    parser.add_argument("--tls-port", type=int, default=8443, help="port https des pages")
    parser.add_argument("--tls-expired", action="store_true", help="certificat périmé, pour voir son refus")
    parser.add_argument("--data", type=Path, help="dossier des données ; sans lui, tout est oublié à l’arrêt")
    parser.add_argument("--config", type=Path, help="fichier JSON : clients, dettes, communes, réglages")
    parser.add_argument("--mail-host", help="serveur où partent les tickets ; par défaut, le bac à sable lui-même")
    parser.add_argument("--mail-port", type=int)
    parser.add_argument("--seed", help="graine des valeurs engendrées, pour les retrouver d’une fois sur l’autre")
    return parser.parse_args(arguments)


def _say(stream: TextIO, text: str) -> None:
    stream.write(text + "\n")
    stream.flush()


def _reachable(listener: socket.socket) -> str:
    """Where a browser of this machine finds it."""
    host, port = listener.getsockname()[:2]
    return f"{LOOPBACK if host == '0.0.0.0' else host}:{port}"  # noqa: S104 - compared, not bound


def main(arguments: Sequence[str] | None = None) -> int:
    options = _arguments(arguments)
    town_ports = options.town_port or [8020, 8021]
    try:
        config = load_config_file(options.config) if options.config else None
    except (BadShape, OSError) as problem:
        _say(sys.stderr, f"regal-sandbox : configuration illisible : {problem}")
        return CANNOT_START
    try:
        pages = listen(options.bind, options.port)
        control = listen(LOOPBACK, options.control_port)
        smtp = listen(options.bind, options.smtp_port)
        towns = [listen(options.bind, port) for port in town_ports]
        secure = listen(options.bind, options.tls_port) if options.tls else None
    except PortBusy as problem:
        _say(sys.stderr, f"regal-sandbox : {problem}")
        return CANNOT_START

    tls = None
    if secure is not None:
        from regal_sandbox.authority import prepare  # slow to import, and seldom asked for

        try:
            tls = (secure, prepare(options.tls, now=real_time(), expired=options.tls_expired))
        except (OSError, ValueError) as problem:
            _say(sys.stderr, f"regal-sandbox : autorité inutilisable, {options.tls} : {problem}")
            return CANNOT_START

    known = config or load_config()
    mail_host, mail_port = known.smtp or (LOOPBACK, smtp.getsockname()[1])
    try:
        sandbox = create(
            data=options.data,
            config=config,
            seed=options.seed,
            send_mail=smtp_transport(options.mail_host or mail_host, options.mail_port or mail_port),
            town_count=len(towns),
        )
    except (OSError, sqlite3.Error) as problem:
        _say(sys.stderr, f"regal-sandbox : dossier de données inutilisable, {options.data} : {problem}")
        return CANNOT_START
    try:
        sandbox.world.paybox_key.check()
    except (KeyUnusable, OSError) as problem:
        _say(sys.stderr, f"regal-sandbox : clé de Paybox inutilisable : {problem}")
        return CANNOT_START
    sandbox.world.bind = options.bind
    sandbox.world.pages_address = f"http://{_reachable(pages)}/"
    sandbox.world.control_address = f"http://{_reachable(control)}/"
    # Blocked in every thread, so that the wait below receives them: a handler would run only when this thread wakes.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    servers = Servers(sandbox, pages=pages, control=control, smtp=smtp, towns=towns, tls=tls)
    servers.start()

    doors = [("pages", pages), ("commande", control), ("courrier", smtp)]
    doors += [(f"commune {position}", listener) for position, listener in enumerate(towns, start=1)]
    if secure is not None:
        doors.append(("https", secure))
    addresses = []
    for name, listener in doors:
        host, port = listener.getsockname()[:2]
        addresses.append(f"{name} {SCHEMES.get(name, 'http')}://{host}:{port}/")
    _say(sys.stdout, "regal-sandbox prêt  " + "  ".join(addresses))

    signal.sigwait(STOPS)
    servers.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
