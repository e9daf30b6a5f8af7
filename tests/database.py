"""The databases of the tests: a real PostgreSQL, the roles of production, one database for each worker.

A pytest plugin (`-p tests.database` in pyproject.toml). One embedded server a run, without durability, started by the
process that the person started and ended with it. It is migrated once, by the owner, into a template; each xdist worker
works in a copy. Django connects as in production: `default` is the application's role, `owner` the owner's, `verify`
the verifier's.

The fixtures are in `database_fixtures.py`.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from regal.lib.embedded_postgres import Connections, EmbeddedPostgres

TEMPLATE = "regal_template"
ROLE_OF_ALIAS = {"default": "regal_app", "owner": "regal_owner", "verify": "regal_verify"}
VARIABLES = {"DATABASE_URL": "default", "DATABASE_OWNER_URL": "owner", "DATABASE_VERIFY_URL": "verify"}
_SERVER = pytest.StashKey[EmbeddedPostgres]()

# Django's settings are read before any server runs: they get addresses that lead nowhere, replaced when a test asks.
for _variable, _alias in VARIABLES.items():
    os.environ[_variable] = f"postgresql://{ROLE_OF_ALIAS[_alias]}:nowhere@/nowhere?host=%2Fnowhere"


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # once a run, before the workers start
        from regal.config.management.commands.messages import compile_english

        compile_english()
    # Registered late, so that our `django_db_setup` wins over pytest-django's.
    config.pluginmanager.import_plugin("tests.database_fixtures")
    if config.pluginmanager.hasplugin("dsession"):
        config.pluginmanager.register(ForWorkers(), "regal-database-for-workers")


def pytest_unconfigure(config: pytest.Config) -> None:
    server = config.stash.get(_SERVER, None)
    if server is not None and server.is_ours:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


class ForWorkers:
    """What only the controller of xdist's workers does."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        _start_server(session.config)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["regal_server_folder"] = str(node.config.stash[_SERVER].folder)


def server_of(config: pytest.Config) -> EmbeddedPostgres:
    """The server of the run: the controller's, or ours when there are no workers."""
    if _SERVER in config.stash:
        return config.stash[_SERVER]
    handed_over = getattr(config, "workerinput", {}).get("regal_server_folder")
    if handed_over is None:
        return _start_server(config)
    server = config.stash[_SERVER] = EmbeddedPostgres(Path(handed_over), durable=False)
    server.start()
    return server


def _start_server(config: pytest.Config) -> EmbeddedPostgres:
    """Start it and migrate the template."""
    from django.core.management import call_command
    from pytest_django.plugin import blocking_manager_key

    folders = Path(tempfile.gettempdir())
    for forgotten in folders.glob(f"regal-tests-{os.getuid()}-*"):  # of a run that was killed
        if not _is_alive(int(forgotten.name.rpartition("-")[2])):
            shutil.rmtree(forgotten, ignore_errors=True)
    server = config.stash[_SERVER] = EmbeddedPostgres(
        folders / f"regal-tests-{os.getuid()}-{os.getpid()}", durable=False
    )
    server.start()
    server.create_database(TEMPLATE)
    lead_django_to(server.connections, TEMPLATE)
    with config.stash[blocking_manager_key].unblock():
        call_command("migrate", database="owner", interactive=False, verbosity=0)
        close_connections()
    return server


def lead_django_to(connections_: Connections, database: str) -> None:
    from django.db import connections

    for variable, alias in VARIABLES.items():
        os.environ[variable] = connections_.url(ROLE_OF_ALIAS[alias], database)
    for alias, role in ROLE_OF_ALIAS.items():
        connections.databases[alias].update(
            NAME=database,
            USER=role,
            PASSWORD=connections_.passwords[role],
            HOST=str(connections_.socket_folder),
            PORT="",
        )


def close_connections() -> None:
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.close()
        close_pool = getattr(connection, "close_pool", None)
        if close_pool is not None:
            close_pool()


def put_connections_away() -> None:
    """Close what the test left open, but keep the pool if all of it came back: a new connection learns all anew."""
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.close()
        pools: Any = getattr(connection, "_connection_pools", {})
        if connection.alias in pools:
            known = pools[connection.alias].get_stats()
            if known["pool_available"] != known["pool_size"]:
                pools.pop(connection.alias).close()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
