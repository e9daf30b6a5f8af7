"""The demonstration's data: written in our base, handed to the sandbox, and shown on the start page."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.templatetags.static import static
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from regal.backoffice import administration
from regal.backoffice.paybox import address_of
from regal.checkout.forms import FORMS
from regal.collectivites.models import Collectivite, GatewayAccount, Product
from regal.demo.cast import (
    OPERATOR,
    PASSWORD,
    PAYER_EMAIL,
    PUBLISHED_MERCHANTS,
    TO_CONNECT,
    TOWNS,
    DemoProduct,
    DemoTown,
    Invoice,
    Merchant,
    Notice,
    Series,
    invoices,
    notices,
)
from regal.demo.environment import var_folder
from regal.demo.logos import logo_of
from regal.demo.year import SOURCE, Year, write_rents
from regal.gateways.base import DebtKind, Environment
from regal.gateways.paybox.signature import PUBLISHED_TEST_KEY
from regal.lib import paris, tokens
from regal.lib.money import Money
from regal.lib.references import InvoiceReference, TitreReference
from regal.lib.tenancy import tenant
from regal.lib.vault import Secret
from regal.payments.queries import paid_of
from regal.people.models import Role, User
from regal.titres import imports
from regal.titres import operations as titres
from regal.titres.models import Collector, ImportSource, Titre
from regal.titres.queries import amount_due
from regal.titres.states import State

logger = logging.getLogger("regal.demo")

IMPORTER = TOWNS[0].agents[0].identifier  # the régisseuse, who also deposits the finance department's files
SAMPLE = "s/demonstration/factures.csv"  # where the file to deposit is
SANDBOX_SECONDS = 2.0
SANDBOX_KINDS = {DebtKind.TITRE: "titre", DebtKind.ORMC: "role", DebtKind.REGIE: "regie"}


def load(*, now: datetime) -> None:
    """Write what is missing of the demonstration, and the sandbox's configuration of today. Run it at each start."""
    for town, site_url in zip(TOWNS, settings.TOWN_URLS, strict=True):
        collectivite = Collectivite.objects.filter(slug=town.slug).first()
        if collectivite is None:
            collectivite = _write_town(town, site_url=site_url, now=now)
        _write_agents(town, collectivite, now=now)
        _write_products(town, collectivite, now=now)
    if not User.objects.filter(identifier=OPERATOR).exists():
        administration.create_operator(
            identifier=OPERATOR, email=f"{OPERATOR}@example.org", password=PASSWORD, is_demo=True, now=now
        )
    told = sandbox_configuration(today=paris.today(now), notified=_addresses_at_paybox())
    configuration = json.dumps(told, ensure_ascii=False, indent=1)
    sandbox_configuration_file().write_text(configuration, encoding="utf-8")


def sandbox_configuration_file() -> Path:
    """Where the sandbox reads what it plays."""
    return var_folder() / "sandbox.json"


def sandbox_configuration(*, today: date, notified: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The clients, debts, town sites and settings of the sandbox (`regal_sandbox/README.md`, "Configuration file").

    `notified`: by account, the address of ours that stands in Paybox's back office.
    """
    addresses = notified or {}
    return {
        "clients": [
            {
                "numcli": product.numcli,
                "kind": SANDBOX_KINDS[product.kind],
                "labels": [product.name, town.name, "Commune"],
                "siret": town.siret,
                "phase": "test" if product.environment == "test" else "active",
                **({"direct_debit": {"phase": "active"}} if product.direct_debit else {}),
                **({"transfer": {"phase": "active"}} if product.transfer else {}),
                **({"options": {"web_service": True}} if product.has_titres else {}),
            }
            for town in TOWNS
            for product in town.products
            if product.numcli
        ]
        + [TO_CONNECT],
        "merchants": [
            _merchant(product.merchant, f"{product.name} {town.name}", addresses.get(product.identifier, ""))
            for town in TOWNS
            for product in town.products
            if product.merchant is not None
        ]
        + [_published(merchant) for merchant in PUBLISHED_MERCHANTS],
        "debts": [
            _debt(notice)
            for town in TOWNS
            for notice in notices(town, today)
            if not isinstance(notice.reference, InvoiceReference)  # nobody but a régie knows its debts
        ]
        + [_debt(notice) for notice in activation_notices(today)],
        "towns": [
            {
                "name": town.name,
                "tagline": town.tagline,
                "look": town.look,
                "main_colour": town.main_colour,
                "accent_colour": town.accent_colour,
                "address": town.address,
                "hours": town.hours,
                "news": [{"title": title, "date": when, "text": text} for title, when, text in town.news],
                "products": [
                    {
                        "title": product.name,
                        "url": f"{settings.GUICHET_URL}/{town.slug}/{product.slug}/",
                        "intro": product.introduction,
                    }
                    for product in town.products
                ],
                # The second site does without: what the frame holds must be reached either way.
                "script": f"{settings.GUICHET_URL}{static('regal/frame.js')}" if town is TOWNS[0] else "",
            }
            for town in TOWNS
        ],
        "settings": {"next_day_button": True, "three_d_secure": True},
    }


def _merchant(merchant: Merchant, name: str, notified: str = "") -> dict[str, Any]:
    return {
        "site": merchant.site,
        "rank": int(merchant.rank),
        "identifier": merchant.identifier,
        "hmac_key": merchant.hmac_key,
        "direct_key": merchant.direct_key,
        "mode": "production",
        "name": name,
        "options": {"direct": bool(merchant.direct_key)},
        **({"addresses": {"notified": notified}} if notified else {}),
    }


def _addresses_at_paybox() -> dict[str, str]:
    """Of the accounts that nobody can ask: what comes there settles, provisionally."""
    found = {}
    for collectivite in Collectivite.objects.filter(slug__in=[town.slug for town in TOWNS]):
        with tenant(collectivite):
            for account in GatewayAccount.objects.of(collectivite).filter(options__notified_in_back_office=True):
                found[account.identifier] = address_of(account)
    return found


def _published(merchant: Merchant) -> dict[str, Any]:
    """As Paybox's own test platform knows it, so that a trial of the contract that we recommend works here too."""
    return _merchant(merchant, "Commerce d’essai") | {"mode": "test", "hmac_key": PUBLISHED_TEST_KEY}


def activation_notices(today: date) -> list[Notice]:
    """What can be paid to activate a contract that is still in test, which has no other real debt."""
    return [
        Notice(
            numcli=product.numcli,
            reference=TitreReference(exercice=today.year, titre=801, ligne=1),
            amount=Money(1_250),
            label=product.name,
            state="due",
            taken_in_charge_on=today - timedelta(days=7),
        )
        for town in TOWNS
        for product in town.products
        if product.environment is Environment.TEST and product.kind is DebtKind.TITRE
    ]


def doors() -> list[tuple[str, str, str]]:
    """(label, address, note) of everything one can open, and the demo accounts."""
    mailbox = f"{settings.SANDBOX_URL}/boite/"
    agents = [f"{agent.identifier} / {PASSWORD} ({town.name})" for town in TOWNS for agent in town.agents]
    return [
        (_("Page de départ"), f"{settings.GUICHET_URL}/", "les avis d’exemple et quoi taper"),
        *(
            (_("Site de %(name)s") % {"name": town.name}, f"{url}/", "où le payeur commence")
            for town, url in zip(TOWNS, settings.TOWN_URLS, strict=True)
        ),
        (_("Bureau"), f"{settings.BUREAU_URL}/", f"{', '.join(agents)} ; exploitant : {OPERATOR} / {PASSWORD}"),
        (_("Boîte aux lettres"), mailbox, "les courriels envoyés"),
        (_("Bac à sable"), f"{settings.SANDBOX_URL}/", "PayFiP et Paybox pour de faux"),
    ]


def start_page(*, now: datetime) -> dict[str, Any]:
    """What the start page shows: doors, accounts, and three notices per town, as the sandbox knows them."""
    today = paris.today(now)
    return {
        "import_source": SOURCE,
        "import_file": f"/{SAMPLE}",
        "importer": IMPORTER,
        "doors": [{"label": label, "url": url, "note": note} for label, url, note in doors()],
        "accounts": [
            *(
                {
                    "identifier": agent.identifier,
                    "password": PASSWORD,
                    "role": Role(agent.role).label,
                    "town": town.name,
                }
                for town in TOWNS
                for agent in town.agents
            ),
            {"identifier": OPERATOR, "password": PASSWORD, "role": _("exploitant"), "town": ""},
        ],
        "towns": [
            {
                "name": town.name,
                "site_url": f"{site_url}/",
                "guichet_url": f"{settings.GUICHET_URL}/{town.slug}/{town.products[0].slug}/",
                "notices": _examples(town, today),
            }
            for town, site_url in zip(TOWNS, settings.TOWN_URLS, strict=True)
        ],
    }


def _write_town(town: DemoTown, *, site_url: str, now: datetime) -> Collectivite:
    collectivite = administration.create_collectivite(
        slug=town.slug, name=town.name, siret=town.siret, site_url=f"{site_url}/", contact=town.contact, now=now
    )
    administration.set_look(
        collectivite=collectivite,
        main_colour=town.main_colour,
        accent_colour=town.accent_colour,
        logo=logo_of(town),
        now=now,
    )
    for origin in (site_url, site_url.replace("localhost", "127.0.0.1")):
        administration.allow_origin(collectivite=collectivite, origin=origin, now=now)
    return collectivite


def _write_agents(town: DemoTown, collectivite: Collectivite, *, now: datetime) -> None:
    """Who is missing: a demonstration kept from an older version gains the new ones."""
    for agent in town.agents:
        if User.objects.filter(identifier=agent.identifier).exists():
            continue
        administration.create_agent(
            collectivite=collectivite,
            identifier=agent.identifier,
            email=f"{agent.identifier}@example.org",
            role=agent.role,
            password=PASSWORD,
            display_name=agent.display_name,
            is_demo=True,
            now=now,
        )


def _write_products(town: DemoTown, collectivite: Collectivite, *, now: datetime) -> None:
    """What is missing of the products: a demonstration kept from an older version gains the new ones."""
    with tenant(collectivite):
        there = set(Product.objects.of(collectivite).values_list("slug", flat=True))
    for product in town.products:
        if product.slug not in there:
            _write_product(product, collectivite, now=now)
        _write_imported(product, collectivite, now=now)
        if product.source:
            _write_source(town, product, collectivite, now=now)
        if product.series is not None:
            _write_invoices(product, product.series, collectivite, now=now)


def _write_product(product: DemoProduct, collectivite: Collectivite, *, now: datetime) -> None:
    regie = None
    if product.regie is not None:
        name, number = product.regie
        regie = administration.add_regie(collectivite=collectivite, name=name, number=number, now=now)
        regie.several_at_once = product.several_at_once
        with tenant(collectivite):
            regie.save(update_fields=["several_at_once"])
    account = administration.add_account(
        collectivite=collectivite,
        debt_kind=product.kind,
        environment=product.environment,
        identifier=product.identifier,
        gateway=product.gateway,
        regie=regie,
        options={"notified_in_back_office": True} if product.is_notified_in_back_office else {},
        secrets=_secrets_of(product.merchant) if product.merchant is not None else {},
        now=now,
    )
    least, most = product.amounts or (None, None)
    administration.add_product(
        collectivite=collectivite,
        slug=product.slug,
        name=product.name,
        introduction=product.introduction,
        account=account,
        terms=administration.ProductTerms(
            reference_form=product.reference_form,
            min_amount=least,
            max_amount=most,
            partial_payment=product.year,
        ),
        now=now,
    )


def _write_imported(product: DemoProduct, collectivite: Collectivite, *, now: datetime) -> None:
    """The titres that files brought, once: a demonstration kept from an older version gains them too."""
    if not (product.year or product.rents):
        return
    with tenant(collectivite):
        ours = Product.objects.of(collectivite).select_related("collectivite", "account__regie", "account__budget")
        row = ours.get(slug=product.slug)
        if Titre.objects.of(collectivite).filter(product=row).exists():
            return
    agent_id = User.objects.get(identifier=IMPORTER).pk
    if product.year:
        Year(product=row, actor_id=agent_id, now=now).write()
    else:
        write_rents(product=row, actor_id=agent_id, now=now)


def _write_source(town: DemoTown, product: DemoProduct, collectivite: Collectivite, *, now: datetime) -> None:
    """Whence the file of the start page comes, once."""
    with tenant(collectivite):
        if ImportSource.objects.of(collectivite).filter(name=product.source).exists():
            return
        ours = Product.objects.of(collectivite).select_related("collectivite", "account__regie")
        row = ours.get(slug=product.slug)
        manager = next(agent for agent in town.agents if agent.role is Role.REGISSEUR)
        imports.add_source(
            collectivite=collectivite,
            name=product.source,
            collector=Collector.REGIE,
            regie=row.account.regie,
            default_product=row,
            now=now,
            actor_id=User.objects.get(identifier=manager.identifier).pk,
        )


def _secrets_of(merchant: Merchant) -> dict[str, Secret]:
    kept = {"hmac": merchant.hmac_key, "direct": merchant.direct_key, "notification": tokens.new_token()}
    return {name: Secret.of_text(value) for name, value in kept.items() if value}


def _write_invoices(product: DemoProduct, series: Series, collectivite: Collectivite, *, now: datetime) -> None:
    with tenant(collectivite):
        row = Product.objects.of(collectivite).select_related("account").get(slug=product.slug)
        there = set(Titre.objects.of(collectivite).values_list("reference", flat=True))
    for invoice in invoices(paris.today(now), series):
        if invoice.reference.digits not in there:
            _write_invoice(invoice, row, now=now)


def _write_invoice(invoice: Invoice, product: Product, *, now: datetime) -> None:
    titre = titres.record_titre(
        product=product,
        number=invoice.number,
        label=invoice.label,
        debtor=invoice.debtor,
        amount=invoice.amount,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        now=now,
    )
    titres.issue(titre=titre, now=now)
    if invoice.state is State.SUSPENDED:
        titres.suspend(titre=titre, reason=invoice.reason, now=now)
    elif invoice.state is State.CANCELLED:
        titres.cancel(titre=titre, reason=invoice.reason, paid=paid_of, now=now)
    elif invoice.state is State.TRANSFERRED:
        titres.transfer(titre=titre, reason=invoice.reason, now=now)


def _debt(notice: Notice) -> dict[str, Any]:
    return {
        "numcli": notice.numcli,
        "refdet": notice.reference.digits,
        "montant": notice.amount.cents,
        "label": notice.label,
        "state": notice.state,
        "taken_in_charge_on": notice.taken_in_charge_on.isoformat(),
        "amicable_until": None,
    }


def _examples(town: DemoTown, today: date) -> list[dict[str, Any]]:
    """Of the first product, a document in each state; of the others, one to pay."""
    every = notices(town, today)
    examples = []
    for product in town.products:
        ours = [notice for notice in every if notice.numcli == product.identifier]
        if product.year:
            examples += _examples_of_year(town, product)
            continue
        if product.has_titres:
            examples += _examples_of_our_base(town, product, ours)
            continue
        states = _states_at_sandbox(product.numcli)
        visible = [notice for notice in ours if notice.taken_in_charge_on < today]
        due = [notice for notice in visible if states.get(notice.reference.digits, notice.state) == "due"]
        words = _RENT if product.rents else _WORDS[product.kind]
        examples += [_example(notice, product, "payable", *words) for notice in due[:1]]
        if product is town.products[0]:
            paid = [notice for notice in visible if states.get(notice.reference.digits, notice.state) == "paid"]
            issued_today = [notice for notice in ours if notice.taken_in_charge_on == today]
            examples += [
                _example(notice, product, state, title, expected)
                for found, state, title, expected in (
                    (paid, "paid", _("Un avis déjà payé"), _("PayFiP le refuse : on ne paie pas deux fois un avis.")),
                    (issued_today, "today", _("Un avis émis aujourd’hui"), _("PayFiP ne le connaîtra que demain.")),
                )
                for notice in found[:1]
            ]
    return examples


def _examples_of_our_base(town: DemoTown, product: DemoProduct, known: list[Notice]) -> list[dict[str, Any]]:
    """Two invoices that are still to pay, and one of each that nobody can pay here."""
    collectivite = Collectivite.objects.get(slug=town.slug)
    with tenant(collectivite):
        rows = Titre.objects.of(collectivite).filter(paid_at__isnull=True).values_list("reference", "status")
        states = {reference: "due" if status == State.OPEN else status for reference, status in rows}
    shown = []
    for state, count in (("due", 2), ("suspended", 1), ("cancelled", 1), ("transferred", 1)):
        found = [notice for notice in known if states.get(notice.reference.digits) == state]
        look = "payable" if state == "due" else "paid"
        shown += [_example(notice, product, look, *_words_of(product, state)) for notice in found[:count]]
    return shown


def _examples_of_year(town: DemoTown, product: DemoProduct) -> list[dict[str, Any]]:
    """The latest invoice of which nothing is paid, and the latest that is paid in part."""
    collectivite = Collectivite.objects.get(slug=town.slug)
    shown: dict[bool, dict[str, Any]] = {}
    with tenant(collectivite):
        ours = Titre.objects.of(collectivite).filter(product__slug=product.slug, status=State.OPEN)
        for titre in ours.filter(paid_at__isnull=True).order_by("-issued_on", "number"):
            paid = paid_of(titre)
            is_begun = paid > Money.zero
            if is_begun in shown:
                continue
            notice = Notice(
                numcli=product.identifier,
                reference=InvoiceReference.parse(titre.number),
                amount=amount_due(titre) - paid,
                label=titre.label,
                state="due",
                taken_in_charge_on=titre.issued_on,
            )
            shown[is_begun] = _example(notice, product, "payable", *_WORDS_OF_YEAR[is_begun])
            if len(shown) == 2:
                break
    return [shown[is_begun] for is_begun in sorted(shown)]


def _words_of(product: DemoProduct, state: str) -> tuple[str | Promise, str | Promise]:
    if product.merchant is None or state != "due":
        title, expected = _WORDS_OF_OUR_BASE[state]
        return (product.series.title if product.series and not title else title), expected
    return _WORDS_BY_CARD["asked" if product.merchant.direct_key else "not_asked"]


_WORDS_OF_OUR_BASE: dict[str, tuple[str | Promise, str | Promise]] = {
    "due": (
        "",  # the series has its own
        gettext_lazy("REGAL la connaît : il en dit le montant, et le paiement se vérifie tout seul auprès de PayFiP."),
    ),
    "suspended": (
        gettext_lazy("Une facture suspendue"),
        gettext_lazy("La régie l’a suspendue : elle ne se paie pas pour l’instant."),
    ),
    "cancelled": (
        gettext_lazy("Une facture annulée"),
        gettext_lazy("La régie l’a annulée : il n’y a plus rien à payer."),
    ),
    "transferred": (
        gettext_lazy("Une facture transmise au comptable"),
        gettext_lazy("Seul le comptable public l’encaisse désormais."),
    ),
}
_WORDS_OF_YEAR = {
    False: (
        gettext_lazy("Une facture périscolaire"),
        gettext_lazy("Importée d’un fichier. Elle se paie en une ou plusieurs fois."),
    ),
    True: (
        gettext_lazy("Une facture payée en partie"),
        gettext_lazy("Le guichet a reçu le début ; voici ce qu’il en reste à payer."),
    ),
}
_RENT = (
    gettext_lazy("Un loyer, importé d’un PES"),
    gettext_lazy("Le comptable l’encaisse. Tapez un autre montant : REGAL prévient, et laisse continuer."),
)
_WORDS_BY_CARD = {
    "asked": (
        gettext_lazy("Une facture à payer par carte"),
        gettext_lazy(
            "Sur la page de la banque (Paybox), dont REGAL vérifie la réponse. "
            "Carte d’essai : 1111 2222 3333 4444, cryptogramme 123, date à venir."
        ),
    ),
    "not_asked": (
        gettext_lazy("Une facture à payer par carte, confirmée le lendemain"),
        gettext_lazy(
            "Cette banque ne répond à aucune question : le paiement est « à confirmer » jusqu’à sa remise. "
            "Carte d’essai : 1111 2222 3333 4444, cryptogramme 123, date à venir."
        ),
    ),
}
_WORDS = {
    DebtKind.TITRE: (
        gettext_lazy("Un avis à payer"),
        gettext_lazy("PayFiP l’accepte : vous pouvez payer, refuser ou abandonner."),
    ),
    DebtKind.ORMC: (
        gettext_lazy("Une facture d’eau (rôle)"),
        gettext_lazy("PayFiP la connaît ; son numéro se recopie avec ses zéros."),
    ),
    DebtKind.REGIE: (
        gettext_lazy("Une facture de régie"),
        gettext_lazy("PayFiP ne la connaît pas : REGAL vérifie la forme du numéro et le montant."),
    ),
}


def _example(
    notice: Notice, product: DemoProduct, state: str, title: str | Promise, expected: str | Promise
) -> dict[str, Any]:
    names = _FIELD_NAMES | {"number": product.reference_form.get("number_name", _("Numéro"))}
    return {
        "state": state,
        "title": title,
        "expected": expected,
        "product": product.name,
        "typed": [(names[field], value) for field, value in FORMS[product.kind].as_typed(notice.reference).items()],
        "amount": notice.amount,
        "email": PAYER_EMAIL,
    }


_FIELD_NAMES = {
    "exercice": gettext_lazy("Exercice"),
    "titre": gettext_lazy("Titre"),
    "ligne": gettext_lazy("Ligne"),
    "code": gettext_lazy("Code recette"),
    "period": gettext_lazy("Période"),
    "invoice": gettext_lazy("N° de facture"),
}


def _states_at_sandbox(numcli: str) -> dict[str, str]:
    """What the sandbox knows of each debt; nothing when it does not answer."""
    try:
        answer = httpx.get(
            f"{settings.SANDBOX_CONTROL_URL}/debts", params={"numcli": numcli}, timeout=SANDBOX_SECONDS
        ).raise_for_status()
        return {debt["refdet"]: debt["state"] for debt in answer.json()["debts"]}
    except (httpx.HTTPError, ValueError, KeyError) as failure:
        logger.warning("the sandbox does not say which notices are paid: %s", type(failure).__name__)
        return {}


def moment() -> datetime:
    """The demonstration's one look at the time."""
    return datetime.now(UTC)
