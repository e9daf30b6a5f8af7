"""Where a form that was sent leads: to a page that is read, so that reloading it sends nothing again."""

from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode


def see_other(address: str) -> HttpResponseRedirect:
    """To an address."""
    return HttpResponseRedirect(address, status=303)


def confirm_first(back: str) -> HttpResponseRedirect:
    """To the page that asks who he is, and from there back to an address."""
    return see_other(f"{reverse('account_reauthenticate')}?{urlencode({'next': back})}")


def see_page(name: str, *where: object) -> HttpResponseRedirect:
    """To a page of ours, by the name of its route."""
    return see_other(reverse(name, args=where))
