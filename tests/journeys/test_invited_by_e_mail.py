"""An operator creates a town and invites its administrator, who invites a colleague; the operator comes to see."""

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from regal.demo.cast import OPERATOR, PASSWORD
from tests.demo import Demo, until
from tests.journeys import payer

pytestmark = pytest.mark.browser

PHRASE = "une longue phrase de passe"


def sign_in(page: Page, bureau: str, identifier: str, password: str) -> None:
    page.goto(f"{bureau}/connexion/")
    page.get_by_label("Identifiant ou adresse e-mail").fill(identifier)
    page.get_by_label("Mot de passe").fill(password)
    payer.go(page.get_by_role("button", name="Se connecter"))


def invitation_of(demo: Demo, address: str) -> str:
    """The link of the newest e-mail to this address, as the sandbox's mailbox shows it."""
    box = f"http://127.0.0.1:{demo.ports.sandbox}"
    found: list[str] = []

    def arrived() -> bool:
        for mail in re.findall(r'href="(/boite/[^"]+)"', httpx.get(f"{box}/boite/").text):
            text = httpx.get(f"{box}{mail}").text
            if address in text and "/invitation/" in text:
                found.append(re.findall(r"http://[^\s\"<]+/invitation/[\w/-]+", text)[0])
                return True
        return False

    assert until(arrived, seconds=30), f"no invitation for {address}"
    return found[0]


def test_a_new_town_its_administrator_and_his_colleague(demo: Demo, open_page: Callable[..., Page]) -> None:
    bureau = f"http://localhost:{demo.ports.bureau}"
    operator = open_page(scripts=False)
    sign_in(operator, bureau, OPERATOR, PASSWORD)
    payer.go(operator.get_by_role("link", name="Créer une collectivité"))
    operator.get_by_label("Nom", exact=True).fill("Bourg-Vieux")
    operator.get_by_label("SIRET du budget principal").fill("21350990400008")
    operator.get_by_label("Prénom et nom").fill("Rose Petit")
    operator.get_by_label("Identifiant").fill("rose")
    operator.get_by_label("Adresse e-mail").fill("rose@example.org")
    payer.go(operator.get_by_role("button", name="Créer et inviter"))
    expect(operator.get_by_role("status")).to_contain_text("L’invitation part à l’adresse rose@example.org")

    rose = open_page(scripts=False, width=320)
    rose.goto(invitation_of(demo, "rose@example.org"))
    rose.get_by_label("Mot de passe").fill(PHRASE)
    rose.get_by_label("Le même, une seconde fois").fill(PHRASE)
    payer.go(rose.get_by_role("button", name="Enregistrer"))
    sign_in(rose, bureau, "rose", PHRASE)
    expect(rose.get_by_role("heading", level=1)).to_have_text("Bourg-Vieux")
    rose.goto(f"{bureau}/bourg-vieux/reglages/agents/inviter/")
    rose.get_by_label("Prénom et nom").fill("Sami Petit")
    rose.get_by_label("Identifiant").fill("sami")
    rose.get_by_label("Adresse e-mail").fill("sami@example.org")
    rose.get_by_label("Rôle").select_option("regisseur")
    payer.go(rose.get_by_role("button", name="Envoyer l’invitation"))
    expect(rose.get_by_role("status")).to_contain_text("sami@example.org")

    sami = open_page(scripts=False)
    sami.goto(invitation_of(demo, "sami@example.org"))
    sami.get_by_label("Mot de passe").fill(PHRASE)
    sami.get_by_label("Le même, une seconde fois").fill(PHRASE)
    payer.go(sami.get_by_role("button", name="Enregistrer"))
    sign_in(sami, bureau, "sami", PHRASE)
    expect(sami.get_by_role("heading", level=1)).to_have_text("Bourg-Vieux")

    rose.goto(f"{bureau}/bourg-vieux/reglages/journal/")
    expect(rose.get_by_text("Rose Petit a envoyé une invitation à Sami Petit.", exact=True)).to_be_visible()

    operator.goto(f"{bureau}/exploitation/collectivites/bourg-vieux/entrer/")
    operator.get_by_label("Pourquoi entrez-vous").fill("Rose a demandé de l’aide")
    operator.get_by_label("Que venez-vous faire").select_option("agent")
    payer.go(operator.get_by_role("button", name="Entrer"))
    expect(operator.get_by_text("Vous êtes chez Bourg-Vieux, en visite.")).to_be_visible()
    rose.goto(f"{bureau}/bourg-vieux/")
    expect(rose.get_by_text("L’exploitant exploitant est entré")).to_be_visible()
    payer.go(operator.get_by_role("button", name="Quitter"))
    rose.reload()
    expect(rose.get_by_text("L’exploitant exploitant est entré")).to_have_count(0)
