"""The start page of a demonstration."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from regal.demo import files
from regal.demo.data import moment, start_page
from regal.lib import paris
from regal.lib.policy import Tenant, Who, policy


@policy(who=Who.ANYBODY, tenant=Tenant.NONE)
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """The doors, the demo accounts, the example notices and what to type."""
    return render(request, "demo/start.html", start_page(now=moment()))


@policy(who=Who.ANYBODY, tenant=Tenant.NONE)
@require_safe
def sample(request: HttpRequest) -> HttpResponse:
    """A file of invoices to deposit in the bureau, dated of these days."""
    content = files.sample(paris.today(moment()))
    told = {"Content-Disposition": 'attachment; filename="classe-de-decouverte.csv"'}
    return HttpResponse(content, content_type="text/csv; charset=windows-1252", headers=told)
