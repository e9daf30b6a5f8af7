"""What the demonstration gives to every program of its own: addresses, ports, secrets, places.

Any `regal` command without `DATABASE_URL` works in this environment, so that one typed in a second terminal meets the
demonstration that runs in the first.
"""

import base64
import contextlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import regal


class DemoError(Exception):
    """The demonstration cannot start; the message is one French sentence."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The ports of the demonstration, counted from `REGAL_PORT`."""

    guichet: int

    @property
    def bureau(self) -> int:
        return self.guichet + 1

    @property
    def sandbox(self) -> int:
        return self.guichet + 10

    @property
    def sandbox_control(self) -> int:
        return self.guichet + 11

    @property
    def sandbox_smtp(self) -> int:
        return self.guichet + 12

    @property
    def towns(self) -> tuple[int, int]:
        return self.guichet + 20, self.guichet + 21

    def uses(self) -> dict[int, str]:
        """Each port and what it is for, in French."""
        return {
            self.guichet: "le guichet",
            self.bureau: "le bureau",
            self.sandbox: "les pages du bac à sable (PayFiP, Paybox, messagerie)",
            self.sandbox_control: "les commandes du bac à sable",
            self.sandbox_smtp: "le courrier du bac à sable",
            self.towns[0]: "le site de la première commune",
            self.towns[1]: "le site de la seconde commune",
        }


def ports() -> Ports:
    """Read `REGAL_PORT`."""
    text = os.environ.get("REGAL_PORT") or "8000"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65_535 - 21:
        raise DemoError(f"REGAL_PORT doit être un numéro de port entre 1 et {65_535 - 21}, pas « {text} ».")
    return Ports(guichet=int(text))


def var_folder() -> Path:
    """Where everything that the demonstration keeps is: `var` beside the package, or here once installed elsewhere."""
    if os.environ.get("REGAL_VAR"):
        return Path(os.environ["REGAL_VAR"]).absolute()
    root = Path(regal.__file__).resolve().parents[1]
    return (root if (root / "pyproject.toml").exists() else Path.cwd()) / "var"


def paybox_key(var: Path) -> Path:
    """The public key with which the sandbox signs in Paybox's stead; it writes it when it starts for the first time."""
    return var / "sandbox" / "paybox-pubkey.pem"


def demo_environment(var: Path, ports: Ports) -> dict[str, str]:
    """The variables that `regal.config.settings` reads, except those of the database."""
    sandbox = f"http://127.0.0.1:{ports.sandbox}"
    keys = _kept_secret(var / "secrets" / "keys", lambda: f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}")
    django_key = _kept_secret(var / "secrets" / "django-key", lambda: secrets.token_urlsafe(50))
    return {
        "REGAL_DEMO": "1",
        "REGAL_PORT": str(ports.guichet),
        "REGAL_BIND": "127.0.0.1",
        "REGAL_GUICHET_URL": f"http://127.0.0.1:{ports.guichet}",
        "REGAL_BUREAU_URL": f"http://localhost:{ports.bureau}",
        "REGAL_PAYFIP_URL": f"{sandbox}/tpa/",
        "REGAL_PAYBOX_URL": f"{sandbox}/",
        "REGAL_PAYBOX_BACKUP_URL": f"{sandbox}/secours/",
        "REGAL_PAYBOX_DIRECT_URL": f"{sandbox}/",
        "REGAL_PAYBOX_DIRECT_BACKUP_URL": f"{sandbox}/secours/",
        **({"REGAL_PAYBOX_PUBLIC_KEY_FILE": str(key)} if (key := paybox_key(var)).exists() else {}),
        "REGAL_SANDBOX_URL": sandbox,
        "REGAL_SANDBOX_CONTROL_URL": f"http://127.0.0.1:{ports.sandbox_control}",
        "REGAL_TOWN_URLS": ",".join(f"http://localhost:{port}" for port in ports.towns),
        "REGAL_ROUTING_DELAY_HOURS": "0",  # nobody waits a day to see what happens
        "REGAL_MAIL_URL": f"smtp://127.0.0.1:{ports.sandbox_smtp}",
        "REGAL_SECRET_KEYS_FILE": str(keys),
        "REGAL_SECRET_KEY_FILE": str(django_key),
    }


def _kept_secret(path: Path, make: Callable[[], str]) -> Path:
    """A private file, written the first time."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(make() + "\n")
        with contextlib.suppress(FileExistsError):  # two commands at once: the first one's stays
            os.link(draft, path)
        draft.unlink()
    return path
