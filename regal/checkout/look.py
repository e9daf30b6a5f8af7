"""The look of a collectivité: its colours as a stylesheet of one line, and its logo.

An address holds a digest of what it serves, so browsers may keep it; a page links only what its town has.
"""

import hashlib
import re
from functools import lru_cache

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from regal.collectivites.models import Collectivite, Logo
from regal.lib.colours import tones_of
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant

FOR_EVER = "public, max-age=31536000, immutable"

_DIGEST = re.compile(r"[0-9a-f]{64}")


def colours_digest(collectivite: Collectivite) -> str:
    """Empty without colours of its own."""
    css = stylesheet(collectivite.main_colour, collectivite.accent_colour)
    return hashlib.sha256(css.encode()).hexdigest()[:16] if css else ""


@lru_cache(maxsize=1024)
def stylesheet(main_colour: str, accent_colour: str) -> str:
    """What differs from regal.css, in the names that it uses."""
    values: dict[str, str] = {}
    if main_colour:
        tones = tones_of(main_colour)
        values |= {"--main": tones.main, "--main-dark": tones.dark, "--main-soft": tones.soft, "--accent": tones.main}
    if accent_colour:
        values["--accent"] = accent_colour
    return f":root{{{';'.join(f'{name}:{value}' for name, value in values.items())}}}" if values else ""


@policy(who=Who.ANYBODY, tenant=Tenant.SLUG)
@require_safe
def colours(request: HttpRequest, collectivite_id: int, colours: str) -> HttpResponse:
    """The stylesheet of these very colours."""
    town = get_object_or_404(Collectivite, pk=collectivite_id)
    if colours != colours_digest(town):
        raise Http404
    return _kept(stylesheet(town.main_colour, town.accent_colour).encode(), "text/css; charset=utf-8")


@policy(who=Who.ANYBODY, tenant=Tenant.SLUG)
@require_safe
def logo(request: HttpRequest, collectivite_id: int, logo: str) -> HttpResponse:
    """A logo of the collectivité, in use or replaced since: a page read a moment ago still links it."""
    if not _DIGEST.fullmatch(logo):
        raise Http404
    with tenant(collectivite_id):
        found = Logo.objects.filter(collectivite=collectivite_id, digest=logo).first()
    if found is None:
        raise Http404
    return _kept(bytes(found.png), "image/png")


def _kept(content: bytes, content_type: str) -> HttpResponse:
    return HttpResponse(content, content_type=content_type, headers={"Cache-Control": FOR_EVER})
