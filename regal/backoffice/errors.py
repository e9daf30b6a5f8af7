"""Pages for what cannot be shown."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form is too old, or came from elsewhere: say how to go on."""
    return render(request, "backoffice/form_expired.html", status=403)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """A colleague may, this person may not."""
    return render(request, "backoffice/forbidden.html", status=403)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """What the browser sent cannot be read. The session may be what is wrong: it is not asked for."""
    return HttpResponse(render_to_string("backoffice/bad_request.html"), status=400)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The same answer whether the thing does not exist or belongs to another collectivité."""
    return render(request, "backoffice/not_found.html", status=404)


def too_often(request: HttpRequest) -> HttpResponse:
    """For allauth's limits."""
    return render(request, "backoffice/too_often.html", status=429)


def server_error(request: HttpRequest) -> HttpResponse:
    """We are wrong, or the database is away: nothing is asked of it, the session included."""
    return HttpResponse(render_to_string("backoffice/server_error.html"), status=500)
