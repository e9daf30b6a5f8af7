"""One field that finds an invoice by number, amount or name, however it is typed, and in one's own town only."""

import re
from datetime import date
from urllib.parse import parse_qsl

import pytest
from django.db import DatabaseError, connection, transaction

from regal.backoffice import pages
from regal.backoffice.titre_forms import sealed_search
from regal.backoffice.titre_search import Kind, distance, search
from regal.collectivites.models import Product
from regal.gateways.base import Environment
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.lib.tokens import new_token
from regal.lib.vault import new_master_key
from regal.payments.counter import record_receipt
from regal.payments.models import Means
from regal.people.models import Role
from regal.titres import operations
from regal.titres.models import Debtor, DebtorWord, Titre
from tests import cast
from tests.cast import MORNING, later

pytestmark = pytest.mark.django_db
LIST = "/saint-aubin/factures/"
NAMES = [
    "DUPONT-MARTIN Éloïse",
    "M. et Mme O’Brien",
    "Lœuillet d'Arc",
    "L’Haÿ Zoé",
    "de la Fontaine",
    "Lefèvre François",
    "Association St-Exupéry",
]


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    monkeypatch.setattr(pages, "clock", lambda: later(hours=1))
    settings.SECRET_KEYS = f"k1:{new_master_key()}"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    return cast.make_canteen(town, environment=Environment.PRODUCTION)


@pytest.fixture
def nadia(bureau, town):
    bureau.force_login(town.agent)
    return bureau


def file(product, name, *, place=0, cents=8_470, number=""):
    return operations.record_titre(
        product=product,
        number=number or f"FC2026{place:06d}",
        label="Cantine, octobre 2026",
        debtor=name,
        amount=Money(cents),
        issued_on=MORNING.date(),
        now=MORNING,
    )


@pytest.fixture
def filed(canteen):
    return {name: file(canteen, name, place=place) for place, name in enumerate(NAMES, start=1)}


def names_found(town, text):
    with tenant(town.collectivite):
        found = search(text, collectivite=town.collectivite)
        return sorted(
            Debtor.objects.of(town.collectivite).filter(titre__in=_titres(town, found)).values_list("name", flat=True)
        )


def _titres(town, found):
    return Titre.objects.of(town.collectivite).filter(found.where)


class TestNames:
    @pytest.mark.parametrize(
        ("typed", "name"),
        [
            ("dupont", "DUPONT-MARTIN Éloïse"),
            ("eloise DUPONT", "DUPONT-MARTIN Éloïse"),
            ("Dupont Martin", "DUPONT-MARTIN Éloïse"),
            ("élo", "DUPONT-MARTIN Éloïse"),
            ("o'brien", "M. et Mme O’Brien"),
            ("brien", "M. et Mme O’Brien"),
            ("loeuillet", "Lœuillet d'Arc"),
            ("LŒUILLET d’arc", "Lœuillet d'Arc"),
            ("hay", "L’Haÿ Zoé"),
            ("l'haÿ", "L’Haÿ Zoé"),
            ("fontaine", "de la Fontaine"),
            ("La Fontaine", "de la Fontaine"),
            ("lefe\u0300vre", "Lefèvre François"),  # accents apart, as some computers write them
            ("saint exupery", "Association St-Exupéry"),
        ],
    )
    def test_are_found_whatever_their_accents_capitals_and_signs(self, town, filed, typed, name):
        assert names_found(town, typed) == [name]

    @pytest.mark.parametrize(
        ("typed", "name"),
        [
            ("dupotn", "DUPONT-MARTIN Éloïse"),
            ("dumont", "DUPONT-MARTIN Éloïse"),
            ("fontainne", "de la Fontaine"),
            ("lefebre", "Lefèvre François"),
            ("eloise dupomt", "DUPONT-MARTIN Éloïse"),
        ],
    )
    def test_are_found_mistyped(self, town, filed, typed, name):
        assert names_found(town, typed) == [name]

    def test_are_not_found_by_what_looks_like_none(self, town, filed):
        assert names_found(town, "zzyzx") == []
        assert names_found(town, "dupont zzyzx") == []

    def test_are_words_that_no_operator_can_leave(self, town, filed):
        for typed in (
            "' | '1:a':*",
            "dupont' | 'brien",
            "\\",
            "a:* & !b",
            "'); DROP TABLE x; --",
            "|*|",
            "dupont|brien",
            "%",
        ):
            with tenant(town.collectivite):
                found = search(typed, collectivite=town.collectivite)
                assert _titres(town, found).count() <= 1

    def test_may_be_very_long(self, town, canteen):
        file(canteen, "x" * 120, place=90)
        assert names_found(town, "x" * 5_000) == ["x" * 120]
        assert names_found(town, "mot " * 1_000) == []

    def test_are_searched_with_the_debtor_s_own_number(self, town, filed):
        titre = filed["L’Haÿ Zoé"]
        with tenant(town.collectivite):
            Debtor.objects.filter(titre=titre).delete()
            Debtor.objects.create(collectivite=town.collectivite, titre=titre, name="L’Haÿ Zoé", reference="F-0042")
        assert names_found(town, "F0042") == ["L’Haÿ Zoé"]


class TestWalls:
    @pytest.fixture
    def next_town(self, filed):
        return cast.make_next_town()

    def ask(self, question, *values):
        with connection.cursor() as cursor:
            cursor.execute(question, values)
            return [row[0] for row in cursor.fetchall()]

    def test_one_town_s_names_are_nobody_else_s(self, next_town):
        with tenant(next_town.collectivite):
            assert self.ask("SELECT regal_titres_named(%s, 10)", ["dupont*"]) == []
            assert self.ask("SELECT regal_words_near('dupont', 10)") == []
            assert not DebtorWord.objects.exists()

    def test_nobody_without_a_town_finds_anything(self, next_town):
        assert self.ask("SELECT regal_titres_named(%s, 10)", ["dupont*"]) == []
        assert self.ask("SELECT regal_words_near('dupont', 10)") == []

    def test_no_word_reaches_another_tenant(self, town, next_town):
        key = town.collectivite.pk
        with tenant(next_town.collectivite):
            for word in (f"'{key}:dupont'", f"x' | '{key}:dupont", f"{key}:dupont*", f"x|{key}:dupont"):
                assert self.ask("SELECT regal_titres_named(%s, 10)", [word]) == []

    def test_the_application_writes_no_word_itself(self, town):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic(), tenant(town.collectivite):
            DebtorWord.objects.create(collectivite=town.collectivite, word="x")


class TestWords:
    def known(self, town):
        with tenant(town.collectivite):
            return set(DebtorWord.objects.of(town.collectivite).values_list("word", flat=True))

    def test_are_learnt_with_names_and_forgotten_with_the_last_of_them(self, town, canteen):
        first, second = file(canteen, "Leroy Zoé", place=1), file(canteen, "Leroy Ali", place=2)
        assert self.known(town) == {"leroy", "zoe", "ali"}
        with tenant(town.collectivite):
            Debtor.objects.filter(titre=first).delete()
        assert self.known(town) == {"leroy", "ali"}
        with tenant(town.collectivite):
            Debtor.objects.filter(titre=second).delete()
        assert self.known(town) == set()

    def test_hold_no_number(self, town, canteen):
        file(canteen, "Leroy 24h", place=1)
        assert self.known(town) == {"leroy"}

    @pytest.mark.parametrize(("letter", "times"), [("œ", 61), ("ﬃ", 50), ("㌖", 120), ("ﷺ", 120), ("𝔄", 120)])
    def test_longer_than_their_name_are_cut(self, town, canteen, letter, times):
        name = letter * times
        filed = file(canteen, name, place=1)
        assert all(0 < len(word) <= 120 for word in self.known(town))
        with tenant(town.collectivite):
            assert list(_titres(town, search(name, collectivite=town.collectivite))) == [filed]
            Debtor.objects.filter(titre=filed).delete()
            Debtor.objects.create(collectivite=town.collectivite, titre=filed, name=name, reference=letter * 30)
        assert all(0 < len(word) <= 120 for word in self.known(town))

    def test_of_a_household_are_found_beside_a_name_that_is_cut(self, town, canteen):
        filed = file(canteen, "œ" * 120, place=1)
        with tenant(town.collectivite):
            Debtor.objects.filter(titre=filed).delete()
            Debtor.objects.create(collectivite=town.collectivite, titre=filed, name="œ" * 120, reference="Foyer-É 17")
            found = search("foyeré17", collectivite=town.collectivite)
            assert list(_titres(town, found)) == [filed]


class TestNumbersAndAmounts:
    def found(self, town, text):
        with tenant(town.collectivite):
            found = search(text, collectivite=town.collectivite)
            return found.kind, sorted(_titres(town, found).values_list("number", flat=True))

    def test_a_number_is_found_with_or_without_its_zeros(self, town, canteen):
        with tenant(town.collectivite):
            for number in ("000000412", "999000412"):
                Titre.objects.create(
                    collectivite=town.collectivite,
                    collector="regie",
                    regie_id=canteen.account.regie_id,
                    product=canteen,
                    document_kind="facture",
                    exercice=2026,
                    number=number,
                    reference=number,
                    issued_on=MORNING.date(),
                    amount=Money(100),
                    created_at=MORNING,
                )
        for typed in ("412", "0412", "000000412", " 000 000 412 "):
            assert self.found(town, typed) == (Kind.NUMBER, ["000000412"])

    def test_the_end_of_a_number_is_enough(self, town, canteen):
        file(canteen, "Leroy", number="FC2026-000412")
        for typed in ("412", "000412", "2026-000412", "fc2026000412"):
            assert self.found(town, typed) == (Kind.NUMBER, ["FC2026-000412"])
        assert self.found(town, "12") == (Kind.NUMBER, [])

    @pytest.mark.parametrize("typed", ["12,50", "12.50", "12,5", "12,50 €", "€ 12,50", "12\u00a0,50\u202f€"])
    def test_an_amount_is_found_as_people_write_it(self, town, canteen, typed):
        file(canteen, "Leroy", cents=1_250, place=1)
        file(canteen, "Petit", cents=12_500, place=2)
        assert self.found(town, typed) == (Kind.AMOUNT, ["FC2026000001"])

    def test_whole_euros_are_an_amount_where_no_number_is(self, town, canteen):
        file(canteen, "Leroy", cents=4_200, place=1)
        assert self.found(town, "42") == (Kind.AMOUNT, ["FC2026000001"])
        assert self.found(town, "1 234,50")[0] is Kind.AMOUNT


class TestPage:
    def keys(self, answer):
        return [line.key for line in answer.context["lines"]]

    def test_carries_a_name_sealed_and_shows_it_again(self, nadia, town, filed):
        answer = nadia.post("/saint-aubin/factures/chercher/", {"recherche": "dupont"})
        assert answer.status_code == 303
        assert "dupont" not in answer.headers["Location"].lower()
        page = nadia.get(answer.headers["Location"])
        assert self.keys(page) == [filed["DUPONT-MARTIN Éloïse"].pk]
        assert 'value="dupont"' in page.content.decode()
        assert "DUPONT-MARTIN" in page.content.decode()  # who searched a name may compare

    def test_is_not_opened_by_the_next_town_s_link(self, nadia, filed):
        other = sealed_search("dupont", town=cast.make_next_town().collectivite)
        assert "tapez-le de nouveau" in nadia.get(LIST, {"cherche": other}).content.decode()

    def test_says_which_near_words_it_searched(self, nadia, filed):
        answer = nadia.get(LIST, {"recherche": "dupotn"})
        assert "noms proches" in answer.content.decode()
        assert self.keys(answer) == [filed["DUPONT-MARTIN Éloïse"].pk]

    def test_finds_by_days_documents_and_groups(self, nadia, town, filed):
        today, all_of_them = MORNING.date().isoformat(), len(filed)
        for query, count in (
            ({"emise_du": today, "emise_au": today}, all_of_them),
            ({"emise_du": "2027-01-01"}, 0),
            ({"limite_au": today}, 0),
            ({"document": "facture", "encaisse_par": "regie"}, all_of_them),
            ({"document": "titre"}, 0),
            ({"etat": "impayees"}, 0),  # drafts
            ({"etat": "brouillon", "recherche": "dupont"}, 1),
        ):
            answer = nadia.get(LIST, query)
            assert answer.context["count"] == count, query

    def test_finds_what_is_overdue_and_what_was_paid_in_part(self, nadia, town, canteen):
        late = operations.record_titre(
            product=canteen, number="FC2026000077", label="Cantine", debtor="Leroy", amount=Money(500),
            issued_on=date(2026, 1, 5), due_on=date(2026, 2, 5), now=MORNING,
        )  # fmt: skip
        operations.issue(titre=late, now=MORNING)
        assert self.keys(nadia.get(LIST, {"etat": "echues"})) == [late.pk]
        assert self.keys(nadia.get(LIST, {"etat": "impayees"})) == [late.pk]
        assert self.keys(nadia.get(LIST, {"etat": "payees-en-partie"})) == []
        with tenant(town.collectivite):
            Product.objects.of(town.collectivite).filter(pk=canteen.pk).update(partial_payment=True)
        record_receipt(
            titre=late, means=Means.CASH, amount=Money(200), received_on=MORNING.date(), form_token=new_token(),
            now=MORNING,
        )  # fmt: skip
        answer = nadia.get(LIST, {"etat": "payees-en-partie"})
        assert self.keys(answer) == [late.pk]
        totals = answer.context["totals"]
        assert (totals.to_collect.amount, totals.paid.amount) == (Money(300), Money(200))

    @pytest.mark.parametrize("about", [{}, {"etat": "brouillon"}, {"limite_du": "2026-01-01"}])
    def test_shows_each_once_from_page_to_page(self, nadia, canteen, monkeypatch, about):
        monkeypatch.setattr("regal.backoffice.queries.PAGE_LENGTH", 2)
        days = [date(2026, 5, 2), date(2026, 3, 1), date(2026, 3, 1), date(2026, 3, 1), date(2026, 4, 1)]
        for place, day in enumerate(days):
            operations.record_titre(
                product=canteen, number=f"FC202600000{place}", label="Cantine", debtor="Leroy", amount=Money(500),
                issued_on=day, due_on=day.replace(month=day.month + 1), now=MORNING,
            )  # fmt: skip
        pages_seen, query = [], dict(about)
        while True:
            answer = nadia.get(LIST, query)
            pages_seen.append([line.name for line in answer.context["lines"]])
            if not answer.context["older_page"]:
                break
            query = dict(parse_qsl(answer.context["older_page"][1:]))
        assert [name[-1] for one in pages_seen for name in one] == ["0", "4", "3", "2", "1"]
        assert [len(one) for one in pages_seen] == [2, 2, 1]
        newer = nadia.get(LIST, dict(parse_qsl(answer.context["newer_page"][1:])))
        assert [line.name for line in newer.context["lines"]] == pages_seen[1]

    def test_counts_beyond_its_bound_only_when_asked(self, nadia, filed, monkeypatch):
        monkeypatch.setattr("regal.backoffice.titre_queries.MOST_COUNTED", 3)
        monkeypatch.setattr("regal.backoffice.queries.PAGE_LENGTH", 2)
        answer = nadia.get(LIST)
        assert answer.context["totals"] is None
        assert "Calculer les totaux" in answer.content.decode()
        assert nadia.get(LIST, {"totaux": "oui"}).context["totals"].count == len(filed)

    def test_whoever_may_act_acts_on_no_more_than_was_counted(self, bureau, town, filed, monkeypatch):
        bureau.force_login(cast.make_agent(town, "paul", Role.REGISSEUR))
        whole = 'name="tout" value="1">Agir sur'
        assert whole in bureau.get(LIST).content.decode()
        monkeypatch.setattr("regal.backoffice.titre_queries.MOST_COUNTED", 3)
        monkeypatch.setattr("regal.backoffice.queries.PAGE_LENGTH", 2)
        answer = bureau.get(LIST)
        assert answer.status_code == 200
        assert whole not in answer.content.decode()

    def test_past_the_end_is_the_first_page(self, nadia, filed):
        for past in ({"apres": "1-1"}, {"avant": "99999999999999999-1"}):
            answer = nadia.get(LIST, past)
            assert self.keys(answer) == self.keys(nadia.get(LIST))
            assert answer.context["count"] == len(filed)
            assert not answer.context["is_suite"]

    def test_refuses_what_is_too_long(self, nadia, filed):
        answer = nadia.post("/saint-aubin/factures/chercher/", {"recherche": "x" * 101})
        assert answer.status_code == 422
        assert re.search("R477", answer.content.decode())


class TestDistance:
    @pytest.mark.parametrize(
        ("one", "other", "far"),
        [
            ("dupont", "dupont", 0),
            ("dupotn", "dupont", 1),
            ("dumont", "dupont", 1),
            ("", "abc", 3),
            ("abc", "", 3),
            ("leroi", "leroy", 1),
        ],
    )
    def test_counts_what_fingers_do(self, one, other, far):
        assert distance(one, other) == far
