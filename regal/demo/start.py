"""The start page of a demonstration."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from regal.demo.data import moment, start_page
from regal.lib.policy import Tenant, Who, policy


@policy(who=Who.ANYBODY, tenant=Tenant.NONE)
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """The doors, the demo accounts, the example notices and what to type."""
    return render(request, "demo/start.html", start_page(now=moment()))
