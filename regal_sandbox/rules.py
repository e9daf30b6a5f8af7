"""Every reason for which PayFiP's pages turn a payer away: our name for it, PayFiP's code, the sentence shown.

The codes are those of the web service, supposed to be shared by the two ways in; an empty code means that no public
source gives one. Only the sentences of `refdet_invalid` and `mel_invalid` were recorded (from the web service); every
other is ours. Both can be replaced through `settings.messages`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    parameter: str  # the one to look at first
    code: str
    message: str


RULES: dict[str, Rule] = {
    "saisie_invalid": Rule("saisie", "S1", "Le type de saisie est absent ou incorrect."),
    "numcli_invalid": Rule("numcli", "T1", "L’identifiant de la collectivité n’est pas conforme."),
    "numcli_unknown": Rule("numcli", "T2", "L’identifiant de la collectivité est inconnu."),
    "client_closed": Rule("numcli", "", "Le paiement en ligne n’est plus ouvert pour cette collectivité."),
    "client_not_active": Rule("saisie", "", "Le paiement en ligne n’est pas encore ouvert pour cette collectivité."),
    "exer_invalid": Rule("exer", "", "L’exercice est absent ou n’est pas conforme."),
    "refdet_invalid": Rule("refdet", "R3", "Le format du paramètre REFDET n’est pas conforme."),
    "test_on_debt": Rule("saisie", "", "Une demande de test ne peut pas porter sur une dette réelle."),
    "debt_unknown": Rule("refdet", "", "La dette n’a pas pu être identifiée."),
    "debt_not_visible": Rule("refdet", "", "La dette n’a pas pu être identifiée."),
    "debt_cancelled": Rule("refdet", "", "La dette n’a pas pu être identifiée."),
    "debt_not_amicable": Rule("refdet", "", "Cette dette ne peut plus être payée en ligne."),
    "debt_paid": Rule("refdet", "", "Cette dette a déjà été payée en ligne."),
    "montant_invalid": Rule("montant", "M1", "Le montant est absent ou n’est pas conforme."),
    "mel_missing": Rule("mel", "A1", "L’adresse mél est absente."),
    "mel_invalid": Rule("mel", "A2", "Adresse mél incorrecte."),
    "montant_too_small": Rule("montant", "M3", "Le montant est inférieur au minimum accepté."),
    "montant_too_large": Rule("montant", "M5", "Le montant est supérieur au maximum accepté."),
    "montant_differs": Rule("montant", "", "Le montant ne correspond pas à celui de la dette."),
    "objet_invalid": Rule("objet", "", "L’objet du paiement n’est pas conforme."),
    "page_expired": Rule("", "", "La page de paiement est restée ouverte trop longtemps."),
    "urlcl_invalid": Rule("urlcl", "N1", "L’adresse de notification n’est pas conforme."),
}
