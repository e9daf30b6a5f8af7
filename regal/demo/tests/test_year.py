"""A year of the demonstration: lived once, true on every screen, on whatever day it starts."""

from collections import Counter
from datetime import UTC, date, datetime

import pytest

from regal.collectivites.models import Collectivite
from regal.demo import data, files
from regal.demo.year import SOURCE
from regal.lib import paris
from regal.lib.tenancy import tenant
from regal.lib.vault import new_master_key
from regal.payments.models import CounterReceipt, Reversal
from regal.payments.queries import settled_titres, titres_being_paid
from regal.titres import imports
from regal.titres.importers.opening import open_file
from regal.titres.models import Import, ImportLine, ImportSource, Titre
from tests.cast import MORNING, later
from tests.proof import broken

NEW_YEAR = datetime(2027, 1, 1, 7, tzinfo=UTC)


@pytest.fixture
def load(committed_db, tmp_path, monkeypatch, settings):
    settings.TOWN_URLS = ["http://localhost:1", "http://localhost:2"]
    settings.SECRET_KEYS = f"k1:{new_master_key()}"
    monkeypatch.setattr(data, "sandbox_configuration_file", lambda: tmp_path / "sandbox.json")

    def load(now=MORNING):
        data.load(now=now)
        return Collectivite.objects.get(slug="saint-aubin")

    return load


def invoices(town):
    """`{(status, is_paid): count}`."""
    with tenant(town):
        ours = Titre.objects.of(town).filter(product__slug="periscolaire")
        return Counter((status, paid_at is not None) for status, paid_at in ours.values_list("status", "paid_at"))


def test_shows_invoices_in_every_state_and_breaks_no_invariant(load):
    town = load()
    there = invoices(town)
    assert there["open", True] > 100
    assert {("open", False), *((state, False) for state in STATES)} <= set(there)
    with tenant(town):
        assert CounterReceipt.objects.of(town).count() > 100
        assert Reversal.objects.of(town).count() == 3
        states = Counter(Import.objects.of(town).values_list("state", flat=True))
    assert states == {"confirmed": 15, "undone": 1, "proposed": 1}
    assert broken(later(minutes=1)) == ()


STATES = ("suspended", "cancelled", "transferred", "written_off", "withdrawn")


def test_leaves_a_report_to_confirm_with_a_line_of_each_kind(load):
    town = load()
    with tenant(town):
        waiting = Import.objects.of(town).get(state="proposed")
        lines = ImportLine.objects.of(town).filter(of_import=waiting)
        verdicts = Counter(lines.values_list("verdict", flat=True))
    assert verdicts == {"new": 5, "changed": 1, "conflict": 1, "unchanged": 1, "error": 1}


def test_is_lived_once(load):
    before = invoices(load())
    assert invoices(load(later(days=3))) == before


def test_lives_as_well_on_the_first_morning_of_a_year(load):
    town = load(NEW_YEAR)
    assert invoices(town)["open", True] > 100
    assert broken(NEW_YEAR.replace(minute=1)) == ()


def test_gives_rents_that_agree_with_what_their_payers_type(load):
    town = load()
    with tenant(town):
        said = Counter(Titre.objects.of(town).filter(product__slug="loyers").values_list("status", flat=True))
    assert said == {"closed": 10, "open": 7, "suspended": 1}
    cards = data.start_page(now=MORNING)["towns"][0]["notices"]
    assert [card["title"] for card in cards if card["product"] == "Loyers communaux"] == ["Un loyer, importé d’un PES"]
    assert [card["title"] for card in cards if card["product"] == "Accueil périscolaire"] == [
        "Une facture périscolaire",
        "Une facture payée en partie",
    ]


@pytest.mark.parametrize("day", [MORNING, NEW_YEAR])
def test_offers_a_file_of_which_six_lines_are_good(load, day):
    town = load(day)
    with tenant(town):
        source = ImportSource.objects.of(town).get(name=SOURCE)
        content = files.sample(paris.today(day))
        kept = imports.keep(source=source, name="a.csv", chunks=[content], now=day, ask=False)
        imports.read(town.pk, kept.pk, day, None, settled=settled_titres, paying=titres_being_paid, open_file=open_file)
        lines = ImportLine.objects.of(town).filter(of_import=kept)
        assert Counter(lines.values_list("verdict", flat=True)) == {"new": 6, "error": 3}


def test_names_the_month_before_the_invoice():
    assert files.month_of(date(2027, 1, 1)) == "décembre 2026"
    assert files.first_of_month(date(2027, 1, 31), 1) == date(2026, 12, 1)
