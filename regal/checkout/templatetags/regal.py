"""How money, days and hours are shown: in French, or in English under /en/."""

from collections.abc import Mapping
from datetime import date, datetime

from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import override

from regal.checkout import look
from regal.collectivites import debt_words
from regal.collectivites.models import Collectivite
from regal.lib import in_words, paris
from regal.lib.money import Money
from regal.titres.models import Titre
from regal.titres.words import short_name_of

register = template.Library()


@register.filter
def euros(amount: Money) -> str:
    """12,50 €, or €12.50 in English."""
    return in_words.euros(amount)


@register.filter
def of_debts(number: int) -> str:
    """12 factures, or avis, or titres: as the town says."""
    return debt_words.counted(number)


@register.filter
def short_name(titre: Titre) -> str:
    """000412, or Titre 2026-778 where the comptable collects it."""
    return short_name_of(titre)


@register.filter
def instant(moment: datetime) -> str:
    """24 novembre 2026 à 14 h 05, in Paris time."""
    return in_words.instant(moment)


@register.filter
def hour(moment: datetime) -> str:
    """14 h 05, in Paris time."""
    return paris.format_hour_en(moment) if in_words.is_english() else paris.format_hour_fr(moment)


@register.filter
def day(value: date) -> str:
    """24 novembre 2026."""
    return in_words.day(value)


@register.filter
def colours_digest(town: Collectivite) -> str:
    """What the address of the town's colours ends with; nothing when it has none."""
    return look.colours_digest(town)


@register.filter
def local_day(moment: datetime) -> date:
    """Which day it was in Paris."""
    return paris.today(moment)


@register.simple_tag(takes_context=True)
def here(context: template.Context, name: str) -> str:
    """The attribute that says of a link of the menu: you are on this very page."""
    match = getattr(context.get("request"), "resolver_match", None)
    return mark_safe(' aria-current="page"') if match and match.url_name == name else ""


@register.simple_tag(takes_context=True)
def language_link(context: template.Context) -> str:
    """A link to this very page in the other language; the language is in the path."""
    request = context.get("request")
    path = request.path if request else "/"
    if in_words.is_english():
        path = "/" + path.removeprefix("/en").lstrip("/")  # "//host" would lead to another site
        return format_html('<a href="{}" lang="fr" hreflang="fr">Français</a>', path)
    return format_html('<a href="/en{}" lang="en" hreflang="en">English</a>', path)


@register.simple_tag
def hidden_fields(fields: Mapping[str, str]) -> SafeString:
    """What a form carries unseen."""
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', fields.items())


@register.simple_tag
def language_form(fields: Mapping[str, str], name: str, *arguments: str) -> SafeString:
    """A button to a page in the other language that takes what was typed along."""
    language, label = ("fr", "Français") if in_words.is_english() else ("en", "English")
    with override(language):
        address = reverse(name, args=arguments)
    return format_html(
        '<form method="post" action="{}">{}<button class="button-link" lang="{}">{}</button></form>',
        address,
        hidden_fields(fields),
        language,
        label,
    )
