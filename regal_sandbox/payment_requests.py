"""Reading and checking what the payer's browser brings to `paiement.web` or types on `accueilportail.web`, and what a
client asks of the web service.

The order of the checks is plausible, not known, with two fixed points: the debt is looked for before its amount is
compared, and `mel` is checked before the amount's upper bound (recorded on the web service).
"""

import re
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from regal_sandbox.clients import PRODUCTION, SERVICE_PRODUCTION, Client, find_client, is_numcli
from regal_sandbox.debts import Debt, find_debt, paid_before
from regal_sandbox.references import (
    SHORT_TEST_REFDET_ROLE,
    TEST_EXER,
    TEST_REFDET_ROLE,
    TEST_REFDET_TITRE,
    is_refdet,
    read_reference,
)
from regal_sandbox.settings import Settings

PARAMETERS = ("numcli", "exer", "refdet", "objet", "montant", "mel", "urlcl", "saisie")
SAISIES = ("T", "X", *PRODUCTION)
SERVICE_PARAMETERS = ("exer", "mel", "montant", "numcli", "objet", "refdet", "saisie", "urlnotif", "urlredirect")
SERVICE_SAISIES = ("T", "X", SERVICE_PRODUCTION)

_EXER = re.compile(r"[0-9]{4}")
_OBJET = re.compile(r"[A-Za-z0-9 ]{0,100}")
_CENTS = re.compile(r"[0-9]{1,11}")
_MEL = re.compile(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")  # printable ASCII, one @, a domain with a dot
_URL_CHARACTERS = re.compile(r"[!-~]+")


class Refused(Exception):
    """The request is turned away; `rule` is a key of `rules.RULES`."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, kw_only=True)
class PaymentRequest:
    """A request that passed every check."""

    client: Client
    exer: str
    refdet: str
    objet: str
    montant: int  # cents
    mel: str
    urlcl: str
    saisie: str
    debt: Debt | None  # None: a reserved test reference, or a régie's free one
    urlredirect: str = ""  # of the web service, whose `urlnotif` is `urlcl` here


def check_request(
    parameters: Mapping[str, str], *, db: sqlite3.Connection, settings: Settings, today: date
) -> PaymentRequest:
    """Raises Refused with the first rule that is broken. Unknown parameters are ignored."""
    told = {name: parameters.get(name, "") for name in PARAMETERS}
    if told["saisie"] not in SAISIES:
        raise Refused("saisie_invalid")
    client = _known_client(told["numcli"], db=db)
    _check_open(client, told["saisie"], today=today)
    montant, debt = _check_payment(told, client=client, db=db, settings=settings, today=today)
    if told["urlcl"] and not is_web_address(told["urlcl"]):
        raise Refused("urlcl_invalid")
    return PaymentRequest(
        client=client,
        exer=told["exer"],
        refdet=told["refdet"],
        objet=told["objet"],
        montant=montant,
        mel=told["mel"],
        urlcl=told["urlcl"],
        saisie=told["saisie"],
        debt=debt,
    )


def check_service_request(
    parameters: Mapping[str, str], *, db: sqlite3.Connection, settings: Settings, today: date
) -> PaymentRequest:
    """What `creerPaiementSecurise` asks. Raises Refused as above; only régies have the right to the web service."""
    told = {name: parameters.get(name, "") for name in SERVICE_PARAMETERS}
    if told["saisie"] not in SERVICE_SAISIES:
        raise Refused("saisie_invalid")
    client = _known_client(told["numcli"], db=db)
    if not client.options.web_service:
        raise Refused("web_service_not_allowed")
    _check_open(client, told["saisie"], today=today)
    montant, debt = _check_payment(told, client=client, db=db, settings=settings, today=today)
    if told["urlnotif"] and not is_web_address(told["urlnotif"]):
        raise Refused("urlnotif_invalid")
    if told["urlredirect"] and not is_web_address(told["urlredirect"]):
        raise Refused("urlredirect_invalid")
    if settings.urlredirect_required and not told["urlredirect"]:
        raise Refused("urlredirect_invalid")
    return PaymentRequest(
        client=client,
        exer=told["exer"],
        refdet=told["refdet"],
        objet=told["objet"],
        montant=montant,
        mel=told["mel"],
        urlcl=told["urlnotif"],
        saisie=told["saisie"],
        debt=debt,
        urlredirect=told["urlredirect"],
    )


def _check_payment(
    told: Mapping[str, str], *, client: Client, db: sqlite3.Connection, settings: Settings, today: date
) -> tuple[int, Debt | None]:
    """What both ways in check alike, from `exer` to `objet`: the amount in cents, and the debt if there is one."""
    _check_exer(told["exer"], kind=client.kind)
    _check_refdet(told["refdet"], kind=client.kind, settings=settings)
    debt = _look_up_debt(told, client=client, db=db, settings=settings, today=today)
    if _CENTS.fullmatch(told["montant"]) is None:
        raise Refused("montant_invalid")
    _check_mel(told["mel"])
    montant = int(told["montant"])
    _check_bounds(montant, client=client, settings=settings)
    if not client.offers(told["saisie"], today, montant=montant):
        raise Refused("montant_too_large")
    if debt is not None and montant != debt.montant:
        raise Refused("montant_differs")
    if _OBJET.fullmatch(told["objet"]) is None:
        raise Refused("objet_invalid")
    return montant, debt


def is_payable(debt: Debt, *, db: sqlite3.Connection, settings: Settings, today: date) -> bool:
    """Whether a request for that debt, without other mistake, would be accepted under some `saisie`."""
    told = {"numcli": debt.numcli, "exer": debt.exer, "refdet": debt.refdet, "montant": str(debt.montant)}
    for saisie in SAISIES:
        with suppress(Refused):
            check_request(told | {"mel": "payeur@exemple.fr", "saisie": saisie}, db=db, settings=settings, today=today)
            return True
    return False


def _known_client(numcli: str, *, db: sqlite3.Connection) -> Client:
    if not is_numcli(numcli):
        raise Refused("numcli_invalid")
    client = find_client(db, numcli)
    if client is None:
        raise Refused("numcli_unknown")
    return client


def _check_open(client: Client, saisie: str, *, today: date) -> None:
    if client.phase == "closed":
        raise Refused("client_closed")
    if not client.offers(saisie, today):
        raise Refused("client_not_active")


def _check_exer(exer: str, *, kind: str) -> None:
    if kind == "regie" and not exer:
        return
    if _EXER.fullmatch(exer) is None:
        raise Refused("exer_invalid")


def _check_refdet(refdet: str, *, kind: str, settings: Settings) -> None:
    if not is_refdet(refdet, min_length=settings.min_refdet_length):
        raise Refused("refdet_invalid")
    if kind != "regie" and read_reference(refdet, kind) is None:
        raise Refused("refdet_invalid")


def _is_reserved(told: Mapping[str, str], *, kind: str, settings: Settings) -> bool:
    reserved = {TEST_REFDET_TITRE} if kind == "titre" else {TEST_REFDET_ROLE}
    if kind == "role" and settings.short_test_role_refdet:
        reserved.add(SHORT_TEST_REFDET_ROLE)
    return told["saisie"] == "T" and told["exer"] == TEST_EXER and told["refdet"] in reserved


def _look_up_debt(
    told: Mapping[str, str], *, client: Client, db: sqlite3.Connection, settings: Settings, today: date
) -> Debt | None:
    """The debt the request is about; None when PayFiP needs no debt to accept it."""
    if client.kind == "regie":
        if (
            told["saisie"] != "T"
            and client.options.refuse_paid_refdet
            and paid_before(db, client.numcli, told["refdet"])
        ):
            raise Refused("debt_paid")
        return None
    if _is_reserved(told, kind=client.kind, settings=settings):
        return None
    debt = find_debt(db, client.numcli, told["refdet"])
    if debt is None or debt.exer != told["exer"]:
        raise Refused("debt_unknown")
    if told["saisie"] == "T" and not client.options.test_debts:
        raise Refused("test_on_debt")
    obstacle = debt.obstacle(today)
    if obstacle is not None:
        raise Refused(obstacle)
    return debt


def _check_mel(mel: str) -> None:
    if not mel:
        raise Refused("mel_missing")
    if not 6 <= len(mel) <= 80 or _MEL.fullmatch(mel) is None or set(mel) & set(';,<>()[]"\\'):
        raise Refused("mel_invalid")


def _check_bounds(montant: int, *, client: Client, settings: Settings) -> None:
    ceiling = min(settings.max_cents, client.options.max_cents or settings.max_cents)
    if montant < settings.min_cents:
        raise Refused("montant_too_small")
    if montant > ceiling:
        raise Refused("montant_too_large")


def is_web_address(url: str) -> bool:
    """An absolute http or https address of at most 250 characters, already decoded."""
    if len(url) > 250 or _URL_CHARACTERS.fullmatch(url) is None:
        return False
    try:
        parts = urlsplit(url)
        port_is_sound = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port_is_sound
