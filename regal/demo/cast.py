"""Who plays in the demonstration: two invented towns, their products, their notices, their agents."""

from dataclasses import dataclass
from datetime import date, timedelta

from regal.gateways.base import Environment
from regal.lib.money import Money
from regal.lib.references import TitreReference
from regal.people.models import Role

PASSWORD = "demonstration"  # noqa: S105 - printed on the start page
PAYER_EMAIL = "mme.leroy@example.org"
DAYS_AHEAD = 60  # notices « émis aujourd’hui » are prepared for as many days


@dataclass(frozen=True, kw_only=True)
class DemoProduct:
    slug: str
    name: str
    introduction: str
    numcli: str
    environment: Environment = Environment.PRODUCTION
    direct_debit: bool = False  # the town also joined PayFiP for prélèvement


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
class Notice:
    """One avis des sommes à payer of the demonstration."""

    numcli: str
    reference: TitreReference
    amount: Money
    label: str
    state: str  # "due" or "paid"
    taken_in_charge_on: date


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
                slug="eau",
                name="Eau et assainissement",
                introduction="Les factures d’eau qui portent un numéro de titre.",
                numcli="350002",
                direct_debit=True,
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
        titre_numbers=range(412, 424),
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
        ),
        agents=(DemoAgent(identifier="marc", display_name="Marc", role=Role.AGENT),),
        titre_numbers=range(71, 83),
        amounts_cents=(6_200, 45_000, 2_380),
        label="Location de la salle des fêtes",
    ),
)
OPERATOR = "exploitant"


def notices(town: DemoTown, today: date) -> list[Notice]:
    """Every notice that PayFiP's copy knows for a town: some payable, one paid, and one issued on each coming day."""
    return [notice for product in town.products for notice in _notices_of(town, product, today)]


def _notices_of(town: DemoTown, product: DemoProduct, today: date) -> list[Notice]:
    if product.environment is not Environment.PRODUCTION:
        return []  # a test account knows PayFiP's reserved reference only

    def notice(number: int, cents: int, state: str, day: date) -> Notice:
        return Notice(
            numcli=product.numcli,
            reference=TitreReference(exercice=day.year, titre=number, ligne=1),
            amount=Money(cents),
            label=town.label,
            state=state,
            taken_in_charge_on=day,
        )

    amounts = town.amounts_cents
    last_week = today - timedelta(days=7)
    payable = [notice(n, amounts[i % len(amounts)], "due", last_week) for i, n in enumerate(town.titre_numbers)]
    paid = notice(town.titre_numbers.start - 14, amounts[-1], "paid", today - timedelta(days=30))
    coming = [today + timedelta(days=ahead) for ahead in range(DAYS_AHEAD)]
    issued = [notice(9000 + day.timetuple().tm_yday, amounts[1], "due", day) for day in coming]
    return [*payable, paid, *issued]
