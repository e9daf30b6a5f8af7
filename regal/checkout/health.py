"""Alive, and ready: what a supervisor or a load balancer asks."""

from django.db import DatabaseError, connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.log import log_response

from regal.lib.policy import Rate, Tenant, Who, policy
from regal.lib.schema import schema_is_current

WORKER_SILENCE_SECONDS = 30


@policy(who=Who.ANYBODY, tenant=Tenant.NONE, rate=Rate.HEALTH)
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@policy(who=Who.ANYBODY, tenant=Tenant.NONE, rate=Rate.HEALTH)
def readyz(request: HttpRequest) -> HttpResponse:
    """Database, schema and worker are there: 200; else 503 with what is missing."""
    try:
        found = {"database": True, "migrations": schema_is_current(), "worker": _worker_is_alive()}
    except DatabaseError:
        found = {"database": False, "migrations": False, "worker": False}
    response = JsonResponse(found, status=200 if all(found.values()) else 503)
    if (
        response.status_code != 200
    ):  # an answer, not an error: whoever asks every second while we start would fill the log
        missing = ", ".join(name for name, is_there in found.items() if not is_there)
        log_response("not ready: %s", missing, request=request, response=response, level="info")
    return response


def _worker_is_alive() -> bool:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM procrastinate_workers"
            " WHERE last_heartbeat > now() - make_interval(secs => %s))",
            [WORKER_SILENCE_SECONDS],
        )
        row = cursor.fetchone()
    return bool(row[0])
