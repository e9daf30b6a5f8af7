"""What columns mean, by their names; and what a source may remember of its tables."""

import pytest

from regal.titres.importers.columns import _NAMES, Meaning, TableOptions, guess, plain


class TestGuess:
    @pytest.mark.parametrize(
        ("name", "meaning"),
        [
            ("NUMERO", Meaning.NUMBER),
            ("N° FACTURE", Meaning.NUMBER),
            ("n° de facture", Meaning.NUMBER),
            ("Numéro de facture", Meaning.NUMBER),
            ("NUM_TITRE", Meaning.NUMBER),
            ("Nº titre", Meaning.NUMBER),
            ("MONTANT", Meaning.AMOUNT),
            ("MONTANT_TTC", Meaning.AMOUNT),
            ("Montant T.T.C.", Meaning.AMOUNT),
            ("RESTE_DU", Meaning.AMOUNT),
            ("Reste à payer", Meaning.AMOUNT),
            ("DATE_LIMITE", Meaning.DUE_ON),
            ("Date limite de paiement", Meaning.DUE_ON),
            ("DATE_ECHEANCE", Meaning.DUE_ON),
            ("Échéance", Meaning.DUE_ON),
            ("DATE_EMISSION", Meaning.ISSUED_ON),
            ("Date d’émission", Meaning.ISSUED_ON),
            ("EXERCICE", Meaning.EXERCICE),
            ("Année", Meaning.EXERCICE),
            ("REGIE", Meaning.REGIE),
            ("Code régie", Meaning.REGIE),
            ("CODE_PRODUIT", Meaning.PRODUCT),
            ("LIBELLE", Meaning.LABEL),
            ("Objet", Meaning.LABEL),
            ("REF_REDEVABLE", Meaning.DEBTOR_REFERENCE),
            ("CIVILITE", Meaning.TITLE),
            ("NOM", Meaning.NAME),
            ("Nom du redevable", Meaning.NAME),
            ("Prénom", Meaning.FIRST_NAME),
            ("ADRESSE1", Meaning.ADDRESS1),
            ("Adresse", Meaning.ADDRESS1),
            ("CP", Meaning.POSTCODE),
            ("Code postal", Meaning.POSTCODE),
            ("VILLE", Meaning.CITY),
            ("E-mail", Meaning.EMAIL),
            ("Courriel", Meaning.EMAIL),
            ("TYPE", Meaning.KIND),
            ("SIRET", Meaning.SIRET),
            ("N° de la facture", Meaning.NUMBER),
            ("Facture n°", Meaning.NUMBER),
            ("N° d’avis", Meaning.NUMBER),
            ("Numéro de titre de recette", Meaning.NUMBER),
            ("Référence facture", Meaning.NUMBER),
            ("N° quittance", Meaning.NUMBER),
            ("Net à payer", Meaning.AMOUNT),
            ("NET À PAYER (€)", Meaning.AMOUNT),
            ("Total à payer", Meaning.AMOUNT),
            ("Montant TTC (en euros)", Meaning.AMOUNT),
            ("Montant en €", Meaning.AMOUNT),
            ("Montant dû", Meaning.AMOUNT),
            ("Dû", Meaning.AMOUNT),
            ("À régler", Meaning.AMOUNT),
            ("Émise le", Meaning.ISSUED_ON),
            ("Émis le", Meaning.ISSUED_ON),
            ("Date de la facture", Meaning.ISSUED_ON),
            ("Facturé le", Meaning.ISSUED_ON),
            ("Date d'avis", Meaning.ISSUED_ON),
            ("Date d’édition", Meaning.ISSUED_ON),
            ("À payer avant le", Meaning.DUE_ON),
            ("A payer avant le :", Meaning.DUE_ON),
            ("À régler avant le", Meaning.DUE_ON),
            ("Payable jusqu’au", Meaning.DUE_ON),
            ("Échéance de paiement", Meaning.DUE_ON),
            ("Date d’échéance (jj/mm/aaaa)", Meaning.DUE_ON),
            ("Nom de famille", Meaning.NAME),
            ("Nom de l’usager", Meaning.NAME),
            ("Usager", Meaning.NAME),
            ("Redevable", Meaning.NAME),
            ("Nom et prénom", Meaning.NAME),
            ("Locataire", Meaning.NAME),
            ("Abonné", Meaning.NAME),
            ("Raison sociale", Meaning.NAME),
            ("Prénom de l’usager", Meaning.FIRST_NAME),
            ("N° famille", Meaning.DEBTOR_REFERENCE),
            ("Référence usager", Meaning.DEBTOR_REFERENCE),
            ("Objet de la facture", Meaning.LABEL),
            ("Désignation", Meaning.LABEL),
            ("Prestation", Meaning.PRODUCT),
            ("Exercice comptable", Meaning.EXERCICE),
            ("N° bordereau", Meaning.BATCH),
            ("Avoir sur facture", Meaning.REDUCES),
            ("Type de pièce", Meaning.KIND),
        ],
    )
    def test_knows_the_names_of_real_files(self, name, meaning):
        assert guess([name]) == {meaning: name}

    def test_prefers_the_plainest_name(self):
        assert guess(["RESTE_DU", "MONTANT_TTC"])[Meaning.AMOUNT] == "MONTANT_TTC"

    @pytest.mark.parametrize(
        ("columns", "meaning", "chosen"),
        [
            (["Montant (HT)", "Net (TTC)"], Meaning.AMOUNT, "Net (TTC)"),
            (["Solde (en €, TTC)", "Net à payer TTC"], Meaning.AMOUNT, "Net à payer TTC"),
            (["Somme due [EUR TTC]"], Meaning.AMOUNT, "Somme due [EUR TTC]"),
            (["Nom (enfant)", "Responsable"], Meaning.NAME, "Responsable"),
            (["Date (naissance)", "Émise le"], Meaning.ISSUED_ON, "Émise le"),
            (["Date (jj/mm/aaaa)", "Date de création"], Meaning.ISSUED_ON, "Date de création"),
            (["Date (AAAA-MM-JJ)"], Meaning.ISSUED_ON, "Date (AAAA-MM-JJ)"),
            (["Échéance (format JJ/MM/AA)"], Meaning.DUE_ON, "Échéance (format JJ/MM/AA)"),
        ],
    )
    def test_leaves_out_only_brackets_that_explain_and_prefers_a_name_without(self, columns, meaning, chosen):
        assert guess(columns) == {meaning: chosen}

    @pytest.mark.parametrize("name", ["Montant (HT)", "Nom (enfant)", "Date (naissance)"])
    def test_takes_other_brackets_for_a_part_of_the_name(self, name):
        assert guess([name]) == {}

    def test_leaves_out_what_it_does_not_know(self):
        assert guess(["QUANTITE", "TARIF", "Prix unitaire", "Montant HT", "Montant payé", "12,50", "(€)", ""]) == {}

    def test_has_each_name_once(self):
        names = [name for known in _NAMES.values() for name in known]

        assert len(names) == len(set(names))
        assert [plain(name) for name in names] == names


class TestTableOptions:
    def test_take_what_they_know_and_leave_the_rest(self):
        options = TableOptions.of(
            {
                "columns": {"number": "N°", "amount": "Dû", "name": ""},
                "encoding": "windows-1252",
                "separator": "\t",
                "sums_lines": True,
                "default_exercice": 2026,
                "several_years": False,
            }
        )

        assert options.columns == {Meaning.NUMBER: "N°", Meaning.AMOUNT: "Dû"}
        assert (options.encoding, options.separator, options.sums_lines) == ("windows-1252", "\t", True)

    def test_are_all_optional(self):
        assert TableOptions.of({}) == TableOptions()

    @pytest.mark.parametrize(
        ("json", "member"),
        [
            ({"columns": []}, "columns"),
            ({"columns": {"colour": "X"}}, "columns.colour"),
            ({"columns": {"number": 3, "amount": "M"}}, "columns.number"),
            ({"columns": {"number": "A", "amount": "A"}}, "columns.amount"),
            ({"columns": {"number": "A"}}, "columns.amount"),
            ({"encoding": "utf-7"}, "encoding"),
            ({"encoding": ["utf-8"]}, "encoding"),
            ({"separator": ":"}, "separator"),
            ({"sheet": 1}, "sheet"),
            ({"has_header": "yes"}, "has_header"),
            ({"sums_lines": 1}, "sums_lines"),
            ({"numbers_without_zeros": "guess"}, "numbers_without_zeros"),
            ({"numbers_without_zeros": []}, "numbers_without_zeros"),
            ({"default_exercice": "2026"}, "default_exercice"),
            ({"default_exercice": True}, "default_exercice"),
            ({"default_exercice": 26}, "default_exercice"),
            ({"decimal": ";"}, "decimal"),
            ({"accepts_units": None}, "accepts_units"),
        ],
    )
    def test_name_what_makes_no_sense(self, json, member):
        with pytest.raises(ValueError, match=rf"^{member}$"):
            TableOptions.of(json)
