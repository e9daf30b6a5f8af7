"""Alive, and ready: what a supervisor or a load balancer asks."""

from functools import cache

from django.db import DatabaseError, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse

from regal.lib.policy import Rate, Tenant, Who, policy

WORKER_SILENCE_SECONDS = 30


@policy(who=Who.ANYBODY, tenant=Tenant.NONE, rate=Rate.HEALTH)
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@policy(who=Who.ANYBODY, tenant=Tenant.NONE, rate=Rate.HEALTH)
def readyz(request: HttpRequest) -> HttpResponse:
    """Database, schema and worker are there: 200; else 503 with what is missing."""
    try:
        found = {"database": True, "migrations": _schema_is_current(), "worker": _worker_is_alive()}
    except DatabaseError:
        found = {"database": False, "migrations": False, "worker": False}
    return JsonResponse(found, status=200 if all(found.values()) else 503)


def _schema_is_current() -> bool:
    return _schema_of_code() <= set(MigrationRecorder(connections["default"]).applied_migrations())


@cache
def _schema_of_code() -> frozenset[tuple[str, str]]:
    """Every migration of this code; it does not change while the process lives."""
    return frozenset(MigrationLoader(None).graph.nodes)


def _worker_is_alive() -> bool:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM procrastinate_workers"
            " WHERE last_heartbeat > now() - make_interval(secs => %s))",
            [WORKER_SILENCE_SECONDS],
        )
        row = cursor.fetchone()
    return bool(row[0])
