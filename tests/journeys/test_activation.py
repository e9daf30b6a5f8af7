"""A new town, from its creation to its first real payment: T, X, the next working day, two approvals, a payer."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from regal.demo.cast import PASSWORD, PAYER_EMAIL
from regal.lib import paris
from tests.demo import Demo
from tests.journeys import payer

pytestmark = pytest.mark.browser

SLUG, NUMCLI = "villeneuve", "357001"
TOWN_WITH_ONE_ADMINISTRATOR = """
from datetime import UTC, datetime
from regal.backoffice import administration
from regal.demo.cast import PASSWORD
now = datetime.now(UTC)
town = administration.create_collectivite(slug="villeneuve", name="Villeneuve", siret="21350980500007", now=now)
administration.create_agent(
    collectivite=town, identifier="ines", email="ines@example.org", role="administrator", password=PASSWORD,
    is_demo=True, now=now,
)
"""
ITS_PRODUCT = """
from datetime import UTC, datetime
from regal.backoffice import administration
from regal.collectivites.models import Collectivite, GatewayAccount
from regal.lib.tenancy import tenant
town = Collectivite.objects.get(slug="villeneuve")
with tenant(town):
    account = GatewayAccount.objects.of(town).get()
administration.add_product(
    collectivite=town, slug="titres", name="Avis des sommes à payer", account=account, now=datetime.now(UTC)
)
"""


def run(demo: Demo, code: str) -> None:
    """REGAL's own operations, in the demonstration's environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "REGAL_"))}
    environment |= {"REGAL_VAR": str(demo.var), "REGAL_PORT": str(demo.ports.guichet)}
    done = subprocess.run(
        [sys.executable, "-m", "regal.config.cli", "shell", "--no-imports", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr


def control(demo: Demo, method: str, path: str, told: object = None) -> httpx.Response:
    answer = httpx.request(method, f"http://127.0.0.1:{demo.ports.sandbox_control}{path}", json=told)
    assert answer.status_code == 200, answer.text
    return answer


class Journey:
    """One administrator at her screen, and PayFiP's tabs beside it."""

    def __init__(self, page: Page, demo: Demo) -> None:
        self.page, self.demo = page, demo
        self.bureau = f"http://localhost:{demo.ports.bureau}"
        self.contract = f"{self.bureau}/{SLUG}/reglages/contrats/{NUMCLI}/"

    def sign_in(self, agent: str) -> None:
        self.page.context.clear_cookies()
        self.page.goto(f"{self.bureau}/connexion/")
        self.page.locator("input[name=login]").fill(agent)
        self.page.locator("input[name=password]").fill(PASSWORD)
        self.press("Se connecter")

    def press(self, name: str) -> None:
        payer.go(self.page.get_by_role("button", name=name))

    def confirm(self, name: str) -> None:
        """Press a button that asks for the password first."""
        self.press(name)
        self.page.locator("input[name=password]").fill(PASSWORD)
        self.press("Confirmer")
        self.press(name)

    def pay(self, name: str, decision: str = "payer") -> None:
        """Press a button that opens PayFiP in another tab, under the page's own policy."""
        with self.page.context.expect_page() as opened:
            self.page.get_by_role("button", name=name).click()
        opened.value.wait_for_load_state()
        assert f":{self.demo.ports.sandbox}/tpa/" in opened.value.url
        payer.decide(opened.value, decision)
        opened.value.close()

    def until(self, words: str) -> None:
        """Refresh the contract's page until it says so."""
        payer.until(
            self.page,
            lambda: self.page.get_by_text(words).count() > 0,
            again=lambda: self.page.goto(self.contract),
        )


class TestActivation:
    def test_of_a_new_town_goes_from_its_creation_to_its_first_real_payment(
        self, demo: Demo, open_page: Callable[..., Page]
    ) -> None:
        year = paris.today(datetime.now(UTC)).year
        control(
            demo, "PUT", f"/clients/{NUMCLI}", {"kind": "titre", "labels": ["Titres", "Villeneuve"], "phase": "test"}
        )
        debts = [
            {
                "numcli": NUMCLI,
                "refdet": f"{year}{number:08d}000001",
                "montant": 1_250,
                "label": "Location",
                "taken_in_charge_on": "2026-01-15",
            }
            for number in (51, 52)
        ]
        control(demo, "POST", "/debts", {"debts": debts})
        run(demo, TOWN_WITH_ONE_ADMINISTRATOR)
        ines = Journey(open_page(scripts=False), demo)
        ines.sign_in("ines")

        ines.page.goto(f"{ines.bureau}/{SLUG}/reglages/contrats/ajouter/")
        ines.page.locator("#id_numcli").fill(NUMCLI)
        ines.press("Ajouter le contrat")
        expect(ines.page.get_by_text("Il manque un produit")).to_be_visible()
        run(demo, ITS_PRODUCT)

        ines.page.goto(ines.contract)
        ines.pay("Payer en test", "refuser")
        ines.until("PayFiP l’annonce refusé")
        ines.pay("Payer en test")
        ines.until("Ouvrir l’étape d’activation")

        ines.press("Ouvrir l’étape d’activation")
        ines.page.locator("#activation_reference").fill(f"{year}-51-1")
        ines.page.locator("#activation_amount").fill("12,50")
        ines.pay("Payer pour de bon")
        ines.until("le prochain jour ouvré")

        document = ines.page.request.get(f"{ines.contract}dossier/")
        assert document.body().startswith(b"%PDF")

        ines.confirm("Demander la mise en production")
        expect(ines.page.get_by_text("L’exploitant de REGAL doit l’approuver")).to_be_visible()

        operator = Journey(open_page(scripts=False), demo)
        operator.sign_in("exploitant")
        operator.page.goto(f"{operator.bureau}/exploitation/mises-en-production/")
        operator.confirm(f"Approuver le contrat {NUMCLI} de Villeneuve")
        expect(operator.page.get_by_text("est approuvée")).to_be_visible()
        ines.until("attend son premier paiement")

        control(demo, "POST", "/clock/next-working-day")
        try:
            page = open_page(scripts=False)
            page.goto(f"http://127.0.0.1:{demo.ports.guichet}/{SLUG}/titres/")
            typed = {"exercice": f"{year}", "titre": "52", "ligne": "1", "amount": "12,50", "email": PAYER_EMAIL}
            for name, value in typed.items():
                page.locator(f"#id_{name}").fill(value)
            payer.go(page.get_by_role("button", name="Continuer"))
            payfip = payer.leave(page, page)
            payer.decide(payfip, "payer")
            expect(payfip.locator("main[data-outcome=P]")).to_be_visible()
        finally:
            control(demo, "DELETE", "/clock")
        ines.until("Il attend sa confirmation")
        expect(ines.page).to_have_title(f"Contrat {NUMCLI}, en production – Villeneuve – Bureau REGAL")

        def told_three_times() -> bool:
            mails = [json.dumps(mail) for mail in control(demo, "GET", "/mails").json()["mails"]]
            return sum("ines@example.org" in mail and "Villeneuve" in mail for mail in mails) >= 3

        payer.until(ines.page, told_three_times)
