"""The faults of the panel: what each is, how it is injected at the pretend gateways, and what to expect of REGAL."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.demo.cast import TOWNS, DemoProduct
from regal.lib.http import TIMEOUT_SECONDS
from regal.lib.references import InvoiceReference

TOWN = TOWNS[1]
LATE_SECONDS = 45
SILENT_SECONDS = TIMEOUT_SECONDS + 5  # longer than REGAL waits for an answer
FIRST_NUMBER = 900_001  # the series of trials, apart from the invoices that visitors pay
REPAIR = timedelta(minutes=5)  # I-26: a lost notification of a payment that began less than 30 minutes ago
UNTIL_REMISE = timedelta(hours=36)  # I-30: what an anomaly says that Paybox knows is settled by the next day's file


class Fault(StrEnum):
    LOST = "lost"
    ALL_LOST = "all_lost"
    TWICE = "twice"
    FIFTY = "fifty"
    LATE = "late"
    WRONG_AMOUNT = "wrong_amount"
    CLOSED_TAB = "closed_tab"
    OUTAGE = "outage"
    SILENT = "silent"
    GUICHET = "guichet"
    WORKER = "worker"
    DATABASE = "database"
    MAIL = "mail"


PAYFIP, PAYBOX = "payfip_ws", "paybox"
PRODUCTS: dict[str, DemoProduct] = {
    PAYFIP: next(product for product in TOWN.products if product.gateway == PAYFIP),
    PAYBOX: next(product for product in TOWN.products if product.merchant and product.merchant.direct_key),
}
KILLS = {Fault.GUICHET: "guichet", Fault.WORKER: "travaux", Fault.DATABASE: "postgres"}
STAYS_AWAY = frozenset({Fault.CLOSED_TAB, Fault.ALL_LOST, Fault.LATE})  # the payer never comes back


def first_trial(gateway: str) -> str:
    """The payable reference with which a product's series of trials begins; none of its others is as great."""
    series = PRODUCTS[gateway].series
    assert series is not None
    return InvoiceReference.parse(f"{series.prefix}-{FIRST_NUMBER}").digits


@dataclass(frozen=True, kw_only=True)
class Told:
    """A fault in words."""

    title: str | Promise
    happens: str | Promise
    repair: str | Promise
    gateways: tuple[str, ...] = (PAYFIP, PAYBOX)


CATALOGUE: dict[Fault, Told] = {
    Fault.LOST: Told(
        title=_("Notification perdue"),
        happens=_("Le message du prestataire n’arrive jamais ; le payeur, lui, revient."),
        repair=_("En quelques secondes : son retour fait interroger le prestataire."),
    ),
    Fault.ALL_LOST: Told(
        title=_("Notification perdue, onglet fermé"),
        happens=_("Ni le message ni le payeur n’arrivent."),
        repair=_(
            "PayFiP : 30 à 70 secondes en général, 5 minutes au plus, REGAL l’interroge de lui-même. "
            "Paybox : une anomalie s’ouvre en quelques minutes, et la remise de la nuit, déposée ici aussitôt, règle."
        ),
    ),
    Fault.TWICE: Told(
        title=_("Notification en double"),
        happens=_("Le même message arrive deux fois."),
        repair=_("Aussitôt : un seul règlement, un seul ticket."),
    ),
    Fault.FIFTY: Told(
        title=_("La même, cinquante fois"),
        happens=_("Le même message arrive cinquante fois."),
        repair=_("Aussitôt : un seul règlement, un seul ticket."),
    ),
    Fault.LATE: Told(
        title=_("Notification en retard"),
        happens=_("Le message arrive trois quarts de minute après le paiement, onglet fermé."),
        repair=_("En moins d’une minute : PayFiP est interrogé avant ; de Paybox, le message est attendu."),
    ),
    Fault.WRONG_AMOUNT: Told(
        title=_("Faux montant"),
        happens=_("Le message annonce un autre montant que celui qui est payé."),
        repair=_("En quelques secondes : le message est écarté, seul le montant prouvé compte."),
    ),
    Fault.CLOSED_TAB: Told(
        title=_("Onglet fermé"),
        happens=_("Le payeur paie, et ferme tout sans revenir."),
        repair=_("En quelques secondes : le message du prestataire suffit."),
    ),
    Fault.OUTAGE: Told(
        title=_("Prestataire en panne"),
        happens=_("Il répond 503 aux premières questions sur le paiement."),
        repair=_("Une minute en général : REGAL espace ses questions et y revient."),
    ),
    Fault.SILENT: Told(
        title=_("Prestataire trop lent"),
        happens=_("Il laisse une question sur le paiement vingt secondes sans réponse."),
        repair=_("Une minute en général : REGAL n’attend pas plus de quinze secondes, et redemande."),
    ),
    Fault.GUICHET: Told(
        title=_("Guichet tué"),
        happens=_("Le serveur des pages est tué pendant que le payeur tape sa carte."),
        repair=_("Une minute en général : il redémarre, et ce qu’il n’a pas entendu est demandé."),
    ),
    Fault.WORKER: Told(
        title=_("Travaux tués"),
        happens=_("Le programme qui juge les messages et envoie les tickets est tué."),
        repair=_("En quelques secondes : il redémarre, et reprend ce qui était écrit."),
    ),
    Fault.DATABASE: Told(
        title=_("Base de données tuée"),
        happens=_("PostgreSQL est tué pendant que le payeur tape sa carte."),
        repair=_("Une minute en général : PostgreSQL redémarre, rien de ce qui était écrit ne manque."),
    ),
    Fault.MAIL: Told(
        title=_("Messagerie en panne"),
        happens=_("Le serveur d’e-mail refuse deux fois le ticket."),
        repair=_("En quelques secondes : le paiement est réglé, et le ticket est représenté."),
    ),
}


def rules(fault: Fault, gateway: str, *, reference: str, sender: str, recipient: str) -> list[dict[str, Any]]:
    """What to tell the sandbox (`regal_sandbox/README.md`, "Faults"): of this payment alone where it can be said.

    `reference`: the debt's for PayFiP, the payment's for Paybox. `sender`: of our tickets, the gateway sends its own.
    """
    if fault is Fault.MAIL:
        return [{"mail": "unavailable", "sender": sender, "recipient": recipient, "next": 2}]
    account = PRODUCTS[gateway].identifier
    if gateway == PAYBOX:
        if fault is Fault.OUTAGE:
            return [{"direct": "unavailable", "merchant": account, "next": 4}]
        if fault is Fault.SILENT:  # its main host, then the other
            return [{"direct": "slow", "seconds": SILENT_SECONDS, "merchant": account, "next": 2}]
        told: dict[Fault, dict[str, Any]] = {
            Fault.LOST: {"ipn": "lost"},
            Fault.ALL_LOST: {"ipn": "lost"},
            Fault.TWICE: {"ipn": "twice"},
            Fault.FIFTY: {"ipn": "twice", "copies": 49},
            Fault.LATE: {"ipn": "late", "seconds": LATE_SECONDS},
            Fault.WRONG_AMOUNT: {"ipn": "wrong_amount", "amount": "1"},
        }
        return [told[fault] | {"merchant": account, "reference": reference, "next": 1}] if fault in told else []
    asked = {"operation": "recupererDetailPaiementSecurise", "numcli": account}
    if fault is Fault.OUTAGE:
        return [asked | {"service": "unavailable", "next": 2}]
    if fault is Fault.SILENT:
        return [asked | {"service": "slow", "seconds": SILENT_SECONDS, "next": 1}]
    said: dict[Fault, dict[str, Any]] = {
        Fault.LOST: {"drop": True},
        Fault.ALL_LOST: {"drop": True},
        Fault.TWICE: {"duplicate": 1},
        Fault.FIFTY: {"duplicate": 49},
        Fault.LATE: {"delay_seconds": LATE_SECONDS},
        Fault.WRONG_AMOUNT: {"alter": {"montant": "1", "resultrans": "P", "numauto": "999999"}},
    }
    return [said[fault] | {"numcli": account, "refdet": reference, "next": 1}] if fault in said else []
