"""The start page of a demonstration."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from regal.demo import files
from regal.demo.data import moment, start_page
from regal.demo.six_steps import six_steps
from regal.lib import paris
from regal.lib.policy import Tenant, Who, policy


@policy(who=Who.ANYBODY, tenant=Tenant.NONE)
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """The doors, the demo accounts, the example notices and what to type."""
    now = moment()
    return render(request, "demo/start.html", start_page(now=now) | six_steps(now=now))


@policy(who=Who.ANYBODY, tenant=Tenant.NONE)
@require_safe
def sample(request: HttpRequest) -> HttpResponse:
    """A file of invoices with mistakes to correct, dated of these days."""
    return _spreadsheet(files.sample(paris.today(moment())), name="classe-de-decouverte.csv")


@policy(who=Who.ANYBODY, tenant=Tenant.NONE)
@require_safe
def canteen(request: HttpRequest) -> HttpResponse:
    """The file with which the six steps begin, dated of these days."""
    return _spreadsheet(files.canteen(paris.today(moment())), name="cantine.csv")


def _spreadsheet(content: bytes, *, name: str) -> HttpResponse:
    told = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type="text/csv; charset=windows-1252", headers=told)
