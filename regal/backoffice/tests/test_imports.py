"""The pages of imports: who may send a file, what is asked of it, what its report says, and what confirming does."""

import re
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from regal.audit.models import AuditEntry
from regal.backoffice import import_template, pages
from regal.backoffice import imports as import_pages
from regal.collectivites.models import Collectivite, Product, Regie
from regal.gateways.base import DebtKind, Environment
from regal.lib import uploads
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.people.models import Membership, Role, User
from regal.titres import importers, imports
from regal.titres.import_states import ImportState
from regal.titres.models import Collector, Import, ImportLine, ImportSource, Titre
from tests import cast, notices
from tests.cast import later

pytestmark = pytest.mark.django_db

SAMPLES = Path(importers.__file__).parent / "tests" / "samples"
LIST = "/saint-aubin/factures/imports/"
NEW = f"{LIST}nouveau/"
HEADER = "Numéro;Nom;Objet;Montant;Date d’émission;Date limite"
NOW = later(hours=1)


def row(number, amount="38,40", *, name="MARTIN Camille", label="Cantine, octobre", issued="12/11/2026"):
    return f"FC2026-{number:06d};{name};{label};{amount};{issued};15/12/2026"


def table(*rows, header=HEADER):
    return "\r\n".join([header, *rows]).encode() + b"\r\n"


GOOD = table(row(101), row(102, "37,75"), row(103, "126,00"))
WRONG_TOO = table(row(101), row(102, "12,345"), row(103, "126,00"))


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    monkeypatch.setattr(pages, "clock", lambda: NOW)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    return cast.make_canteen(town, environment=Environment.PRODUCTION)


@pytest.fixture
def nadia(bureau, town):
    """An agent of Saint-Aubin, who may look."""
    bureau.force_login(town.agent)
    return bureau


@pytest.fixture
def paul(bureau, town, canteen):
    """Its régisseur, who may act."""
    bureau.force_login(cast.make_agent(town, "paul", Role.REGISSEUR))
    return bureau


def words(answer):
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", text.replace("\u00a0", " ").replace("\u202f", " "))


def collector(canteen):
    return f"regie-{canteen.account.regie_id}"


def send(client, canteen, content, *, name="cantine.csv", **told):
    fields = {"source": "", "nom": "Tableau de la cantine", "encaisse": collector(canteen), "produit": ""} | told
    return client.post(NEW, fields | {"fichier": SimpleUploadedFile(name, content)})


def chosen(page):
    """What the form of a page would send as it stands."""
    form = page.context["form"]
    return {name: form[name].value() or "" for name in form.fields if form[name].value() not in (None, "", False)}


def sent(client, canteen, content, **told):
    answer = send(client, canteen, content, **told)
    assert answer.status_code == 303, words(answer)
    return answer["Location"]


def read(client, canteen, content, **told):
    """Sent, its columns as guessed, and read."""
    where = sent(client, canteen, content, **told)
    page = client.get(where)
    if page.context["asks_columns"]:
        columns = f"{where}colonnes/"
        answer = client.post(columns, chosen(client.get(columns)) | {"acte": "lire"})
        assert answer.status_code == 303, words(answer)
    notices.run_due(NOW)
    return where


def confirmed(client, canteen, content, **told):
    where = read(client, canteen, content, **told)
    answer = confirm(client, where)
    assert answer.status_code == 303, words(answer)
    notices.run_due(NOW)
    return where


def confirm(client, where, **told):
    page = client.get(where)
    return client.post(f"{where}confirmer/", {"vu": page.context["seen"], "acte": "tout"} | told)


def state(town):
    with tenant(town.collectivite):
        return Import.objects.of(town.collectivite).latest("pk").state


def titres(town):
    with tenant(town.collectivite):
        return list(Titre.objects.of(town.collectivite).order_by("number"))


class TestWho:
    def test_an_agent_reads_and_no_more(self, bureau, town, paul, canteen):
        where = read(paul, canteen, GOOD)
        bureau.force_login(town.agent)
        for address in (LIST, where, f"{LIST}guide/"):
            answer = bureau.get(address)
            assert answer.status_code == 200
            assert b"<form" not in answer.content.partition(b"<main")[2]
        assert bureau.get(f"{where}rapport.csv").status_code == 200
        assert bureau.get(NEW).status_code == 403
        assert send(bureau, canteen, GOOD).status_code == 403
        assert bureau.get(f"{where}colonnes/").status_code == 403
        for act in ("confirmer", "ecarter", "defaire"):
            assert bureau.post(f"{where}{act}/").status_code == 403
        assert state(town) == ImportState.PROPOSED

    @pytest.mark.parametrize("role", [Role.REGISSEUR, Role.ADMINISTRATOR])
    def test_a_regisseur_and_an_administrator_import(self, bureau, town, canteen, role):
        bureau.force_login(cast.make_agent(town, "rose", role))
        confirmed(bureau, canteen, GOOD)
        assert len(titres(town)) == 3

    def test_a_stranger_finds_nothing(self, bureau, town, paul, canteen):
        where = read(paul, canteen, GOOD)
        bureau.force_login(User.objects.create_user(identifier="marc", email="marc@example.org"))
        for address in (LIST, NEW, where, f"{where}colonnes/", f"{where}rapport.csv", f"{LIST}modele.csv"):
            assert bureau.get(address).status_code == 404
        assert bureau.post(f"{where}confirmer/").status_code == 404

    def test_the_next_town_s_import_is_nobody_s_here(self, town, paul, canteen):
        where = read(paul, canteen, GOOD)
        next_town = cast.make_next_town()
        with tenant(next_town.collectivite):
            Membership.objects.create(
                collectivite=next_town.collectivite, user=User.objects.get(identifier="paul"), role=Role.REGISSEUR
            )
        theirs = where.replace("saint-aubin", next_town.collectivite.slug)
        assert theirs != where
        for address in (theirs, f"{theirs}colonnes/", f"{theirs}rapport.csv"):
            assert paul.get(address).status_code == 404
        for act in ("confirmer", "ecarter", "defaire"):
            assert paul.post(f"{theirs}{act}/").status_code == 404

    @pytest.mark.parametrize("key", ["0", "999999999", str(2**63), "9" * 100])
    def test_an_odd_number_is_nobody_s_import(self, paul, key):
        assert paul.get(f"{LIST}{key}/").status_code == 404
        assert paul.post(f"{LIST}{key}/confirmer/").status_code == 404

    def test_nobody_acts_by_a_link(self, paul, canteen):
        where = read(paul, canteen, GOOD)
        for act in ("confirmer", "ecarter", "defaire"):
            assert paul.get(f"{where}{act}/").status_code == 405

    def test_a_town_does_not_choose_the_next_one_s_regie(self, town, paul, canteen):
        next_town = cast.make_next_town()
        theirs = cast.make_product(next_town, DebtKind.REGIE, slug="cantine", numcli="012399")
        assert send(paul, canteen, GOOD, encaisse=f"regie-{theirs.account.regie_id}").status_code == 422


class TestSending:
    def test_says_who_collects(self, paul, canteen):
        page = words(paul.get(NEW))
        assert "Qui encaisse" in page
        assert "Le comptable public, pour « Budget principal »" in page
        with tenant(canteen.collectivite_id):
            assert f"La régie « {Regie.objects.get().name} »" in page

    @pytest.mark.parametrize(
        ("told", "code"),
        [
            ({"nom": ""}, "R442"),
            ({"nom": "x" * 81}, "R442"),
            ({"encaisse": ""}, "R444"),
            ({"encaisse": "regie-0"}, "R444"),
            ({"source": "0"}, "R441"),
            ({"source": "x\0"}, "R"),
            ({"produit": "rien"}, "R447"),
            ({"produit": "titres"}, "R448"),
        ],
    )
    def test_says_what_is_missing_and_keeps_nothing(self, town, paul, canteen, told, code):
        answer = send(paul, canteen, GOOD, **told)
        assert answer.status_code == 422
        assert re.search("<title>[^<]*Erreur", answer.content.decode())
        assert code in words(answer)
        with tenant(town.collectivite):
            assert not Import.objects.exists()
            assert not ImportSource.objects.exists()

    @pytest.mark.parametrize(
        "content",
        [b"%PDF-1.7\n", b"", b"\0" * 500, b"<html></html>", b"PK\x03\x04nothing", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"],
        ids=["pdf", "empty", "zeros", "html", "zip", "xls"],
    )
    def test_says_what_a_foreign_file_is(self, town, paul, canteen, content):
        answer = send(paul, canteen, content)
        assert answer.status_code == 422
        assert answer.context["form"].errors["fichier"][0][0] in "FR"
        with tenant(town.collectivite):
            assert not Import.objects.exists()

    @pytest.mark.parametrize("name", ["pes-recette-aller-exemple.xml", "pes-ormc-exemple.xml"])
    def test_asks_nothing_of_a_pes_and_refuses_another_budget_s(self, town, paul, canteen, name):
        with tenant(town.collectivite):
            budget = f"budget-{town.account.budget_id}"
        where = sent(paul, canteen, (SAMPLES / name).read_bytes(), encaisse=budget, name=name)
        assert not paul.get(where).context["asks_columns"]
        notices.run_due(NOW)
        page = words(paul.get(where))
        assert "Ce fichier ne peut pas être importé" in page
        assert "F590" in page

    def test_asks_for_the_file_where_none_was_sent(self, paul, canteen):
        fields = {"source": "", "nom": "Cantine", "encaisse": collector(canteen), "produit": ""}
        assert "Choisissez un fichier" in words(paul.post(NEW, fields))

    def test_says_how_large_a_file_may_be(self, monkeypatch, paul, canteen):
        monkeypatch.setattr(uploads.BoundedUpload, "receive_data_chunk", _too_large)
        answer = send(paul, canteen, GOOD)
        assert answer.status_code == 422
        assert "R233" in words(answer)
        assert "200 Mo" in words(answer)

    @pytest.mark.parametrize("name", ["<script>alert(1)</script>.csv", "../../etc/passwd", "=1+1.csv", "é" * 300])
    def test_shows_a_hostile_name_as_a_name(self, paul, canteen, name):
        where = sent(paul, canteen, GOOD, name=name)
        for address in (where, LIST):
            answer = paul.get(address)
            assert answer.status_code == 200
            assert b"<script>alert" not in answer.content

    def test_sends_to_the_settings_a_town_that_has_no_product(self, paul):
        town = Collectivite.objects.create(slug="vide", name="Vide")
        with tenant(town):
            cast.add_member(town, User.objects.get(identifier="paul"), Role.REGISSEUR)
        assert "Il faut d’abord une régie ou un budget" in words(paul.get("/vide/factures/imports/nouveau/"))


def _too_large(self, raw_data, start):
    from django.core.files.uploadhandler import StopUpload

    self.request.file_was_too_large = True
    raise StopUpload


class TestColumns:
    def test_are_guessed_and_shown_with_the_first_rows(self, paul, canteen):
        where = sent(paul, canteen, GOOD)
        assert "Vérifier les colonnes" in words(paul.get(where))
        page = paul.get(f"{where}colonnes/")
        assert {"c_number": "Numéro", "c_amount": "Montant", "c_name": "Nom", "c_label": "Objet"}.items() <= chosen(
            page
        ).items()
        assert "MARTIN Camille" in words(page)
        assert "UTF-8" in words(page)

    def test_are_remembered_and_not_asked_again(self, town, paul, canteen):
        read(paul, canteen, GOOD)
        with tenant(town.collectivite):
            source = ImportSource.objects.get()
        where = sent(paul, canteen, table(row(201)), source=str(source.pk))
        assert not paul.get(where).context["asks_columns"]
        notices.run_due(NOW)
        assert paul.get(where).context["one"].state == ImportState.PROPOSED
        assert "Colonnes retenues : Numéro" in words(paul.get(LIST))

    def test_are_asked_again_of_a_file_that_has_others(self, town, paul, canteen):
        read(paul, canteen, GOOD)
        with tenant(town.collectivite):
            source = ImportSource.objects.get()
        other = table(row(201) + ";x", header=HEADER + ";Service")
        where = sent(paul, canteen, other, source=str(source.pk))
        assert paul.get(where).context["asks_columns"]
        page = paul.get(f"{where}colonnes/")
        assert page.context["is_remembered"]
        assert chosen(page)["c_number"] == "Numéro"

    def test_say_one_thing_each(self, paul, canteen):
        columns = f"{sent(paul, canteen, GOOD)}colonnes/"
        told = chosen(paul.get(columns)) | {"c_label": "Montant", "acte": "lire"}
        answer = paul.post(columns, told)
        assert answer.status_code == 422
        assert "R446" in words(answer)

    @pytest.mark.parametrize("typed", ["", "Rien de tel", "x\0"])
    def test_hold_what_every_invoice_needs(self, paul, canteen, typed):
        columns = f"{sent(paul, canteen, GOOD)}colonnes/"
        answer = paul.post(columns, chosen(paul.get(columns)) | {"c_amount": typed, "acte": "lire"})
        assert answer.status_code == 422
        assert 'id="id_c_amount_error"' in answer.content.decode()

    def test_are_shown_again_with_another_writing(self, paul, canteen):
        columns = f"{sent(paul, canteen, GOOD)}colonnes/"
        told = chosen(paul.get(columns)) | {"codage": "windows-1252", "separateur": ",", "acte": "apercu"}
        answer = paul.post(columns, told)
        assert answer.status_code == 200
        assert "F540" in words(answer)  # it is UTF-8 all the same
        assert chosen(answer)["separateur"] == ","

    def test_ask_which_product_a_code_means(self, town, paul, canteen):
        cast.make_canteen(town, numcli="006384", slug="garderie", environment=Environment.PRODUCTION)
        content = table(row(101) + ";CANT", row(102) + ";GARD", header=HEADER + ";Produit")
        columns = f"{sent(paul, canteen, content)}colonnes/"
        page = paul.get(columns)
        assert "Le code « CANT »" in words(page)
        assert "Le code « GARD »" in words(page)
        told = chosen(page) | {"produit_0": "restaurant", "produit_1": "restaurant", "acte": "lire"}
        assert paul.post(columns, told).status_code == 303
        with tenant(town.collectivite):
            assert ImportSource.objects.get().products == {"CANT": canteen.pk, "GARD": canteen.pk}

    def test_of_ten_thousand_are_refused_or_shown_in_bounds(self, paul, canteen):
        content = table(";".join(["x"] * 10_000), header=";".join(f"C{place}" for place in range(10_000)))
        answer = send(paul, canteen, content)
        if answer.status_code == 303:
            page = paul.get(f"{answer['Location']}colonnes/")
            assert page.status_code == 200
            assert len(page.content) < 2_000_000
        else:
            assert answer.status_code == 422

    def test_are_chosen_by_rank_where_nothing_names_them(self, paul, canteen):
        columns = sent(paul, canteen, GOOD.partition(b"\r\n")[2]) + "colonnes/"
        page = paul.get(columns)
        told = chosen(page) | {"c_number": "1", "c_name": "2", "c_label": "3", "c_amount": "4", "c_issued_on": "5"}
        told.pop("titres", None)
        assert paul.post(columns, told | {"acte": "lire"}).status_code == 303
        notices.run_due(NOW)
        page = paul.get(columns.removesuffix("colonnes/"))
        assert "3 lignes nouvelles" in words(page)

    def test_are_changed_and_the_file_read_again(self, town, paul, canteen):
        where = read(paul, canteen, table(row(101) + ";12,00", header=HEADER + ";Total"))
        columns = f"{where}colonnes/"
        answer = paul.post(columns, chosen(paul.get(columns)) | {"c_amount": "Total", "acte": "lire"})
        assert answer.status_code == 303
        notices.run_due(NOW)
        assert "pour 12,00 €" in words(paul.get(answer["Location"]))


class TestReading:
    def test_refreshes_itself_and_may_be_left(self, town, paul, canteen):
        where = sent(paul, canteen, GOOD)
        columns = f"{where}colonnes/"
        paul.post(columns, chosen(paul.get(columns)) | {"acte": "lire"})
        page = paul.get(where)
        assert page["Refresh"] == "3"
        assert "vous pouvez aussi la quitter" in words(page)
        assert where in paul.get(LIST).content.decode()

    def test_is_stopped_by_discarding(self, town, paul, canteen):
        where = sent(paul, canteen, GOOD)
        columns = f"{where}colonnes/"
        paul.post(columns, chosen(paul.get(columns)) | {"acte": "lire"})
        assert paul.post(f"{where}ecarter/").status_code == 303
        notices.run_due(NOW)
        assert state(town) == ImportState.DISCARDED
        assert "a été écarté" in words(paul.get(where))
        assert titres(town) == []


class TestReport:
    def test_counts_sums_and_says_what_confirming_will_do(self, town, paul, canteen):
        where = read(paul, canteen, GOOD)
        page = words(paul.get(where))
        assert "3 lignes nouvelles, pour 202,15 €." in page
        assert "Confirmer crée 3 factures, payables en ligne aussitôt, pour 202,15 €." in page
        assert "La régie « Régie » encaisse." in page
        assert titres(town) == []

    def test_names_the_cell_that_is_wrong_and_the_remedy(self, paul, canteen):
        page = words(paul.get(f"{read(paul, canteen, WRONG_TOO)}?verdict=error"))
        assert "ligne 3" in page
        assert "Montant" in page
        assert "12,345" in page

    def test_shows_both_amounts_of_what_changes(self, town, paul, canteen):
        confirmed(paul, canteen, GOOD)
        with tenant(town.collectivite):
            source = str(ImportSource.objects.get().pk)
        where = read(paul, canteen, table(row(101, "30,00"), row(102, "37,75")), source=source)
        page = words(paul.get(where))
        assert "38,40 €, devient 30,00 €" in page
        assert "1 changée ; 1 inchangée" in page

    @pytest.mark.parametrize("query", ["?verdict=x", "?verdict=new&apres=x", "?apres=999999999", "?apres=" + "9" * 50])
    def test_reads_odd_queries(self, paul, canteen, query):
        assert paul.get(read(paul, canteen, GOOD) + query).status_code == 200

    def test_forgets_no_line_from_page_to_page(self, paul, canteen, monkeypatch):
        monkeypatch.setattr(import_pages, "PAGE_LENGTH", 2)
        where = read(paul, canteen, table(*(row(100 + place) for place in range(5))))
        seen, query = [], ""
        for _ in range(3):
            page = paul.get(f"{where}?{query}")
            seen += [line.place for line in page.context["lines"]]
            query = page.context["next_query"]
        assert len(set(seen)) == 5
        assert query == ""

    def test_is_downloaded_with_its_formulas_neutralised(self, paul, canteen):
        where = read(paul, canteen, table(row(101, "=1+1", label="=cmd()"), row(102)))
        answer = paul.get(f"{where}rapport.csv")
        content = b"".join(answer.streaming_content).decode("utf-8-sig")
        lines = content.split("\r\n")
        assert lines[0] == "Place;Verdict;Numéro;Montant;Cellule;À savoir;À faire;Code"
        assert not re.search(r"(^|;|\")=", content, re.MULTILINE)
        assert "en erreur" in lines[1]
        assert "MARTIN" not in content

    def test_with_errors_alone_says_how_many_are_to_be_corrected(self, paul, canteen):
        where = read(paul, canteen, table(row(101, "12,345"), row(102, "x")))
        page = words(paul.get(where))
        assert "Aucune ligne de ce fichier ne peut entrer dans la base : 2 lignes sont à corriger." in page
        assert "déjà dans la base" not in page

    def test_of_a_file_read_twice_says_so(self, town, paul, canteen):
        confirmed(paul, canteen, GOOD)
        with tenant(town.collectivite):
            source = str(ImportSource.objects.get().pk)
        where = read(paul, canteen, GOOD, source=source)
        page = words(paul.get(where))
        assert "3 inchangées" in page
        assert "Ce même fichier est déjà dans la base" in page
        assert "Confirmer ne changerait rien" in page


class TestConfirming:
    def test_makes_invoices_that_can_be_paid_and_leads_to_them(self, town, paul, canteen):
        where = confirmed(paul, canteen, GOOD)
        made = titres(town)
        assert [(one.status, one.amount) for one in made] == [
            ("open", Money(3_840)),
            ("open", Money(3_775)),
            ("open", Money(12_600)),
        ]
        page = paul.get(where)
        assert "Cet import est confirmé" in words(page)
        assert f"/saint-aubin/factures/{made[0].pk}/" in page.content.decode()
        assert page.context["titres_of_it"].endswith(f"?importation={page.context['one'].key}")

    def test_pressed_twice_or_gone_back_to_does_it_once(self, town, paul, canteen):
        where = read(paul, canteen, GOOD)
        seen = paul.get(where).context["seen"]
        for _ in range(2):
            assert paul.post(f"{where}confirmer/", {"vu": seen, "acte": "tout"}).status_code == 303
        notices.run_due(NOW)
        assert paul.post(f"{where}confirmer/", {"vu": seen, "acte": "tout"}).status_code == 303
        notices.run_due(NOW)
        assert len(titres(town)) == 3

    def test_of_another_report_is_told(self, town, paul, canteen):
        where = read(paul, canteen, GOOD)
        answer = paul.post(f"{where}confirmer/", {"vu": "hier", "acte": "tout"})
        assert answer.status_code == 422
        assert "Le rapport a changé" in words(answer)
        assert state(town) == ImportState.PROPOSED

    def test_leaves_wrong_lines_out_only_where_somebody_says_how_many(self, town, paul, canteen):
        where = read(paul, canteen, WRONG_TOO)
        page = words(paul.get(where))
        assert "Laisser de côté la ligne en conflit ou en erreur" in page
        assert "Confirmer les 2 lignes valables" in page
        assert confirm(paul, where).status_code == 422
        assert confirm(paul, where, acte="valides").status_code == 422
        assert confirm(paul, where, acte="valides", sans="2").status_code == 422
        assert titres(town) == []
        assert confirm(paul, where, acte="valides", sans="1").status_code == 303
        notices.run_due(NOW)
        assert len(titres(town)) == 2

    def test_discards_after_which_nothing_is_confirmed(self, town, paul, canteen):
        where = read(paul, canteen, GOOD)
        for _ in range(2):
            assert paul.post(f"{where}ecarter/").status_code == 303
        answer = paul.post(f"{where}confirmer/", {"vu": "", "acte": "tout"})
        assert answer.status_code == 422
        assert titres(town) == []

    def test_of_many_lines_they_are_forgotten_by_a_worker(self, town, paul, canteen, monkeypatch):
        monkeypatch.setattr(imports, "AT_ONCE", 2)
        where = read(paul, canteen, GOOD)
        assert paul.post(f"{where}ecarter/").status_code == 303
        with tenant(town.collectivite):
            assert ImportLine.objects.exists()
        answer = paul.get(f"{where}rapport.csv")
        assert (answer.status_code, answer.headers["Location"]) == (303, where)
        notices.run_due(NOW)
        with tenant(town.collectivite):
            assert not ImportLine.objects.exists()


class TestUndoing:
    def test_takes_everything_out_again(self, town, paul, canteen):
        where = confirmed(paul, canteen, GOOD)
        for _ in range(2):
            assert paul.post(f"{where}defaire/").status_code == 303
        assert state(town) == ImportState.UNDONE
        assert {one.status for one in titres(town)} == {"withdrawn"}
        page = words(paul.get(where))
        assert "Cet import a été défait" in page
        assert re.search("Confirmé le .* par paul", page)
        assert re.search("Défait le .* par paul", page)
        paul.force_login(town.agent)
        assert not paul.get("/saint-aubin/factures/").context["lines"]
        assert len(paul.get("/saint-aubin/factures/?etat=retiree").context["lines"]) == 3

    def test_of_many_is_a_worker_s(self, town, paul, canteen, monkeypatch):
        monkeypatch.setattr(imports, "AT_ONCE", 2)
        where = confirmed(paul, canteen, GOOD)
        for _ in range(2):
            assert paul.post(f"{where}defaire/").status_code == 303
        page = paul.get(where)
        assert page.headers["Refresh"]
        assert "en train d’être défait" in words(page)
        assert "écarter" not in words(page)
        assert {one.status for one in titres(town)} == {"open"}
        notices.run_due(NOW)
        assert state(town) == ImportState.UNDONE
        assert re.search("Défait le .* par paul", words(paul.get(where)))

    def test_is_refused_once_something_was_paid(self, town, paul, canteen):
        where = confirmed(paul, canteen, GOOD)
        notices.pay(town, titres(town)[0])
        page = paul.get(where)
        assert not page.context["can_undo"]
        assert "ne se défait plus" in words(page)
        assert paul.post(f"{where}defaire/").status_code == 422
        assert state(town) == ImportState.CONFIRMED

    def test_is_not_offered_before(self, paul, canteen):
        where = read(paul, canteen, GOOD)
        assert paul.post(f"{where}defaire/").status_code == 422


class TestCodesOfAPes:
    CONTENT = (SAMPLES / "pes-recette-aller-exemple.xml").read_bytes().replace(b"21990042000015", b"21350001600011")

    @pytest.fixture
    def loyers(self, town):
        return cast.make_product(town, DebtKind.TITRE, slug="loyers", numcli="012388")

    def test_are_asked_with_the_products_of_who_collects(self, town, paul, canteen, loyers):
        where = self.send(town, paul, canteen)
        page = paul.get(where)
        assert "Dire quel produit désigne chaque code" in words(page)
        page = paul.get(f"{where}colonnes/")
        assert "Quel produit désigne chaque code ?" in words(page)
        form = page.context["form"]
        codes = {form[f"code_{place}"].value(): f"produit_{place}" for place in range(form.codes_found)}
        assert {"CANT", "LOYE"} <= set(codes)
        assert {slug for slug, _name in form.fields[codes["LOYE"]].choices} == {"", "titres", "loyers"}
        told = chosen(page) | {codes["LOYE"]: "loyers", "produit": "titres", "acte": "lire"}
        assert paul.post(f"{where}colonnes/", told).status_code == 303
        notices.run_due(NOW)
        page = paul.get(where)
        assert "L302" not in words(page)
        assert page.context["would_write"] > 0
        with tenant(town.collectivite):
            source = ImportSource.objects.get()
        assert source.products["LOYE"] == loyers.pk
        assert source.products["CANT"] == town.product.pk
        assert source.default_product_id == town.product.pk
        assert not paul.get(self.send(town, paul, canteen, source=str(source.pk))).context["asks_columns"]
        assert paul.get(f"{where}colonnes/").status_code == 200  # to be changed

    def test_are_not_asked_where_there_is_one_product(self, town, paul, canteen):
        where = self.send(town, paul, canteen)
        assert not paul.get(where).context["asks_columns"]
        notices.run_due(NOW)
        assert paul.get(where).context["would_write"] > 0

    def send(self, town, paul, canteen, **told):
        budget = f"budget-{town.account.budget_id}"
        return sent(paul, canteen, self.CONTENT, name="pes.xml", **{"encaisse": budget} | told)


class TestExercice:
    HEADER = "Numéro;Nom;Montant"
    CONTENT = table("FC2026-000101;MARTIN Camille;38,40", header=HEADER)

    def test_is_asked_where_nothing_says_it(self, paul, canteen):
        where = sent(paul, canteen, self.CONTENT)
        columns = f"{where}colonnes/"
        told = chosen(paul.get(columns)) | {"acte": "lire"}
        for typed, code in (("", "R493"), ("26", "R494"), ("x", "R494")):
            answer = paul.post(columns, told | {"exercice": typed})
            assert answer.status_code == 422
            assert code in words(answer)
        assert paul.post(columns, told | {"exercice": "2026"}).status_code == 303
        notices.run_due(NOW)
        assert "1 ligne nouvelle, pour 38,40 €" in words(paul.get(where))

    def test_is_asked_again_after_a_refusal(self, town, paul, canteen):
        with tenant(town.collectivite):
            options = {
                "columns": {"number": "Numéro", "amount": "Montant", "name": "Nom"},
                "seen": self.HEADER.split(";"),
            }
            source = imports.add_source(
                collectivite=town.collectivite,
                name="Ancien logiciel",
                collector=Collector.REGIE,
                regie=canteen.account.regie,
                options=options,
                default_product=canteen,
                now=NOW,
            )
            refused = imports.keep(source=source, name="a.csv", chunks=[self.CONTENT], now=NOW)
        notices.run_due(NOW)
        where = f"{LIST}{refused.pk}/"
        page = words(paul.get(where))
        assert "F544" in page
        assert "Changer les colonnes et relire" in page
        assert paul.get(sent(paul, canteen, self.CONTENT, source=str(source.pk))).context["asks_columns"] == "columns"
        told = chosen(paul.get(f"{where}colonnes/")) | {"exercice": "2026", "acte": "lire"}
        answer = paul.post(f"{where}colonnes/", told)
        assert answer.status_code == 303
        notices.run_due(NOW)
        assert "1 ligne nouvelle" in words(paul.get(answer["Location"]))
        assert "écarté" in words(paul.get(where))


class TestRegies:
    CONTENT = table(row(101) + ";12", row(102) + ";13", row(103) + ";", header=HEADER + ";REGIE")

    def test_are_confirmed_and_the_others_stay_out(self, town, paul, canteen):
        where = sent(paul, canteen, self.CONTENT)
        columns = f"{where}colonnes/"
        page = paul.get(columns)
        assert "Les lignes du code « 12 » sont à votre régie" in words(page)
        assert "Les lignes sans code sont à votre régie" in words(page)
        told = chosen(page) | {"acte": "lire"}
        answer = paul.post(columns, told)
        assert answer.status_code == 422
        assert "R495" in words(answer)
        assert paul.post(columns, told | {"regie_0": "on"}).status_code == 303
        notices.run_due(NOW)
        page = paul.get(where)
        assert page.context["would_write"] == 1
        assert "L301" in words(page)
        with tenant(town.collectivite):
            assert ImportSource.objects.get().regie_codes == ["12"]

    def test_of_a_column_just_chosen_are_shown_before_reading(self, paul, canteen):
        where = sent(paul, canteen, self.CONTENT.replace(b"REGIE", b"XYZ"))
        columns = f"{where}colonnes/"
        answer = paul.post(columns, chosen(paul.get(columns)) | {"c_regie": "XYZ", "regie_0": "on", "acte": "lire"})
        assert answer.status_code == 200
        assert "portent des codes" in words(answer)
        assert paul.post(columns, chosen(answer) | {"regie_0": "on", "acte": "lire"}).status_code == 303


class TestTemplate:
    def test_is_imported_as_it_is_and_brings_nothing(self, town, paul, canteen):
        content = paul.get(f"{LIST}modele.csv").content
        assert content.startswith(b"\xef\xbb\xbf")
        where = read(paul, canteen, content)
        page = paul.get(where)
        assert "2 laissées de côté" in words(page)
        assert page.context["would_write"] == 0
        assert page.context["left_out"] == 0

    def test_as_a_workbook_too_once_filled_in(self, town, paul, canteen):
        book = openpyxl.load_workbook(BytesIO(b"".join(paul.get(f"{LIST}modele.xlsx").streaming_content)))
        sheet = book.worksheets[0]
        sheet.append(["FC2026-000301", "", "MARTIN", "Cantine", 12.5, None, None])
        sheet["F4"], sheet["F4"].number_format = "2026-11-12", "@"
        out = BytesIO()
        book.save(out)
        where = read(paul, canteen, out.getvalue(), name="modele.xlsx")
        page = words(paul.get(where))
        assert "1 ligne nouvelle, pour 12,50 €" in page

    def test_has_no_other_kind(self, paul):
        assert paul.get(f"{LIST}modele.pdf").status_code == 404

    def test_is_told_step_by_step(self, paul):
        page = words(paul.get(f"{LIST}guide/"))
        for column in import_template.COLUMNS:
            assert column.title in page


class TestWords:
    """The pages call a debt by the word that the town chose."""

    PAGES = ("", "nouveau/", "guide/")

    @pytest.fixture(params=["avis", "titre"])
    def word(self, request, town):
        with tenant(town.collectivite):
            Collectivite.objects.filter(pk=town.collectivite.pk).update(debt_word=request.param)
        return request.param

    def test_of_every_page_are_the_town_s(self, paul, canteen, word):
        wrong = confirmed(paul, canteen, GOOD)
        report = read(paul, canteen, table(row(101, "30,00"), row(104), row(105, "12,345")), nom="Autre")
        pages_seen = [*(f"{LIST}{rest}" for rest in self.PAGES), wrong, report, f"{report}?verdict=error"]
        for where in [*pages_seen, f"{report}colonnes/"]:
            page = words(paul.get(where))
            assert "facture" not in page.lower(), where

    def test_agree_with_it(self, paul, canteen, word):
        page = words(paul.get(read(paul, canteen, table(row(101), row(102)))))
        plural = {"avis": "avis", "titre": "titres"}[word]
        assert f"Confirmer crée 2 {plural}, payables en ligne aussitôt, pour 76,80 €." in page
        assert "2 lignes nouvelles, pour 76,80 €." in page

    def test_of_one_line_are_singular(self, paul, canteen):
        page = words(paul.get(read(paul, canteen, table(row(101)))))
        assert "1 ligne nouvelle, pour 38,40 €." in page
        assert "Confirmer crée 1 facture, payable en ligne aussitôt, pour 38,40 €." in page

    def test_of_an_error_name_the_cell(self, paul, canteen):
        page = words(paul.get(read(paul, canteen, table(row(101), row(102, "12,345")))))
        assert "Colonne D (Montant), ligne 3 : « 12,345 » a plus de deux décimales" in page
        assert "Écrivez le montant au centime près" in page

    def test_of_a_place_are_the_reader_s(self, paul, canteen):
        where = read(paul, canteen, GOOD)
        with tenant(Collectivite.objects.get(slug="saint-aubin")):
            assert {line.place for line in ImportLine.objects.all()} == {""}
        assert "ligne 2" in words(paul.get(where))


def source_of(town):
    with tenant(town.collectivite):
        return ImportSource.objects.of(town.collectivite).select_related("default_product").get()


def move(town, product):
    """Another régie collects it from now on."""
    other = cast.make_canteen(town, slug="autre", numcli="006390")
    with tenant(town.collectivite):
        Product.objects.filter(pk=product.pk).update(account=other.account)


def last_act(town):
    with tenant(town.collectivite):
        return AuditEntry.objects.filter(collectivite=town.collectivite).latest("pk")


@pytest.fixture
def where(town, paul, canteen):
    """The page of a source that brought three invoices."""
    confirmed(paul, canteen, GOOD)
    return f"{LIST}sources/{source_of(town).pk}/"


class TestSourcePage:
    def test_says_who_collects_the_columns_and_the_imports(self, paul, where):
        page = words(paul.get(where))
        assert "encaisse." in page
        assert "Date d’émission Date d’émission" in page
        assert "cantine.csv" not in paul.get(NEW).content.decode()
        assert "cantine.csv" in page
        assert "Fermer cette source" in page

    def test_is_reached_from_the_list(self, paul, where):
        assert f'href="{where}"' in paul.get(LIST).content.decode()

    def test_shows_an_agent_what_it_is_and_lets_them_change_nothing(self, bureau, town, paul, where):
        bureau.force_login(town.agent)
        page = bureau.get(where)
        assert page.status_code == 200
        assert "Fermer cette source" not in words(page)
        for act in ("modifier", "oublier", "fermer", "rouvrir"):
            assert bureau.post(where, {"acte": act, "nom": "X"}).status_code == 403
        assert source_of(town).is_active

    @pytest.mark.parametrize("key", ["0", "999999", "9" * 25])
    def test_is_nowhere_for_an_unknown_source(self, paul, key):
        assert paul.get(f"{LIST}sources/{key}/").status_code == 404


class TestChangingASource:
    def test_its_name_is_an_act_and_touches_no_import(self, town, paul, where):
        before = [(titre.pk, titre.number) for titre in titres(town)]
        answer = paul.post(where, {"acte": "modifier", "nom": "  Cantine, logiciel  ", "produit": ""})
        assert answer.status_code == 303
        assert source_of(town).name == "Cantine, logiciel"
        entry = last_act(town)
        assert entry.action == "change_import_source"
        assert (entry.before["name"], entry.after["name"]) == ("Tableau de la cantine", "Cantine, logiciel")
        assert [(titre.pk, titre.number) for titre in titres(town)] == before

    def test_its_product_may_be_left_to_the_file(self, town, paul, canteen, where):
        assert source_of(town).default_product == canteen
        paul.post(where, {"acte": "modifier", "nom": "Cantine", "produit": ""})
        assert source_of(town).default_product is None
        paul.post(where, {"acte": "modifier", "nom": "Cantine", "produit": canteen.slug})
        assert source_of(town).default_product == canteen

    def test_its_product_stays_where_none_was_sent(self, town, paul, canteen, where):
        assert paul.post(where, {"acte": "modifier", "nom": "Cantine"}).status_code == 303
        assert (source_of(town).name, source_of(town).default_product) == ("Cantine", canteen)

    def test_its_product_that_moved_stays_until_somebody_says_so(self, town, paul, canteen, where):
        move(town, canteen)
        page = paul.get(where)
        assert "Cantine (un autre l’encaisse maintenant)" in words(page)
        assert paul.post(where, chosen(page) | {"acte": "modifier", "nom": "Ancienne"}).status_code == 303
        assert (source_of(town).name, source_of(town).default_product) == ("Ancienne", canteen)
        assert paul.post(where, {"acte": "modifier", "nom": "Ancienne", "produit": ""}).status_code == 303
        assert source_of(town).default_product is None
        assert "un autre l’encaisse" not in words(paul.get(where))

    @pytest.mark.parametrize("act", ["oublier", "fermer", "rouvrir"])
    def test_whose_product_moved_the_other_acts_are_done(self, town, paul, canteen, where, act):
        move(town, canteen)
        assert paul.post(where, {"acte": act}).status_code == 303
        assert source_of(town).is_active == (act != "fermer")

    def test_whatever_refuses_an_act_without_fields_is_told(self, town, paul, where):
        with tenant(town.collectivite):
            ImportSource.objects.update(options={"encoding": "klingon"})
        answer = paul.post(where, {"acte": "oublier"}, follow=True)
        assert answer.status_code == 200
        assert "R247" in words(answer)

    @pytest.mark.parametrize(("name", "code"), [("", "R442"), ("  ", "R442"), ("x" * 81, "R442"), ("a\x07b", "R230")])
    def test_a_name_that_will_not_do_is_refused(self, town, paul, where, name, code):
        answer = paul.post(where, {"acte": "modifier", "nom": name, "produit": ""})
        assert answer.status_code == 422
        assert code in words(answer)
        assert "<title>Erreur" in answer.content.decode().replace("\n", "")
        assert source_of(town).name == "Tableau de la cantine"

    def test_a_name_that_another_bears_is_refused_even_of_a_closed_one(self, town, paul, canteen, where):
        paul.post(where, {"acte": "fermer"})
        send(paul, canteen, GOOD, nom="Loyers")
        with tenant(town.collectivite):
            other = ImportSource.objects.of(town.collectivite).get(name="Loyers")
        answer = paul.post(f"{LIST}sources/{other.pk}/", {"acte": "modifier", "nom": "Tableau de la cantine"})
        assert answer.status_code == 422
        assert "R231" in words(answer)

    def test_never_who_collects(self, town, paul, where):
        before = source_of(town)
        paul.post(
            where, {"acte": "modifier", "nom": "Cantine", "produit": "", "encaisse": "budget-1", "collector": "x"}
        )
        after = source_of(town)
        assert (after.collector, after.regie_id, after.budget_id) == (
            before.collector,
            before.regie_id,
            before.budget_id,
        )
        assert "Cela ne change jamais" in words(paul.get(where))

    def test_an_unknown_act_changes_nothing(self, town, paul, where):
        entry = last_act(town)
        assert paul.post(where, {"acte": "effacer"}).status_code == 200
        assert last_act(town) == entry

    def test_its_columns_are_asked_again_once_forgotten(self, town, paul, canteen, where):
        assert paul.post(where, {"acte": "oublier"}).status_code == 303
        assert "Aucune colonne" in words(paul.get(where))
        entry = last_act(town)
        assert entry.before["columns"]["amount"] == 4
        assert entry.after["columns"] == {}
        answer = send(paul, canteen, GOOD, source=str(source_of(town).pk))
        assert paul.get(answer["Location"]).context["asks_columns"] == "columns"


class TestClosingASource:
    def test_offers_it_no_more_and_keeps_its_imports(self, town, paul, canteen, where):
        key = str(source_of(town).pk)
        assert paul.post(where, {"acte": "fermer"}).status_code == 303
        assert (last_act(town).action, last_act(town).after["is_active"]) == ("change_import_source", False)
        assert f'value="{key}"' not in paul.get(NEW).content.decode()
        assert "R441" in words(send(paul, canteen, GOOD, source=key))
        assert "fermée" in words(paul.get(LIST))
        page = words(paul.get(where))
        assert "Cette source est fermée" in page
        assert "cantine.csv" in page
        assert len(titres(town)) == 3

    def test_a_report_made_before_is_still_confirmed(self, town, paul, canteen, where):
        key = str(source_of(town).pk)
        report = read(paul, canteen, table(row(201)), source=key)
        paul.post(where, {"acte": "fermer"})
        page = paul.get(report)
        assert paul.post(f"{report}confirmer/", {"vu": page.context["seen"], "acte": "tout"}).status_code == 303
        assert state(town) == "writing"

    def test_is_undone_by_opening_it_again(self, town, paul, where):
        paul.post(where, {"acte": "fermer"})
        paul.post(where, {"acte": "rouvrir"})
        assert source_of(town).is_active
        assert f'value="{source_of(town).pk}"' in paul.get(NEW).content.decode()
