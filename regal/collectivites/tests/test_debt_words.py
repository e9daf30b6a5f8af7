"""What a town calls its debts, and how sentences agree with it."""

import pytest
from django.utils.translation import override as in_language

from regal.collectivites import debt_words
from regal.collectivites.models import DebtWord

SENTENCE = "%(The_debt)s est annulé%(e)s : %(it)s ne se paie plus ; 3 %(debts)s restent, numéro %(of_the_debt)s."


class TestSaid:
    @pytest.mark.parametrize(
        ("word", "sentence"),
        [
            (
                DebtWord.FACTURE,
                "La facture est annulée : elle ne se paie plus ; 3 factures restent, numéro de la facture.",
            ),
            (DebtWord.AVIS, "L’avis est annulé : il ne se paie plus ; 3 avis restent, numéro de l’avis."),
            (DebtWord.TITRE, "Le titre est annulé : il ne se paie plus ; 3 titres restent, numéro du titre."),
        ],
    )
    def test_agrees_with_the_word_that_is_active(self, word, sentence):
        with debt_words.override(word):
            assert debt_words.said(SENTENCE) == sentence

    def test_is_an_invoice_unless_a_town_said_otherwise(self):
        assert debt_words.forms()["a_debt"] == "une facture"

    def test_speaks_english_too(self):
        with in_language("en"), debt_words.override(DebtWord.AVIS):
            assert debt_words.said("Pay %(a_debt)s, cancelled%(e)s") == "Pay a notice, cancelled"

    def test_keeps_what_else_fills_the_sentence(self):
        assert debt_words.said("%(Debt)s %(number)s", number="%(x)s") == "Facture %(x)s"

    def test_of_a_label_waits_until_it_is_shown(self):
        label = debt_words.later_said("Numéro %(of_the_debt)s")
        with debt_words.override(DebtWord.TITRE):
            assert str(label) == "Numéro du titre"
        assert str(label) == "Numéro de la facture"

    def test_gives_each_word_every_form_in_both_languages(self):
        for languages in debt_words.FORMS.values():
            assert set(languages["fr"]) == set(languages["en"])
            assert all(languages["fr"][name] for name in languages["fr"] if name != "e")
