"""What payers of the comptable's debts may be told: pages as the guichet makes them, of a year that no other pays."""

from datetime import datetime

from django.conf import settings

from regal.collectivites.models import Collectivite, Product
from regal.demo.cast import PAYER_EMAIL, TOWNS
from regal.lib import paris
from regal.lib.tenancy import tenant
from regal.people.models import User
from regal.reconciliation import operations as reconciliation
from regal.titres.links import link_token
from regal.titres.models import Titre
from tests.cast import Town, make_comptable_titre
from tests.files import Paid, pes
from tests.sites import GuichetClient

YEAR = 2019
SAID: dict[str, dict[str, object]] = {
    "settled": {"cents": 12_550},
    "not due": {"cents": 0, "piece": "05", "line": "02"},
    "in part": {"cents": 2_550, "line": "04"},
    "open": {"cents": 0, "line": "04"},
}


def write(*, now: datetime) -> dict[str, object]:
    """Titres of the comptable, a file that says where they stand, and what the form says of each."""
    town = Collectivite.objects.get(slug=TOWNS[0].slug)
    with tenant(town):
        product = Product.objects.of(town).select_related("account__budget", "collectivite").get(slug="titres")
    nadia = User.objects.get(identifier="nadia")
    somebody = Town(collectivite=town, account=product.account, product=product, agent=nadia)
    titres = {
        name: make_comptable_titre(somebody, reference=f"{YEAR}{number:08d}000001", now=now)
        for number, name in enumerate(SAID, start=1)
    }
    today = paris.today(now)
    paid = [Paid(reference=titres[name].reference, origin="02", day=today, **told) for name, told in SAID.items()]  # type: ignore[arg-type]
    with tenant(town):
        file = reconciliation.deposit(
            collectivite=town,
            content=pes(paid, siret=TOWNS[0].siret, made_on=today),
            name="PES2R.xml",
            account_identifier="",
            actor_id=nadia.pk,
            now=now,
        )
        reconciliation.confirm(
            collectivite=town, file_id=file.pk, covers_from=today, covers_to=today, actor_id=nadia.pk, now=now
        )
        reconciliation.confirm_file(town.pk, file.pk, now)
    guichet = GuichetClient(headers={"host": settings.ALLOWED_HOSTS[0].lstrip(".") or "localhost"})
    pages: dict[str, dict[str, str]] = {}
    for language, prefix in (("fr", ""), ("en", "/en")):
        form = f"{prefix}/{town.slug}/titres/"
        typed = {name: _typed(titre) for name, titre in titres.items() if name != "open"}
        typed["differs"] = _typed(titres["open"]) | {"amount": "1,00"}
        pages[language] = {name: guichet.post(form, fields).content.decode() for name, fields in typed.items()}
    return {
        "pages": pages,
        "link": f"/{town.slug}/avis/{link_token(titres['open'])}/",
        "titres": {name: titre.pk for name, titre in titres.items()},
        "file": file.pk,
    }


def _typed(titre: Titre) -> dict[str, str]:
    return {
        "exercice": f"{titre.exercice}",
        "titre": titre.number,
        "ligne": f"{titre.line}",
        "amount": "125,50",
        "email": PAYER_EMAIL,
    }
