"""Pages for what cannot be shown."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form is too old, or came from elsewhere: say how to go on."""
    return render(request, "backoffice/form_expired.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The same answer whether the thing does not exist or belongs to another collectivité."""
    return render(request, "backoffice/not_found.html", status=404)
