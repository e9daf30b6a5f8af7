"""The demonstration's data: written in our base, handed to the sandbox, and shown on the start page."""

import json
import logging
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings

from regal.backoffice import administration
from regal.collectivites.models import Collectivite
from regal.demo.cast import OPERATOR, PASSWORD, PAYER_EMAIL, TOWNS, DemoTown, Notice, notices
from regal.demo.environment import var_folder
from regal.gateways.base import DebtKind
from regal.lib import paris
from regal.people.models import Role, User

logger = logging.getLogger("regal.demo")

SANDBOX_SECONDS = 2.0


def load(*, now: datetime) -> None:
    """Write what is missing of the demonstration, and the sandbox's configuration of today. Run it at each start."""
    for town, site_url in zip(TOWNS, settings.TOWN_URLS, strict=True):
        if not Collectivite.objects.filter(slug=town.slug).exists():
            _write_town(town, site_url=site_url, now=now)
    if not User.objects.filter(identifier=OPERATOR).exists():
        administration.create_operator(
            identifier=OPERATOR, email=f"{OPERATOR}@example.org", password=PASSWORD, is_demo=True, now=now
        )
    configuration = json.dumps(sandbox_configuration(today=paris.today(now)), ensure_ascii=False, indent=1)
    sandbox_configuration_file().write_text(configuration, encoding="utf-8")


def sandbox_configuration_file() -> Path:
    """Where the sandbox reads what it plays."""
    return var_folder() / "sandbox.json"


def sandbox_configuration(*, today: date) -> dict[str, Any]:
    """The clients, debts, town sites and settings of the sandbox (`regal_sandbox/README.md`, "Configuration file")."""
    return {
        "clients": [
            {
                "numcli": product.numcli,
                "kind": "titre",
                "labels": [product.name, town.name, "Commune"],
                "phase": "test" if product.environment == "test" else "active",
                **({"direct_debit": {"phase": "active"}} if product.direct_debit else {}),
            }
            for town in TOWNS
            for product in town.products
        ],
        "debts": [_debt(notice) for town in TOWNS for notice in notices(town, today)],
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
            }
            for town in TOWNS
        ],
        "settings": {"next_day_button": True, "three_d_secure": True},
    }


def doors() -> list[tuple[str, str, str]]:
    """(label, address, note) of everything one can open, and the demo accounts."""
    mailbox = f"{settings.SANDBOX_URL}/boite/"
    agents = [f"{agent.identifier} / {PASSWORD} ({town.name})" for town in TOWNS for agent in town.agents]
    return [
        ("Page de départ", f"{settings.GUICHET_URL}/", "les avis d’exemple et quoi taper"),
        *(
            (f"Site de {town.name}", f"{url}/", "où le payeur commence")
            for town, url in zip(TOWNS, settings.TOWN_URLS, strict=True)
        ),
        ("Bureau", f"{settings.BUREAU_URL}/", f"{', '.join(agents)} ; exploitant : {OPERATOR} / {PASSWORD}"),
        ("Boîte aux lettres", mailbox, "les courriels envoyés"),
        ("Bac à sable", f"{settings.SANDBOX_URL}/", "PayFiP pour de faux"),
    ]


def start_page(*, now: datetime) -> dict[str, Any]:
    """What the start page shows: doors, accounts, and three notices per town, as the sandbox knows them."""
    today = paris.today(now)
    return {
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
            {"identifier": OPERATOR, "password": PASSWORD, "role": "exploitant", "town": ""},
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


def _write_town(town: DemoTown, *, site_url: str, now: datetime) -> None:
    collectivite = administration.create_collectivite(
        slug=town.slug, name=town.name, siret=town.siret, site_url=f"{site_url}/", contact=town.contact, now=now
    )
    for product in town.products:
        account = administration.add_account(
            collectivite=collectivite,
            debt_kind=DebtKind.TITRE,
            environment=product.environment,
            identifier=product.numcli,
            now=now,
        )
        administration.add_product(
            collectivite=collectivite,
            slug=product.slug,
            name=product.name,
            introduction=product.introduction,
            account=account,
            now=now,
        )
    for origin in (site_url, site_url.replace("localhost", "127.0.0.1")):
        administration.allow_origin(collectivite=collectivite, origin=origin, now=now)
    for agent in town.agents:
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
    numcli = town.products[0].numcli
    ours = [notice for notice in notices(town, today) if notice.numcli == numcli]
    states = _states_at_sandbox(numcli)
    payable = [notice for notice in ours if notice.taken_in_charge_on < today]
    due = [notice for notice in payable if states.get(notice.reference.digits, notice.state) == "due"]
    paid = [notice for notice in payable if states.get(notice.reference.digits, notice.state) == "paid"]
    issued_today = [notice for notice in ours if notice.taken_in_charge_on == today]
    chosen = [
        (due, "payable", "Un avis à payer", "PayFiP l’accepte : vous pouvez payer, refuser ou abandonner."),
        (paid, "paid", "Un avis déjà payé", "PayFiP le refuse : on ne paie pas deux fois un titre."),
        (issued_today, "today", "Un avis émis aujourd’hui", "PayFiP ne le connaîtra que demain."),
    ]
    return [
        {
            "state": state,
            "title": title,
            "expected": expected,
            "exercice": found[0].reference.exercice,
            "titre": found[0].reference.titre,
            "ligne": found[0].reference.ligne,
            "amount": found[0].amount,
            "label": found[0].label,
            "email": PAYER_EMAIL,
        }
        for found, state, title, expected in chosen
        if found
    ]


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
