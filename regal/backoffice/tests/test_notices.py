"""Notices in the bureau: one, those of a selection or of an import, their data; who may, and what the log says."""

import csv
import io
import re
from urllib.parse import parse_qs, urlsplit

import openpyxl
import pytest
from django.contrib.messages import get_messages

from regal.agenda.models import Effect
from regal.audit.models import AuditEntry
from regal.backoffice import notices as notice_pages
from regal.backoffice import pages
from regal.collectivites.models import Regie
from regal.gateways.base import Environment
from regal.lib import pdf
from regal.lib.tenancy import tenant
from regal.lib.vault import new_master_key
from regal.notices import operations
from regal.notices.models import NoticeBatch, NoticePiece
from regal.people.models import Role
from regal.titres import operations as titre_operations
from regal.titres.links import payment_link
from regal.titres.models import Debtor, Titre
from tests import cast
from tests.cast import MORNING, later

pytestmark = pytest.mark.django_db
NOTICES = "/saint-aubin/factures/avis/"


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    monkeypatch.setattr(pages, "clock", lambda: later(hours=1))
    settings.SECRET_KEYS = f"k1:{new_master_key()}"


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Whoever asks has just confirmed who he is."""
    monkeypatch.setattr(notice_pages, "did_recently_reauthenticate", lambda request: True)


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    return cast.make_canteen(town, environment=Environment.PRODUCTION)


@pytest.fixture
def titres(canteen):
    return [cast.make_titre(canteen, reference=f"FC202600010{place}") for place in range(4)]


@pytest.fixture
def paul(bureau, town):
    bureau.force_login(cast.make_agent(town, "paul", Role.REGISSEUR))
    return bureau


def page_count(pdf):
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


def log(town):
    with tenant(town.collectivite):
        return [
            (entry.action, entry.after)
            for entry in AuditEntry.objects.order_by("pk")
            if "notices" in entry.action or "other_means" in entry.action
        ]


def fail(*_args, **_told):
    raise RuntimeError("no PDF")


def keys(titres):
    return {"choix": [titre.pk for titre in titres]}


class TestOneNotice:
    def test_is_a_pdf_and_the_log_says_so(self, paul, town, titres):
        answer = paul.post(f"/saint-aubin/factures/{titres[0].pk}/avis.pdf")
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/pdf"
        assert 'filename="avis-saint-aubin-FC2026000100.pdf"' in answer["Content-Disposition"]
        assert page_count(answer.content) == 1
        assert log(town) == [("print_notices", {"notices": 1})]

    def test_is_offered_on_the_page_of_what_is_to_be_paid_only(self, paul, titres):
        assert "avis.pdf" in paul.get(f"/saint-aubin/factures/{titres[0].pk}/").content.decode()
        titre_operations.suspend(titre=titres[0], reason="Réclamation", now=MORNING)
        assert "avis.pdf" not in paul.get(f"/saint-aubin/factures/{titres[0].pk}/").content.decode()

    def test_of_what_is_suspended_is_refused_with_the_remedy(self, paul, town, titres):
        titre_operations.suspend(titre=titres[0], reason="Réclamation", now=MORNING)
        answer = paul.post(f"/saint-aubin/factures/{titres[0].pk}/avis.pdf", follow=True)
        page = answer.content.decode()
        assert answer.redirect_chain == [(f"/saint-aubin/factures/{titres[0].pk}/", 303)]
        assert "R282. Le paiement est suspendu : remettez la facture à payer, puis éditez l’avis." in page
        assert log(town) == []

    def test_that_cannot_be_made_is_not_said_to_be_given(self, paul, town, titres, monkeypatch):
        monkeypatch.setattr(pdf, "compiled", fail)
        paul.raise_request_exception = False
        assert paul.post(f"/saint-aubin/factures/{titres[0].pk}/avis.pdf").status_code == 500
        assert paul.post(NOTICES, keys(titres) | {"acte": "pdf"}).status_code == 500
        assert log(town) == []

    def test_is_made_of_a_name_that_no_font_writes_alone_or_among_others(self, paul, town, titres):
        with tenant(town.collectivite):
            Debtor.objects.filter(titre=titres[0]).delete()
            Debtor.objects.create(collectivite=town.collectivite, titre=titres[0], name="M. Wang 王小明 🎂")
        alone = paul.post(f"/saint-aubin/factures/{titres[0].pk}/avis.pdf")
        among = paul.post(NOTICES, keys(titres) | {"acte": "pdf"})
        assert (page_count(alone.content), page_count(among.content)) == (1, 4)

    def test_is_not_given_to_a_browser_that_only_looks_ahead(self, paul, town, titres):
        for ask in (paul.get, paul.head):
            answer = ask(f"/saint-aubin/factures/{titres[0].pk}/avis.pdf")
            assert (answer.status_code, answer["Location"]) == (303, f"/saint-aubin/factures/{titres[0].pk}/")
        assert log(town) == []

    def test_of_nothing_there_is_not_found(self, paul):
        assert paul.post(f"/saint-aubin/factures/{2**70}/avis.pdf").status_code == 404


class TestPreview:
    def test_counts_what_will_have_a_notice_and_says_why_the_rest_will_not(self, paul, titres):
        titre_operations.suspend(titre=titres[0], reason="Réclamation", now=MORNING)
        page = paul.post(NOTICES, keys(titres)).content.decode()
        assert "3 avis à éditer." in page
        assert "1 ligne :" in page
        assert "Le paiement est suspendu : remettez la facture à payer, puis éditez l’avis. (R282)" in page

    def test_of_a_whole_selection_follows_the_filters_of_the_list(self, paul, titres):
        titre_operations.suspend(titre=titres[0], reason="Réclamation", now=MORNING)
        page = paul.post(NOTICES, {"tout": "1", "etat": "a-payer"}).content.decode()
        assert "Votre choix compte 3 lignes." in page
        assert 'name="etat" value="a-payer"' in page

    def test_by_state_counts_the_same(self, paul, titres, monkeypatch):
        titre_operations.suspend(titre=titres[0], reason="Réclamation", now=MORNING)
        monkeypatch.setattr(notice_pages, "COUNTED_ONE_BY_ONE", 1)
        page = paul.post(NOTICES, keys(titres)).content.decode()
        assert "3 avis à éditer." in page
        assert "(R282)" in page

    def test_of_nothing_is_refused(self, paul, titres):
        answer = paul.post(NOTICES, {})
        assert answer.status_code == 422
        assert "R244" in answer.content.decode()

    def test_of_nothing_payable_is_refused(self, paul, titres):
        titre_operations.suspend(titre=titres[0], reason="Réclamation", now=MORNING)
        answer = paul.post(NOTICES, keys(titres[:1]) | {"acte": "pdf"})
        assert answer.status_code == 422
        assert "R282. Rien de ce choix ne se paie" in answer.content.decode()

    def test_of_filters_that_no_list_offered_is_refused(self, paul, titres):
        assert paul.post(NOTICES, {"tout": "1", "etat": "x"}).status_code == 400

    def test_is_led_to_from_the_list(self, paul, titres):
        page = paul.get("/saint-aubin/factures/").content.decode()
        assert f'formaction="{NOTICES}"' in page
        assert "Éditer les avis de toute la liste" in page


class TestManyNotices:
    def test_are_one_pdf(self, paul, town, titres):
        titre_operations.suspend(titre=titres[0], reason="Réclamation", now=MORNING)
        answer = paul.post(NOTICES, keys(titres) | {"acte": "pdf"})
        assert page_count(answer.content) == 3
        assert log(town) == [("print_notices", {"notices": 3, "left_out": 1})]

    def test_that_were_all_paid_meanwhile_are_not_said_to_be_given(self, paul, town, titres, monkeypatch):
        nothing = operations.Read(asked=[], left_out={"paid": 4})
        preview = notice_pages.Preview(count=4, payable=4, left_out=[], is_by_state=False)
        monkeypatch.setattr(notice_pages, "_preview", lambda *_args, **_told: preview)
        monkeypatch.setattr(operations, "read_some", lambda *_args, **_told: nothing)
        answer = paul.post(NOTICES, keys(titres) | {"acte": "pdf"})
        assert (answer.status_code, answer.url) == (303, "/saint-aubin/factures/")
        assert log(town) == []

    def test_beyond_what_a_request_may_take_are_a_worker_s(self, paul, town, titres, monkeypatch):
        monkeypatch.setattr(notice_pages, "AT_ONCE", 3)
        answer = paul.post(NOTICES, keys(titres) | {"acte": "pdf"}, follow=True)
        with tenant(town.collectivite):
            batch = NoticeBatch.objects.get()
        assert answer.redirect_chain == [(f"{NOTICES}{batch.pk}/", 303)]
        assert "Vous pouvez quitter cette page" in answer.content.decode()
        assert batch.titres == sorted(titre.pk for titre in titres)
        assert Effect.objects.filter(kind=operations.MAKE_BATCH, subject_id=batch.pk, done_at=None).exists()
        assert log(town) == [("ask_notices", {"titres": 4})]

    def test_need_somebody_who_has_just_confirmed_who_he_is(self, paul, town, titres, monkeypatch):
        monkeypatch.setattr(notice_pages, "did_recently_reauthenticate", lambda request: False)
        for act in ("pdf", "csv", "xlsx"):
            answer = paul.post(NOTICES, keys(titres) | {"acte": act})
            assert answer.status_code == 303
            assert answer.url.startswith("/connexion/confirmation/")
        assert log(town) == []

    def test_are_found_again_once_that_is_confirmed(self, paul, titres, monkeypatch):
        monkeypatch.setattr(notice_pages, "did_recently_reauthenticate", lambda request: False)
        list_page = "/saint-aubin/factures/"
        for chosen, back, said in (
            ({"import": "7"}, f"{list_page}imports/7/", "de retour à l’import, demandez"),
            ({"tout": "1", "etat": "a-payer"}, f"{list_page}?etat=a-payer", "de retour à la liste, demandez"),
            ({"tout": "1"}, list_page, "de retour à la liste, demandez"),
            (keys(titres), list_page, "de retour à la liste, cochez de nouveau, puis demandez"),
        ):
            answer = paul.post(NOTICES, chosen | {"acte": "pdf"})
            assert parse_qs(urlsplit(answer.url).query)["next"] == [back]
            (told,) = get_messages(answer.wsgi_request)
            assert f"Confirmez que c’est vous ; {said} les avis" in str(told).replace("avis de nouveau", "avis")
            paul.get(list_page)  # where it is read

    def test_are_not_for_a_mere_agent(self, bureau, town, titres):
        bureau.force_login(town.agent)
        assert bureau.post(NOTICES, keys(titres) | {"acte": "pdf"}).status_code == 403
        assert bureau.post(f"/saint-aubin/factures/{titres[0].pk}/avis.pdf").status_code == 403
        page = bureau.get("/saint-aubin/factures/").content.decode()
        assert NOTICES not in page
        assert "avis.pdf" not in bureau.get(f"/saint-aubin/factures/{titres[0].pk}/").content.decode()

    def test_never_take_those_of_the_next_town(self, paul, titres):
        theirs = cast.make_titre(cast.make_canteen(cast.make_next_town(), numcli="006399"))
        assert paul.post(NOTICES, keys([theirs]) | {"acte": "pdf"}).status_code == 422
        page = paul.post(NOTICES, keys([titres[0], theirs])).content.decode()
        assert "Votre choix compte 1 ligne." in page


class TestBatch:
    @pytest.fixture
    def piece(self, town, titres):
        with tenant(town.collectivite):
            batch = NoticeBatch.objects.create(
                collectivite=town.collectivite, titres=[1, 2], size=2, asked_at=MORNING, done=2, notices=1,
                left_out={"paid": 1}, ended_at=MORNING,
            )  # fmt: skip
            return NoticePiece.objects.create(
                collectivite=town.collectivite, batch=batch, number=1, first=0, titres=2, notices=1, pdf=b"%PDF-x",
                made_at=MORNING,
            )  # fmt: skip

    def test_shows_its_files_and_what_is_left_out(self, paul, piece):
        page = paul.get(f"{NOTICES}{piece.batch_id}/").content.decode()
        assert "Fichier 1 (PDF)" in page
        assert "Tout est déjà payé" in page
        assert f"Lot {piece.batch_id}" in paul.get(NOTICES).content.decode()

    def test_gives_a_file_and_the_log_says_who_took_it(self, paul, town, piece):
        answer = paul.post(f"{NOTICES}{piece.batch_id}/{piece.pk}.pdf")
        assert answer.content == b"%PDF-x"
        assert log(town) == [("take_notices", {"notices": 1})]

    def test_gives_no_file_to_a_browser_that_only_looks_ahead(self, paul, town, piece):
        for ask in (paul.get, paul.head):
            answer = ask(f"{NOTICES}{piece.batch_id}/{piece.pk}.pdf")
            assert (answer.status_code, answer["Location"]) == (303, f"{NOTICES}{piece.batch_id}/")
        assert log(town) == []

    def test_says_that_its_files_are_gone(self, paul, town, piece):
        with tenant(town.collectivite):
            operations.tidy(collectivite=town.collectivite, now=later(days=8))
        answer = paul.post(f"{NOTICES}{piece.batch_id}/{piece.pk}.pdf", follow=True)
        assert "Ce fichier est effacé" in answer.content.decode()
        assert "Demandez un nouveau lot" in answer.content.decode()
        assert paul.get(f"{NOTICES}{piece.batch_id + 1}/").status_code == 404


class TestData:
    @pytest.fixture
    def named(self, town, titres):
        with tenant(town.collectivite):
            Debtor.objects.filter(titre=titres[0]).delete()
            Debtor.objects.create(
                collectivite=town.collectivite, titre=titres[0], name='=HYPERLINK("x")', postcode="01000",
                city="L’Haÿ", address=["Bât. A", "1 bis rue de l’Église"],
            )  # fmt: skip
        return titres[0]

    def test_has_a_line_for_each_titre_to_pay(self, paul, town, titres, named):
        titre_operations.suspend(titre=titres[3], reason="Réclamation", now=MORNING)
        answer = paul.post(NOTICES, keys(titres) | {"acte": "csv"})
        text = b"".join(answer.streaming_content).decode("utf-8-sig")
        lines = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))
        assert len(lines) == 3
        link = payment_link(Titre(pk=named.pk, collectivite=town.collectivite, reference=named.reference))
        assert lines[0] == lines[0] | {
            "NUMERO": "'FC2026000100", "REFERENCE_IMPRIMEE": "'FC2026000100", "NOM": '\'=HYPERLINK("x")',
            "ADRESSE1": "Bât. A", "ADRESSE2": "1 bis rue de l’Église", "ADRESSE3": "", "CP": "'01000",
            "VILLE": "L’Haÿ", "LIBELLE": "Cantine, octobre 2026", "EXERCICE": "2026", "DATE_EMISSION": "24/11/2026",
            "DATE_ECHEANCE": "", "EMIS": "84,70", "DU": "84,70", "PAYE": "0,00", "RESTE": "84,70",
            "LIEN_PAIEMENT": link, "TEXTE_QR": link,
        }  # fmt: skip
        assert re.fullmatch(r"'[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}", lines[0]["CLE_PAIEMENT"])
        assert log(town) == [("export_notices", {"titres": 4})]

    def test_is_a_workbook_too(self, paul, titres, named):
        answer = paul.post(NOTICES, keys(titres) | {"acte": "xlsx"})
        book = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
        sheet = book.worksheets[0]
        header, first, *others = sheet.iter_rows(values_only=True)
        assert header[:3] == ("NUMERO", "REFERENCE_IMPRIMEE", "NOM")
        assert first[2] == '=HYPERLINK("x")'
        assert sheet["C2"].data_type == "s"
        assert len(others) == 3


class TestImport:
    def test_leads_to_the_notices_of_its_titres(self, paul, town, titres):
        assert "Votre choix compte" not in paul.post(NOTICES, {"import": "999"}).content.decode()
        assert paul.post(NOTICES, {"import": "999"}).status_code == 422


class TestOtherMeans:
    PATH = "/saint-aubin/reglages/avis/"

    @pytest.fixture
    def anne(self, bureau, town, canteen):
        bureau.force_login(cast.make_agent(town, "anne", Role.ADMINISTRATOR))
        return bureau

    def typed(self, client, text):
        page = client.get(self.PATH).content.decode()
        (seen,) = re.findall(r'name="seen" value="([0-9a-f]+)"', page)
        (field,) = re.findall(r'name="(autres_[0-9]+)"', page)
        return {"seen": seen, field: text}

    def text(self, town):
        with tenant(town.collectivite):
            return Regie.objects.get().other_means

    def test_are_set_line_by_line_and_the_log_says_so(self, anne, town):
        answer = anne.post(self.PATH, self.typed(anne, " Par chèque.\r\n\r\nEn espèces\tau guichet. "))
        assert answer.status_code == 303
        assert self.text(town) == "Par chèque.\nEn espèces au guichet."
        ((action, after),) = log(town)
        assert action == "change_other_means"
        assert after == {"other_means": "Par chèque.\nEn espèces au guichet."}

    @pytest.mark.parametrize(("text", "code"), [("x" * 401, "R336"), ("carte 4111 1111 1111 1111", "R337")])
    def test_are_refused_too_long_or_with_a_card_number(self, anne, town, text, code):
        answer = anne.post(self.PATH, self.typed(anne, text))
        assert answer.status_code == 422
        assert code in answer.content.decode()
        assert self.text(town) == ""

    def test_never_overwrite_a_colleague_s_unseen(self, anne, town):
        mine = self.typed(anne, "Le mien")
        anne.post(self.PATH, self.typed(anne, "Celui d’un collègue"))
        answer = anne.post(self.PATH, mine)
        assert answer.status_code == 409
        assert "Celui d’un collègue" in answer.content.decode()
        assert self.text(town) == "Celui d’un collègue"
