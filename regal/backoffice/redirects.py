"""Where a form that was sent leads: to a page that is read, so that reloading it sends nothing again."""

from django.http import HttpResponseRedirect
from django.urls import reverse


def see_other(address: str) -> HttpResponseRedirect:
    """To an address."""
    return HttpResponseRedirect(address, status=303)


def see_page(name: str, *where: object) -> HttpResponseRedirect:
    """To a page of ours, by the name of its route."""
    return see_other(reverse(name, args=where))
