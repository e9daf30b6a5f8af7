"""How money, days and hours are shown: in French, or in English under /en/."""

from datetime import date, datetime

from django import template
from django.utils.translation import get_language

from regal.lib import paris
from regal.lib.money import Money

register = template.Library()


def _in_english() -> bool:
    return (get_language() or "fr").startswith("en")


@register.filter
def euros(amount: Money) -> str:
    """12,50 €, or €12.50 in English."""
    return amount.format_en() if _in_english() else amount.format_fr()


@register.filter
def instant(moment: datetime) -> str:
    """24 novembre 2026 à 14 h 05, in Paris time."""
    return paris.format_instant_en(moment) if _in_english() else paris.format_instant_fr(moment)


@register.filter
def day(value: date) -> str:
    """24 novembre 2026."""
    return paris.format_day_en(value) if _in_english() else paris.format_day_fr(value)
