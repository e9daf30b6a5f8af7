"""What staff did, in plain words: one sentence for each kind of act, and what changed.

A new `action="…"` needs a line in `SENTENCES`; `tests/test_acts.py` asks for it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from regal.audit.models import AuditEntry
from regal.collectivites.debt_words import later_said, said
from regal.people.models import Role, User

SENTENCES: dict[str, Promise] = {
    "create_collectivite": _("%(actor)s a créé la collectivité dans REGAL."),
    "add_budget": _("%(actor)s a ajouté un budget."),
    "add_regie": _("%(actor)s a ajouté une régie."),
    "change_regie": _("%(actor)s a changé les réglages d’une régie."),
    "add_account": _("%(actor)s a relié un contrat de paiement."),
    "change_account": _("%(actor)s a changé les réglages d’un contrat de paiement."),
    "change_keys": _("%(actor)s a changé la clé d’un contrat de paiement."),
    "renew_address": _("%(actor)s a renouvelé l’adresse de notification d’un contrat de paiement."),
    "add_product": _("%(actor)s a ajouté un produit à payer."),
    "change_terms": _("%(actor)s a changé les conditions d’un produit."),
    "allow_origin": _("%(actor)s a autorisé un site à afficher les pages de paiement."),
    "set_look": _("%(actor)s a changé les couleurs ou le logo."),
    "add_member": _("%(actor)s a fait entrer %(person)s dans la collectivité."),
    "change_role": _("%(actor)s a changé le rôle de %(person)s."),
    "remove_member": _("%(actor)s a retiré %(person)s de la collectivité."),
    "invite_agent": _("%(actor)s a envoyé une invitation à %(person)s."),
    "open_visit": _("%(actor)s, exploitant de REGAL, est entré dans la collectivité."),
    "close_visit": _("%(actor)s, exploitant de REGAL, est sorti de la collectivité."),
    "change_collectivite": _("%(actor)s a changé la fiche de la collectivité."),
    "change_product": _("%(actor)s a changé un produit."),
    "move_product": _("%(actor)s a changé le contrat d’un produit."),
    "disallow_origin": _("%(actor)s a retiré un site de ceux qui affichent les pages de paiement."),
    "export_payments": _("%(actor)s a exporté une liste de paiements."),
    "export_titres": _("%(actor)s a exporté une liste %(of_debts)s, avec les noms."),
    "ask_gateway": _("%(actor)s a fait demander ce qu’est devenu un paiement."),
    "resend_ticket": _("%(actor)s a renvoyé un ticket de paiement."),
    "issue_quittance": _("%(actor)s a délivré une quittance."),
    "deliver_quittance": _("%(actor)s a pris l’original d’une quittance."),
    "copy_quittance": _("%(actor)s a pris un duplicata d’une quittance."),
    "export_quittances": _("%(actor)s a exporté une liste de quittances."),
    "erase_names": _("%(actor)s a effacé des noms ou des adresses, dont le délai de conservation est passé."),
    "deposit_file": _("%(actor)s a déposé un fichier de paiements."),
    "confirm_file": _("%(actor)s a demandé de confirmer les paiements d’un fichier."),
    "discard_file": _("%(actor)s a écarté un fichier de paiements."),
    "assign_case": _("%(actor)s a confié une anomalie."),
    "release_case": _("%(actor)s a rendu une anomalie."),
    "note_case": _("%(actor)s a noté quelque chose sur une anomalie."),
    "close_case": _("%(actor)s a clos une anomalie."),
    "note_adhesion": _("%(actor)s a noté où en est l’adhésion à PayFiP."),
    "check_contract": _("%(actor)s a fait vérifier un contrat par PayFiP, et l’a reconnu."),
    "try_contract": _("%(actor)s a essayé un contrat par un paiement."),
    "ask_routing": _("%(actor)s a demandé une mise en production."),
    "approve_routing": _("%(actor)s a approuvé une mise en production."),
    "cancel_routing": _("%(actor)s a annulé une demande de mise en production."),
    "carry_out_routing": _("%(actor)s avait demandé une mise en production : elle est faite."),
    "close_account": _("%(actor)s a fermé un contrat."),
    "reopen_account": _("%(actor)s a rouvert un contrat."),
    "record_titre": _("%(actor)s a saisi %(a_debt)s."),
    "issue_titre": _("%(actor)s a émis %(a_debt)s."),
    "adjust_titre": _("%(actor)s a changé ce qui est dû %(of_a_debt)s."),
    "suspend_titre": _("%(actor)s a suspendu %(a_debt)s."),
    "resume_titre": _("%(actor)s a remis %(a_debt)s à payer."),
    "cancel_titre": _("%(actor)s a annulé %(a_debt)s."),
    "transfer_titre": _("%(actor)s a transmis %(a_debt)s au comptable."),
    "write_off_titre": _("%(actor)s a abandonné %(a_debt)s."),
    "restore_titre": _("%(actor)s a rétabli %(a_debt)s."),
    "edit_titre": _("%(actor)s a corrigé le brouillon %(of_a_debt)s."),
    "correct_titre": _("%(actor)s a corrigé l’objet, le nom ou la date limite %(of_a_debt)s."),
    "confirm_titre_group": _("%(actor)s a confirmé un acte sur plusieurs %(debts)s."),
    "add_import_source": _("%(actor)s a ajouté une source d’imports."),
    "change_import_source": _("%(actor)s a changé, fermé ou rouvert une source d’imports."),
    "keep_import": _("%(actor)s a déposé un fichier à importer."),
    "confirm_import": _("%(actor)s a confirmé un import."),
    "write_import": _("%(actor)s a fait enregistrer un import."),
    "discard_import": _("%(actor)s a écarté un import."),
    "ask_undo_import": _("%(actor)s a demandé de défaire un import."),
    "undo_import": _("%(actor)s a défait un import."),
    "record_receipt": _("%(actor)s a encaissé de l’argent pour %(a_debt)s."),
    "reverse_settlement": _("%(actor)s a annulé un encaissement."),
    "print_notices": _("%(actor)s a édité des avis à payer, avec les noms et les liens de paiement."),
    "export_notices": _("%(actor)s a exporté les données d’avis à payer, avec les noms et les liens de paiement."),
    "ask_notices": _("%(actor)s a demandé un lot d’avis à payer."),
    "take_notices": _("%(actor)s a pris un fichier d’avis à payer, avec les noms et les liens de paiement."),
    "change_other_means": _("%(actor)s a changé comment une régie dit qu’elle peut aussi être payée."),
}
KINDS: dict[str, Promise] = {
    "create_collectivite": _("Création de la collectivité"),
    "add_budget": _("Budget ajouté"),
    "add_regie": _("Régie ajoutée"),
    "change_regie": _("Réglages d’une régie"),
    "add_account": _("Contrat relié"),
    "change_account": _("Réglages d’un contrat"),
    "change_keys": _("Clé changée"),
    "renew_address": _("Adresse renouvelée"),
    "add_product": _("Produit ajouté"),
    "change_terms": _("Conditions d’un produit"),
    "allow_origin": _("Site autorisé"),
    "set_look": _("Couleurs et logo"),
    "add_member": _("Personne ajoutée"),
    "change_role": _("Rôle changé"),
    "remove_member": _("Personne retirée"),
    "invite_agent": _("Invitation"),
    "open_visit": _("Entrée d’un exploitant"),
    "close_visit": _("Sortie d’un exploitant"),
    "change_collectivite": _("Fiche de la collectivité"),
    "change_product": _("Produit changé"),
    "move_product": _("Contrat d’un produit"),
    "disallow_origin": _("Site retiré"),
    "export_payments": _("Export de paiements"),
    "export_titres": later_said(_("Export %(of_debts)s")),
    "ask_gateway": _("Question posée"),
    "resend_ticket": _("Ticket renvoyé"),
    "issue_quittance": _("Quittance délivrée"),
    "deliver_quittance": _("Original d’une quittance"),
    "copy_quittance": _("Duplicata d’une quittance"),
    "export_quittances": _("Quittances exportées"),
    "erase_names": _("Noms et adresses effacés"),
    "deposit_file": _("Fichier déposé"),
    "confirm_file": _("Fichier à confirmer"),
    "discard_file": _("Fichier écarté"),
    "assign_case": _("Anomalie confiée"),
    "release_case": _("Anomalie rendue"),
    "note_case": _("Note sur une anomalie"),
    "close_case": _("Anomalie close"),
    "note_adhesion": _("Adhésion à PayFiP"),
    "check_contract": _("Contrat vérifié"),
    "try_contract": _("Essai d’un contrat"),
    "ask_routing": _("Mise en production demandée"),
    "approve_routing": _("Mise en production approuvée"),
    "cancel_routing": _("Mise en production annulée"),
    "carry_out_routing": _("Mise en production faite"),
    "close_account": _("Contrat fermé"),
    "reopen_account": _("Contrat rouvert"),
    "record_titre": later_said(_("Saisie %(of_a_debt)s")),
    "issue_titre": later_said(_("Émission %(of_a_debt)s")),
    "adjust_titre": later_said(_("Montant %(of_a_debt)s")),
    "suspend_titre": later_said(_("Suspension %(of_a_debt)s")),
    "resume_titre": later_said(_("Remise à payer %(of_a_debt)s")),
    "cancel_titre": later_said(_("Annulation %(of_a_debt)s")),
    "transfer_titre": later_said(_("Transmission %(of_a_debt)s au comptable")),
    "write_off_titre": later_said(_("Abandon %(of_a_debt)s")),
    "restore_titre": later_said(_("Rétablissement %(of_a_debt)s")),
    "edit_titre": later_said(_("Brouillon %(of_a_debt)s")),
    "correct_titre": later_said(_("Correction %(of_a_debt)s")),
    "confirm_titre_group": later_said(_("Acte sur plusieurs %(debts)s")),
    "add_import_source": _("Source d’imports ajoutée"),
    "change_import_source": _("Source d’imports modifiée"),
    "keep_import": _("Fichier à importer déposé"),
    "confirm_import": _("Import confirmé"),
    "write_import": _("Import enregistré"),
    "discard_import": _("Import écarté"),
    "ask_undo_import": _("Défaire un import : demandé"),
    "undo_import": _("Import défait"),
    "record_receipt": _("Encaissement"),
    "reverse_settlement": _("Encaissement annulé"),
    "print_notices": _("Avis édités"),
    "export_notices": _("Export d’avis"),
    "ask_notices": _("Lot d’avis demandé"),
    "take_notices": _("Fichier d’avis pris"),
    "change_other_means": _("Autres moyens de payer"),
}
FIELDS: dict[str, Promise] = {
    "name": _("Nom"),
    "slug": _("Adresse"),
    "siret": _("SIRET"),
    "code": _("Code"),
    "number": _("Numéro"),
    "gateway": _("Passerelle"),
    "debt_kind": _("Ce qui est dû"),
    "environment": _("Environnement"),
    "identifier": _("Numéro du contrat"),
    "options": _("Options"),
    "account": _("Contrat"),
    "is_open": _("Ouvert"),
    "opens_on": _("Ouvre le"),
    "closes_on": _("Ferme le"),
    "closed_note": _("Texte de fermeture"),
    "reference_form": _("Forme de la référence"),
    "min_amount_cents": _("Montant minimal, en centimes"),
    "max_amount_cents": _("Montant maximal, en centimes"),
    "compares_with_base": _("Comparé avec la base importée"),
    "origin": _("Site"),
    "main_colour": _("Couleur principale"),
    "accent_colour": _("Couleur d’accent"),
    "logo_digest": _("Empreinte du logo"),
    "logo_text": _("Texte du logo"),
    "role": _("Rôle"),
    "reason": _("Motif"),
    "renews_password": _("Nouveau mot de passe"),
    "contact": _("Qui contacter"),
    "treasury_note": _("Comment payer à la trésorerie"),
    "site_url": _("Site internet"),
    "introduction": _("Présentation"),
    "position": _("Rang"),
    "is_active": _("Actif"),
    "assigned_to": _("Confiée à"),
    "decision": _("Décision"),
    "rows": _("Lignes"),
    "emails": _("Avec les adresses e-mail"),
    "filters": _("Filtres"),
    "kind": _("Genre"),
    "digest": _("Empreinte"),
    "covers": _("Jours couverts"),
    "count": _("Paiements"),
    "total_cents": _("Total, en centimes"),
    "amount_cents": _("Montant, en centimes"),
    "left_cents": _("Reste à payer, en centimes"),
    "means": _("Moyen de paiement"),
    "receipt": _("Encaissement"),
    "copy": _("Exemplaire"),
    "cause": _("Cause"),
    "several_at_once": _("Plusieurs dettes en un paiement"),
    "partial_payment": _("Se paie en plusieurs fois"),
    "products": _("Produits"),
    "effective_at": _("À partir du"),
    "routing_change": _("Demande"),
    "event": _("Étape"),
    "office": _("Bureau"),
    "labels": _("Libellés chez PayFiP"),
    "product": _("Produit"),
    "exercice": _("Exercice"),
    "due_cents": _("Somme due, en centimes"),
    "status": _("État"),
    "secrets": _("Clés données"),
    "label": _("Objet"),
    "reference": _("Référence"),
    "issued_on": _("Date d’émission"),
    "due_on": _("Date limite de paiement"),
    "product_id": _("Produit"),
    "regie_id": _("Régie"),
    "debtor": _("Nom de la personne qui doit"),
    "act": _("Acte"),
    "debt_word": _("Nom donné aux dettes"),
    "collector": _("Qui encaisse"),
    "regie": _("Régie"),
    "budget": _("Budget"),
    "file_format": _("Format de fichier"),
    "default_product": _("Produit des lignes qui n’en nomment pas"),
    "regie_codes": _("Codes de régie"),
    "as_drafts": _("En brouillons"),
    "columns": _("Rangs des colonnes"),
    "notified_in_back_office": _("Adresse dans le back-office"),
    "notices": _("Avis"),
    "names": _("Combien"),
    "until": _("De ce qui s’est passé jusqu’au"),
    "titres": _("Lignes"),
    "left_out": _("Laissées de côté"),
    "other_means": _("Autres moyens de payer"),
}
_HIDDEN = {"user"}  # said by the sentence
_OF_ITSELF = {"erase_names"}  # a duty of the night


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that an act changed; "" where there was, or is, nothing."""

    name: str
    before: str
    after: str


def sentence_of(entry: AuditEntry, people: Mapping[int, User]) -> str:
    """`Paul a changé le rôle de Nadia.`"""
    actor = people.get(entry.actor_id) if entry.actor_id else None
    person = people.get(person_of(entry) or 0)
    sentence = SENTENCES.get(entry.action, _("%(actor)s a fait un acte que cette version ne connaît pas."))
    nobody = gettext("REGAL") if entry.action in _OF_ITSELF else gettext("La ligne de commande")
    return said(sentence, actor=actor or nobody, person=person or gettext("une personne"))


def person_of(entry: AuditEntry) -> int | None:
    """Whom an act is about, when it is about somebody."""
    kind, _space, number = entry.subject.partition(" ")
    if kind == "user" and number.isdecimal():
        return int(number)
    told = entry.after if isinstance(entry.after, dict) else {}
    return told["user"] if isinstance(told.get("user"), int) else None


def people_of(entries: list[AuditEntry]) -> dict[int, User]:
    """Everybody whom these acts name, by number."""
    keys = {key for entry in entries for key in (entry.actor_id, person_of(entry)) if key}
    return User.objects.in_bulk(keys)


def changes_of(entry: AuditEntry) -> list[Change]:
    """What was there and what is there now, where the two differ."""
    before, after = _as_fields(entry.before), _as_fields(entry.after)
    return [
        Change(
            name=str(FIELDS.get(name, name)),
            before=_shown(name, before.get(name)),
            after=_shown(name, after.get(name)),
        )
        for name in dict.fromkeys([*before, *after])
        if name not in _HIDDEN and before.get(name) != after.get(name)
    ]


def _as_fields(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {} if value is None else {"": value}


def _shown(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return gettext("oui") if value else gettext("non")
    if name == "role" and value in Role.values:
        return str(Role(value).label)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
