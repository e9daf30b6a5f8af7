"""Days, instants and amounts as a sentence tells them, in the language of whoever reads it."""

from datetime import date, datetime

from django.utils.translation import get_language

from regal.lib import paris
from regal.lib.money import Money


def day(value: date) -> str:
    """« 24 novembre 2026 », or "24 November 2026"."""
    return paris.format_day_en(value) if is_english() else paris.format_day_fr(value)


def instant(moment: datetime) -> str:
    """« 24 novembre 2026 à 14 h 05 », or "24 November 2026 at 14:05"; in Paris time."""
    return paris.format_instant_en(moment) if is_english() else paris.format_instant_fr(moment)


def euros(amount: Money) -> str:
    """« 12,50 € », or "€12.50"."""
    return amount.format_en() if is_english() else amount.format_fr()


def is_english() -> bool:
    """Whether the reader's language is English; French else."""
    return (get_language() or "fr").startswith("en")
