"""Who plays in the demonstration: two invented towns, their products, their notices, their agents."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.demo.files import rents
from regal.gateways.base import DebtKind, Environment
from regal.gateways.paybox.account import PUBLISHED_TEST_PASSWORD
from regal.lib.money import Money
from regal.lib.references import DebtReference, InvoiceReference, OrmcReference, TitreReference
from regal.people.models import Role
from regal.titres.states import State

PASSWORD = "demonstration"  # noqa: S105 - printed on the start page
PAYER_EMAIL = "mme.leroy@example.org"
RESTAURANT_INVOICE = _("Une facture du restaurant")
DAYS_AHEAD = 60  # notices « émis aujourd’hui » are prepared for as many days


@dataclass(frozen=True, kw_only=True)
class Series:
    """The invoices of one régie, which stand in our own base: so many of something, at one price."""

    prefix: str
    count: int
    price: Money
    label: str  # with {number}
    in_each_state: bool = False  # not only invoices to pay
    title: str | Promise = RESTAURANT_INVOICE  # of the example on the start page


@dataclass(frozen=True, kw_only=True)
class Merchant:
    """A card contract at Paybox: what the bank gave the régie."""

    site: str
    rank: str
    identifier: str
    direct_key: str = ""  # "": the contract has no Paybox Direct, and nobody can ask

    @property
    def account_identifier(self) -> str:
        return f"{self.site}-{self.rank}-{self.identifier}"

    @property
    def hmac_key(self) -> str:
        """Of nobody but this demonstration's sandbox."""
        return hashlib.sha512(f"demonstration {self.account_identifier}".encode()).hexdigest().upper()


@dataclass(frozen=True, kw_only=True)
class DemoProduct:
    slug: str
    name: str
    introduction: str
    numcli: str = ""  # at PayFiP
    merchant: Merchant | None = None  # at Paybox
    series: Series | None = None
    year: bool = False  # of invoices, imported month after month (`year.py`)
    source: str = ""  # whence files of its invoices come, where one waits to be imported (`files.canteen`)
    rents: bool = False  # imported from finance software; the comptable collects them
    kind: DebtKind = DebtKind.TITRE
    gateway: str = "payfip_url"
    regie: tuple[str, str] | None = None  # name and number
    several_at_once: bool = False  # the régie lets a payer pay several of its debts together
    environment: Environment = Environment.PRODUCTION
    reference_form: Mapping[str, object] = field(default_factory=dict)
    amounts: tuple[Money, Money] | None = None  # the least and the greatest
    direct_debit: bool = False  # the town also joined PayFiP for prélèvement
    transfer: bool = False  # and for virement

    @property
    def has_titres(self) -> bool:
        """Whether its debts stand in our own base: neither PayFiP's web service nor Paybox knows any."""
        return self.series is not None or self.year

    @property
    def identifier(self) -> str:
        """The number of its contract, wherever it is."""
        return self.merchant.account_identifier if self.merchant else self.numcli

    @property
    def is_notified_in_back_office(self) -> bool:
        """Whether Paybox calls the account's own address: nobody can ask it what became of a payment."""
        return self.merchant is not None and not self.merchant.direct_key


@dataclass(frozen=True, kw_only=True)
class DemoAgent:
    identifier: str
    display_name: str
    role: Role


@dataclass(frozen=True, kw_only=True)
class DemoTown:
    slug: str
    name: str
    siret: str
    contact: str
    tagline: str
    look: str
    main_colour: str
    accent_colour: str
    address: str
    hours: str
    news: tuple[tuple[str, str, str], ...]
    products: tuple[DemoProduct, ...]
    agents: tuple[DemoAgent, ...]
    titre_numbers: range
    amounts_cents: tuple[int, ...]
    label: str


@dataclass(frozen=True, kw_only=True)
class Invoice:
    """One invoice of our own base of titres."""

    number: str
    label: str
    debtor: str
    amount: Money
    issued_on: date
    due_on: date
    state: State  # what the régie made of it
    reason: str = ""

    @property
    def reference(self) -> InvoiceReference:
        """What its payer types, without separators."""
        return InvoiceReference.parse(self.number)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One document to pay of the demonstration."""

    numcli: str  # of the contract that takes it
    reference: DebtReference
    amount: Money
    label: str
    state: str  # "due" or "paid"; of our own base also "suspended", "cancelled", "transferred"
    taken_in_charge_on: date


RESTAURANT = Series(
    prefix="RS", count=30, price=Money(420), label="Restaurant scolaire, {number} repas", in_each_state=True
)
TOWNS = (
    DemoTown(
        slug="saint-aubin",
        name="Saint-Aubin",
        siret="21350999500014",
        contact="Service des finances de Saint-Aubin, du lundi au vendredi de 9 h à 12 h, 02 99 00 00 01",
        tagline="Au fil de la rivière",
        look="riviere",
        main_colour="#0b5563",
        accent_colour="#f2b544",
        address="1, place de la Mairie, 35999 Saint-Aubin",
        hours="Du lundi au vendredi, de 9 h à 12 h et de 14 h à 17 h",
        news=(
            ("La passerelle des Lavandières rouvre", "12 mars", "Les travaux sont finis ; merci de votre patience."),
            ("Inscriptions à l’école de musique", "3 mars", "Les dossiers sont à retirer à l’accueil de la mairie."),
        ),
        products=(
            DemoProduct(
                slug="titres",
                name="Avis des sommes à payer",
                introduction="Cantine, garderie, loyers, concessions : tout ce qui porte un numéro de titre.",
                numcli="350001",
            ),
            DemoProduct(
                slug="eau-assainissement",
                name="Eau et assainissement",
                introduction="Les factures d’eau, qui portent une référence de rôle.",
                numcli="350004",
                kind=DebtKind.ORMC,
                reference_form={"code": "EA", "number_name": "N° de dette", "number_digits": 9},
                direct_debit=True,
            ),
            DemoProduct(
                slug="cantine",
                name="Cantine et garderie",
                introduction="Les factures de la régie périscolaire.",
                numcli="350005",
                kind=DebtKind.REGIE,
                regie=("Régie périscolaire", "12"),
                reference_form={"pattern": "FC2026-#{6}", "number_name": "N° de facture"},
                amounts=(Money(100), Money(60_000)),
            ),
            DemoProduct(
                slug="restaurant-scolaire",
                name="Restaurant scolaire",
                introduction="Les factures de repas, que la régie du restaurant tient elle-même.",
                numcli="350006",
                kind=DebtKind.REGIE,
                gateway="payfip_ws",
                series=RESTAURANT,
                regie=("Régie du restaurant scolaire", "13"),
                several_at_once=True,
                reference_form={"pattern": "RS-#{6}", "number_name": "N° de facture"},
                amounts=(Money(100), Money(60_000)),
                direct_debit=True,
                transfer=True,
            ),
            DemoProduct(
                slug="periscolaire",
                name="Accueil périscolaire",
                introduction="Cantine, garderie, centre de loisirs : une facture par mois, payable en plusieurs fois.",
                numcli="350008",
                kind=DebtKind.REGIE,
                gateway="payfip_ws",
                year=True,
                regie=("Régie de l’accueil périscolaire", "14"),
                several_at_once=True,
                reference_form={"pattern": "AP-#{6}", "number_name": "N° de facture"},
                amounts=(Money(100), Money(60_000)),
            ),
            DemoProduct(
                slug="loyers",
                name="Loyers communaux",
                introduction="Les loyers des logements de la commune, que le comptable public encaisse.",
                numcli="350009",
                rents=True,
            ),
            DemoProduct(
                slug="essai",
                name="Essai de paiement",
                introduction="Un produit en test : aucun argent n’est débité.",
                numcli="350003",
                environment=Environment.TEST,
            ),
        ),
        agents=(
            DemoAgent(identifier="nadia", display_name="Nadia", role=Role.REGISSEUR),
            DemoAgent(identifier="paul", display_name="Paul", role=Role.ADMINISTRATOR),
        ),
        titre_numbers=range(412, 448),
        amounts_cents=(12_550, 4_820, 31_000, 8_745),
        label="Restauration scolaire",
    ),
    DemoTown(
        slug="val-de-l-orne",
        name="Val-de-l’Orne",
        siret="21610999100010",
        contact="Mairie de Val-de-l’Orne, le mardi et le jeudi de 9 h à 12 h, 02 33 00 00 02",
        tagline="Un village dans les collines",
        look="colline",
        main_colour="#6b2d3c",
        accent_colour="#c9d26a",
        address="Le Bourg, 61999 Val-de-l’Orne",
        hours="Le mardi et le jeudi, de 9 h à 12 h",
        news=(("Fête de la Saint-Jean", "20 juin", "Rendez-vous à 19 h au stade : repas, bal et feu de joie."),),
        products=(
            DemoProduct(
                slug="titres",
                name="Avis des sommes à payer",
                introduction="Loyers, bois de chauffage, concessions.",
                numcli="610001",
            ),
            DemoProduct(
                slug="multi-accueil",
                name="Multi-accueil",
                introduction="Les factures de garde des tout-petits, par carte bancaire.",
                merchant=Merchant(site="2718281", rank="01", identifier="314159265", direct_key="ORNE2026"),
                series=Series(prefix="MA", count=20, price=Money(185), label="Multi-accueil, {number} heures de garde"),
                kind=DebtKind.REGIE,
                gateway="paybox",
                regie=("Régie du multi-accueil", "21"),
                several_at_once=True,
                reference_form={"pattern": "MA-#{6}", "number_name": "N° de facture"},
                amounts=(Money(100), Money(60_000)),
            ),
            DemoProduct(
                slug="salle-des-fetes",
                name="Salle des fêtes",
                introduction="La location de la salle, par carte bancaire.",
                merchant=Merchant(site="2718281", rank="02", identifier="314159266"),
                series=Series(prefix="SF", count=8, price=Money(2_500), label="Salle des fêtes, {number} heures"),
                kind=DebtKind.REGIE,
                gateway="paybox",
                regie=("Régie de la salle des fêtes", "22"),
                reference_form={"pattern": "SF-#{6}", "number_name": "N° de facture"},
                amounts=(Money(100), Money(60_000)),
            ),
            DemoProduct(
                slug="cantine",
                name="Cantine",
                introduction="Les factures de repas de l’école, que la régie de la cantine tient elle-même.",
                numcli="610002",
                kind=DebtKind.REGIE,
                gateway="payfip_ws",
                series=Series(
                    prefix="CT",
                    count=12,
                    price=Money(395),
                    label="Cantine, {number} repas",
                    title=_("Une facture de cantine"),
                ),
                source="Logiciel de la cantine",
                regie=("Régie de la cantine", "23"),
                reference_form={"pattern": "CT-#{6}", "number_name": "N° de facture"},
                amounts=(Money(100), Money(60_000)),
            ),
        ),
        agents=(
            DemoAgent(identifier="marc", display_name="Marc", role=Role.AGENT),
            DemoAgent(identifier="lucie", display_name="Lucie", role=Role.REGISSEUR),
            DemoAgent(identifier="hugo", display_name="Hugo", role=Role.ADMINISTRATOR),
        ),
        titre_numbers=range(71, 83),
        amounts_cents=(6_200, 45_000, 2_380),
        label="Location de la salle des fêtes",
    ),
)
TO_CONNECT = {  # a régie's client that PayFiP knows, and that Saint-Aubin has still to connect
    "numcli": "350007",
    "kind": "regie",
    "labels": ["REGIE MEDIATHEQUE", "COMMUNE DE SAINT AUBIN", "CULTURE"],
    "siret": TOWNS[0].siret,
    "phase": "test",
    "options": {"web_service": True},
}
PUBLISHED_MERCHANTS = (  # those of Paybox's test platform: the page that adds a contract names the first
    Merchant(site="1999888", rank="32", identifier="107904482", direct_key=PUBLISHED_TEST_PASSWORD),
    Merchant(site="1999888", rank="63", identifier="109518543", direct_key=PUBLISHED_TEST_PASSWORD),  # Direct
)
OPERATOR = "exploitant"


FAMILIES = ("Mme Leroy", "M. Benali", "Mme Kerouanton", "M. et Mme Da Silva", "Mme Nguyen", "M. Petitjean")
DECIDED = {  # among the open invoices, one in each other state
    7: (State.SUSPENDED, "La famille conteste deux repas, vérification avec l’école"),
    13: (State.CANCELLED, "Facture établie deux fois par erreur"),
    19: (State.TRANSFERRED, "Impayée après deux relances"),
}


def invoices(today: date, series: Series = RESTAURANT) -> list[Invoice]:
    """The invoices of a series, the school restaurant's unless said."""
    issued_on = today - timedelta(days=10)
    found = []
    for place in range(series.count):
        number = 9 + place * 7 % 13
        state, reason = DECIDED.get(place, (State.OPEN, "")) if series.in_each_state else (State.OPEN, "")
        found.append(
            Invoice(
                number=f"{series.prefix}-{place + 101:06d}",
                label=series.label.format(number=number),
                debtor=FAMILIES[place % len(FAMILIES)],
                amount=sum([series.price] * number, Money.zero),
                issued_on=issued_on,
                due_on=issued_on + timedelta(days=30),
                state=state,
                reason=reason,
            )
        )
    return found


def notices(town: DemoTown, today: date) -> list[Notice]:
    """Every document of a town that can be paid, or cannot any more or not yet, as its residents hold them."""
    return [notice for product in town.products for notice in _notices_of(town, product, today)]


def _notices_of(town: DemoTown, product: DemoProduct, today: date) -> list[Notice]:
    """Some payable, one paid, one issued on each coming day; of a régie, payable ones only."""
    if product.environment is not Environment.PRODUCTION:
        return []  # a test account knows PayFiP's reserved reference only
    if product.year:
        return []  # nobody but the régie knows its debts
    if product.rents:
        return [
            Notice(
                numcli=product.numcli,
                reference=TitreReference(exercice=rent.issued_on.year, titre=rent.number, ligne=1),
                amount=rent.amount if rent.state == "settled" else rent.amount - rent.received,
                label="Loyer",
                state="paid" if rent.state == "settled" else "due",
                taken_in_charge_on=rent.issued_on,
            )
            for rent in reversed(rents(today))
        ]
    if product.series is not None:
        return [
            Notice(
                numcli=product.identifier,
                reference=invoice.reference,
                amount=invoice.amount,
                label=invoice.label,
                state="due" if invoice.state is State.OPEN else invoice.state.value,
                taken_in_charge_on=invoice.issued_on,
            )
            for invoice in invoices(today, product.series)
        ]

    def notice(number: int, cents: int, state: str, day: date) -> Notice:
        return Notice(
            numcli=product.numcli,
            reference=_reference(product, number, day),
            amount=Money(cents),
            label=town.label if product.kind is DebtKind.TITRE else product.name,
            state=state,
            taken_in_charge_on=day,
        )

    amounts = town.amounts_cents
    last_week = today - timedelta(days=7)
    payable = [notice(n, amounts[i % len(amounts)], "due", last_week) for i, n in enumerate(town.titre_numbers)]
    if product.kind is DebtKind.REGIE:
        return payable
    paid = notice(town.titre_numbers.start - 14, amounts[-1], "paid", today - timedelta(days=30))
    coming = [today + timedelta(days=ahead) for ahead in range(DAYS_AHEAD)]
    issued = [notice(9000 + day.timetuple().tm_yday, amounts[1], "due", day) for day in coming]
    return [*payable, paid, *issued]


def _reference(product: DemoProduct, number: int, day: date) -> DebtReference:
    if product.kind is DebtKind.TITRE:
        return TitreReference(exercice=day.year, titre=number, ligne=1)
    if product.kind is DebtKind.ORMC:
        return OrmcReference(exercice=day.year, code="EA", period="00", number=f"{number:09d}")
    return InvoiceReference(f"FC2026{number:06d}")
