"""The `regal` command: Django's management under a plain name, with a database when none is named.

Without `DATABASE_URL` we are in the demonstration: the embedded PostgreSQL under `var/postgres` runs for the time of
the command, unless another command already runs it.
"""

import os
import sys
from contextlib import ExitStack

from regal.config.environment import BadSetting
from regal.demo.environment import DemoError, demo_environment, ports, var_folder
from regal.lib.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError

WITHOUT_DATABASE = {"help", "--help", "-h", "version", "--version", "messages", "collectstatic", "bench"}
_NOWHERE = "postgresql://regal@/regal?host=%2Fnowhere"


def main() -> None:
    """Run one command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "regal.config.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    try:
        if command == "demo" and not {"-h", "--help"} & set(sys.argv[2:]):
            # It prepares its own environment, before Django may read any setting.
            from regal.demo.supervisor import main as run_demo

            sys.exit(run_demo(sys.argv[2:]))
        if command == "serve" and len(sys.argv) > 2:
            os.environ["REGAL_SITE"] = sys.argv[2]  # settings differ from one door to the other
        with ExitStack() as until_the_end:
            _prepare(command, until_the_end)
            from django.core.management import execute_from_command_line

            execute_from_command_line(sys.argv)
    except (BadSetting, DemoError, EmbeddedPostgresError) as refusal:
        sys.exit(f"regal : {refusal}")
    except KeyboardInterrupt:
        sys.exit(130)


def _prepare(command: str, until_the_end: ExitStack) -> None:
    """Complete the environment; start the embedded server if this command needs one."""
    if os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_URL_FILE"):
        return
    var = var_folder()
    for name, value in demo_environment(var, ports()).items():
        # A name given as NAME_FILE by us must not contradict a plain NAME given by the person.
        if name.removesuffix("_FILE") not in os.environ:
            os.environ.setdefault(name, value)
    if command in WITHOUT_DATABASE:
        addresses = dict.fromkeys(("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_VERIFY_URL"), _NOWHERE)
    else:
        server = until_the_end.enter_context(EmbeddedPostgres(var / "postgres"))
        addresses = server.connections.environment()
    os.environ.update(addresses)


if __name__ == "__main__":
    main()
