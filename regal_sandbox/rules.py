"""Every reason for which PayFiP turns a request away: our name for it, PayFiP's code, the sentence shown.

The codes are those of the web service, supposed to be shared by the two ways in; an empty code means that no public
source gives one. A fault of the web service must bear a code all the same: `service_code` is then a guess of ours in
the family of the parameter. Four `libelle` were recorded on the web service; every other sentence is ours. All can be
replaced through `settings.messages`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    parameter: str  # the one to look at first
    code: str
    message: str
    service_code: str = ""  # in the faults of the web service, where `code` is unknown
    libelle: str = ""  # in the faults of the web service, as recorded


RULES: dict[str, Rule] = {
    "saisie_invalid": Rule("saisie", "S1", "Le type de saisie est absent ou incorrect."),
    "numcli_invalid": Rule("numcli", "T1", "L’identifiant de la collectivité n’est pas conforme."),
    "numcli_unknown": Rule("numcli", "T2", "L’identifiant de la collectivité est inconnu."),
    "client_closed": Rule("numcli", "", "Le paiement en ligne n’est plus ouvert pour cette collectivité.", "T3"),
    "client_not_active": Rule(
        "saisie", "", "Le paiement en ligne n’est pas encore ouvert pour cette collectivité.", "T5"
    ),
    "exer_invalid": Rule("exer", "", "L’exercice est absent ou n’est pas conforme.", "E1"),
    "refdet_invalid": Rule(
        "refdet",
        "R3",
        "Le format du paramètre REFDET n’est pas conforme.",
        libelle="Le format du paramètre REFDET n'est pas conforme",
    ),
    "test_on_debt": Rule("saisie", "", "Une demande de test ne peut pas porter sur une dette réelle."),
    "debt_unknown": Rule("refdet", "", "La dette n’a pas pu être identifiée."),
    "debt_not_visible": Rule("refdet", "", "La dette n’a pas pu être identifiée."),
    "debt_cancelled": Rule("refdet", "", "La dette n’a pas pu être identifiée."),
    "debt_not_amicable": Rule("refdet", "", "Cette dette ne peut plus être payée en ligne."),
    "debt_paid": Rule("refdet", "", "Cette dette a déjà été payée en ligne.", "R2"),
    "montant_invalid": Rule("montant", "M1", "Le montant est absent ou n’est pas conforme."),
    "mel_missing": Rule("mel", "A1", "L’adresse mél est absente."),
    "mel_invalid": Rule("mel", "A2", "Adresse mél incorrecte.", libelle="Adresse mél incorrecte. "),
    "montant_too_small": Rule("montant", "M3", "Le montant est inférieur au minimum accepté."),
    "montant_too_large": Rule("montant", "M5", "Le montant est supérieur au maximum accepté."),
    "montant_differs": Rule("montant", "", "Le montant ne correspond pas à celui de la dette."),
    "objet_invalid": Rule("objet", "", "L’objet du paiement n’est pas conforme.", "O1"),
    "page_expired": Rule("", "", "La page de paiement est restée ouverte trop longtemps."),
    "urlcl_invalid": Rule("urlcl", "N1", "L’adresse de notification n’est pas conforme."),
    "web_service_not_allowed": Rule("numcli", "T4", "Ce client n’a pas accès au service web sécurisé."),
    "urlnotif_invalid": Rule("urlnotif", "N1", "L’adresse de notification n’est pas conforme."),
    "urlredirect_invalid": Rule("urlredirect", "D1", "L’adresse de retour est absente ou n’est pas conforme."),
    "idop_unknown": Rule("idop", "P1", "Ce paiement n’est pas connu, ou ne l’est plus.", libelle="IdOp incorrect."),
    "idop_used": Rule("idop", "P3", "Cette opération de paiement a déjà été utilisée."),
    "idop_expired": Rule("idop", "P4", "Cette opération de paiement a été enregistrée il y a trop longtemps."),
    "result_unknown": Rule(
        "idop",
        "P5",
        "Le résultat de la transaction n’est pas encore connu.",
        libelle="Résultat de la transaction non connu.",
    ),
}
