"""What an administrator sets of a collectivité: who may, what is refused and where, what is written down."""

import re
from datetime import date
from html import unescape

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from regal.audit.models import AuditEntry
from regal.backoffice import administration, refusals, town_settings
from regal.collectivites.models import AllowedOrigin, Collectivite, GatewayAccount, Product
from regal.gateways.base import DebtKind, Environment
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.people.models import Membership, Role
from tests import cast, pictures
from tests.cast import MORNING
from tests.sites import BureauClient

pytestmark = pytest.mark.django_db

HOSTILE = '<script>alert("1")</script>'
CARD = "4970 1000 0000 0006 et plus"
ROOT = "/saint-aubin/reglages/"


@pytest.fixture(autouse=True)
def morning(settings, monkeypatch):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose
    monkeypatch.setattr(town_settings, "clock", lambda: MORNING)


@pytest.fixture
def town():
    town = cast.make_saint_aubin()
    be(town, Role.ADMINISTRATOR)
    return town


@pytest.fixture
def paul(bureau, town):
    """The administrator of Saint-Aubin."""
    bureau.force_login(town.agent)
    return bureau


@pytest.fixture
def canteen(town):
    return cast.make_product(town, DebtKind.REGIE, slug="cantine", numcli="006390")


@pytest.fixture
def water(town):
    return cast.make_product(town, DebtKind.ORMC, slug="eau", numcli="006391")


def be(town, role):
    with tenant(town.collectivite):
        Membership.objects.of(town.collectivite).update(role=role)


def add_account(town, *, like, numcli, environment=Environment.TEST, is_active=True):
    """One more contract of the kind of this one."""
    with tenant(town.collectivite):
        return GatewayAccount.objects.create(
            collectivite=town.collectivite,
            gateway="payfip_url",
            debt_kind=like.debt_kind,
            environment=environment,
            identifier=numcli,
            budget=like.budget,
            regie=like.regie,
            is_active=is_active,
        )


def stored(product):
    with tenant(product.collectivite_id):
        return Product.objects.of(product.collectivite).select_related("account").get(pk=product.pk)


def acts(town, action):
    """What the audit kept: before and after, the oldest first."""
    with tenant(town.collectivite):
        found = AuditEntry.objects.of(town.collectivite).filter(action=action, actor__isnull=False).order_by("pk")
        return [(entry.before, entry.after, entry.actor_id) for entry in found]


def fields(answer):
    """What a browser would send back from the form with this page's fields, untouched."""
    html = answer.content.decode()
    form = html[html.index('<form class="settings"') :].partition("</form>")[0]
    sent = {}
    for tag in re.findall(r"<input[^>]*>", form):
        told = dict(re.findall(r'([a-z-]+)="([^"]*)"', tag))
        kind, name = told.get("type", "text"), told.get("name", "")
        if name in ("", "csrfmiddlewaretoken") or kind == "file" or (kind == "checkbox" and " checked" not in tag):
            continue
        sent[name] = unescape(told.get("value", "on" if kind == "checkbox" else ""))
    for name, text in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>\s?(.*?)</textarea>', form, re.S):
        sent[name] = unescape(text)
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        sent[name] = chosen[1] if chosen else ""
    return sent


def change(client, path, **changes):
    """Open the page, change some of its fields, send it."""
    sent = {name: value for name, value in {**fields(client.get(path)), **changes}.items() if value is not None}
    return client.post(path, sent)


def error_beside(answer, field):
    """The sentence that stands beside a field, and is tied to it."""
    html = answer.content.decode()
    found = re.search(rf'<p class="error" id="id_{field}_error">(.*?)</p>', html, re.S)
    assert found, f"no error beside {field}: {re.findall('class=.error.>(.*?)<', html)}"
    tag = re.search(rf'<(?:input|textarea|select)[^>]*id="id_{field}"[^>]*>', html)
    assert tag is not None
    assert f"id_{field}_error" in tag[0]
    assert 'aria-invalid="true"' in tag[0]
    assert f'<a href="#id_{field}">' in html, "not in the summary"
    return unescape(re.sub("<[^>]+>", "", found[1])).replace("\u00a0", " ")


def page_of(product):
    return f"{ROOT}produits/{product.pk}/"


PAGES = ("", "collectivite/", "apparence/", "produits/", "produits/nouveau/", "sites/")


class TestPages:
    @pytest.mark.parametrize("path", PAGES)
    def test_are_the_administrator_s(self, paul, path):
        answer = paul.get(f"{ROOT}{path}")
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("role", [Role.AGENT, Role.REGISSEUR])
    def test_are_refused_to_every_other_role(self, paul, town, role):
        with tenant(town.collectivite):
            origin = AllowedOrigin.objects.of(town.collectivite).get()
        be(town, role)
        one = f"produits/{town.product.pk}/"
        for path in (*PAGES, one, f"{one}ouverture/", f"{one}ordre/", f"sites/{origin.pk}/retirer/"):
            assert paul.get(f"{ROOT}{path}").status_code == 403, path
            assert paul.post(f"{ROOT}{path}", {"site": "https://x.example", "ouvert": "non"}).status_code == 403, path
        assert stored(town.product).is_open
        assert acts(town, "change_terms") == []

    def test_are_unknown_to_a_stranger(self, paul, town):
        theirs = cast.make_next_town()
        for path in (*PAGES, f"produits/{theirs.product.pk}/"):
            assert paul.get(f"/val-de-l-orne/reglages/{path}").status_code == 404, path

    def test_know_no_product_and_no_site_of_another_town(self, paul, town):
        theirs = cast.make_next_town()
        with tenant(theirs.collectivite):
            origin = AllowedOrigin.objects.of(theirs.collectivite).get()
        one = f"{ROOT}produits/{theirs.product.pk}/"
        assert paul.get(one).status_code == 404
        for path in (one, f"{one}ouverture/", f"{one}ordre/", f"{ROOT}sites/{origin.pk}/retirer/"):
            assert paul.post(path, {"ouvert": "non", "vers": "haut", "name": "x"}).status_code == 404, path
        for far in (2**63, 10**30):
            assert paul.get(f"{ROOT}produits/{far}/").status_code == 404
        assert stored(theirs.product).is_open
        with tenant(theirs.collectivite):
            assert AllowedOrigin.objects.of(theirs.collectivite).count() == 1

    def test_lead_whoever_is_not_signed_in_to_the_door(self, bureau, town):
        assert bureau.get(ROOT).headers["Location"].startswith("/connexion/")

    @pytest.mark.parametrize("path", ["collectivite/", "apparence/", "sites/", "produits/nouveau/"])
    def test_take_no_form_that_they_did_not_give(self, town, path):
        strict = BureauClient(enforce_csrf_checks=True)
        strict.force_login(town.agent)
        assert strict.post(f"{ROOT}{path}", {"site": "https://x.example", "name": "Autre"}).status_code == 403
        town.collectivite.refresh_from_db()
        assert town.collectivite.name == "Saint-Aubin"

    def test_show_every_name_as_text(self, paul, town, canteen):
        with tenant(town.collectivite):
            Collectivite.objects.filter(pk=town.collectivite.pk).update(
                name=HOSTILE, contact=HOSTILE, logo_text=HOSTILE, site_url="https://x.example/"
            )
        with tenant(town.collectivite):
            for product in Product.objects.of(town.collectivite):
                product.name = product.introduction = product.closed_note = HOSTILE
                product.reference_form = (
                    {**product.reference_form, "number_name": HOSTILE} if product == canteen else {}
                )
                product.save(update_fields=["name", "introduction", "closed_note", "reference_form"])
        for path in (*PAGES, f"produits/{town.product.pk}/", f"produits/{canteen.pk}/"):
            assert "<script>alert" not in paul.get(f"{ROOT}{path}").content.decode(), path


class TestHub:
    def test_says_what_is_set_and_leads_there(self, paul, town):
        html = paul.get(ROOT).content.decode()
        for path in ("collectivite/", "apparence/", "produits/", "sites/"):
            assert f'href="{ROOT}{path}"' in html
        assert "https://saint-aubin.example" in html
        assert "1\u00a0produit\u00a0; payables aujourd’hui\u00a0: 1, dont 0 en production" in html

    def test_says_what_is_missing(self, paul, town):
        html = paul.get(ROOT).content.decode()
        for sentence in (
            "Qui contacter n’est pas dit",
            "Le site internet manque",
            "Tout ce qui est ouvert est en essai",
        ):
            assert sentence in html
        with tenant(town.collectivite):
            AllowedOrigin.objects.of(town.collectivite).delete()
            Product.objects.of(town.collectivite).update(is_open=False)
        html = paul.get(ROOT).content.decode()
        assert "Aucun site n’est autorisé" in html
        assert "Aucun produit n’est ouvert aujourd’hui" in html

    def test_says_that_nothing_is_missing_by_saying_nothing(self, paul, town):
        with tenant(town.collectivite):
            Collectivite.objects.filter(pk=town.collectivite.pk).update(
                contact="Mairie", site_url="https://saint-aubin.example/mairie/"
            )
        account = add_account(town, like=town.account, numcli="006399", environment=Environment.PRODUCTION)
        with tenant(town.collectivite):
            Product.objects.of(town.collectivite).update(account=account)
        assert "À compléter" not in paul.get(ROOT).content.decode()


class TestCollectivite:
    PATH = f"{ROOT}collectivite/"

    def test_changes_with_its_trace_before_and_after(self, paul, town):
        answer = change(
            paul, self.PATH, name="Commune de Saint-Aubin", site_url="www.saint-aubin.example", contact="Accueil"
        )
        assert (answer.status_code, answer.headers["Location"]) == (303, ROOT)
        assert "C’est enregistré" in paul.get(ROOT).content.decode()
        [(before, after, actor)] = acts(town, "change_collectivite")
        assert before == {
            "name": "Saint-Aubin",
            "site_url": "",
            "contact": "",
            "debt_word": "facture",
            "treasury_note": "",
        }
        assert after == {
            "name": "Commune de Saint-Aubin",
            "site_url": "https://www.saint-aubin.example",
            "contact": "Accueil",
            "debt_word": "facture",
            "treasury_note": "",
        }
        assert actor == town.agent.pk

    def test_chooses_the_word_for_what_its_régies_send(self, paul, town):
        assert change(paul, self.PATH, debt_word="avis").status_code == 303
        assert ">Avis</a>" in paul.get(ROOT).content.decode()
        assert "R259" in error_beside(change(paul, self.PATH, debt_word="quittance"), "debt_word")

    def test_says_how_to_pay_what_its_régies_handed_over_to_the_comptable(self, paul, town):
        assert change(paul, self.PATH, treasury_note="Trésorerie de Rennes, par chèque.").status_code == 303
        town.collectivite.refresh_from_db()
        assert town.collectivite.treasury_note == "Trésorerie de Rennes, par chèque."
        assert "R336" in error_beside(change(paul, self.PATH, treasury_note="x" * 301), "treasury_note")

    def test_leaves_no_trace_when_nothing_changes(self, paul, town):
        assert change(paul, self.PATH).status_code == 303
        assert acts(town, "change_collectivite") == []

    @pytest.mark.parametrize(
        ("field", "typed", "code"),
        [
            ("name", "", "R347"),
            ("name", "x" * 121, "R336"),
            ("name", f"Payez {CARD}", "R337"),
            ("site_url", "http://saint-aubin.example", "R305"),
            ("site_url", "javascript://x/%0aalert(1)", "R305"),
            ("site_url", "https://a b", "R305"),
            ("contact", "x" * 201, "R336"),
            ("contact", CARD, "R337"),
        ],
    )
    def test_refuses_beside_the_field_and_changes_nothing(self, paul, town, field, typed, code):
        answer = change(paul, self.PATH, **{"contact": "Accueil", field: typed})
        assert answer.status_code == 422
        assert code in error_beside(answer, field)
        assert "<title>Erreur\u00a0: Collectivité" in answer.content.decode()
        town.collectivite.refresh_from_db()
        assert (town.collectivite.name, town.collectivite.contact) == ("Saint-Aubin", "")
        assert acts(town, "change_collectivite") == []

    def test_shows_its_address_and_its_siret_and_changes_neither(self, paul, town):
        html = paul.get(self.PATH).content.decode()
        assert f"{settings.GUICHET_URL}/saint-aubin/" in html
        assert "21350001600011" in html
        change(paul, self.PATH, slug="ailleurs", siret="0", name="Autre")
        town.collectivite.refresh_from_db()
        assert (town.collectivite.slug, town.collectivite.name) == ("saint-aubin", "Autre")

    def test_is_not_overwritten_by_whoever_did_not_see_the_last_change(self, paul, town):
        stale = fields(paul.get(self.PATH))
        administration.change_collectivite(
            collectivite=town.collectivite, name="Nouveau nom", site_url="", contact="", now=MORNING
        )
        answer = paul.post(self.PATH, {**stale, "contact": "Accueil"})
        html = answer.content.decode()
        assert answer.status_code == 409
        assert "R334" in html
        assert "Nouveau nom" in html, "what the colleague wrote is not told"
        town.collectivite.refresh_from_db()
        assert (town.collectivite.name, town.collectivite.contact) == ("Nouveau nom", "")
        assert paul.post(self.PATH, {**fields(answer), "name": "Nouveau nom"}).status_code == 303, "told, he may go on"
        town.collectivite.refresh_from_db()
        assert (town.collectivite.name, town.collectivite.contact) == ("Nouveau nom", "Accueil")

    @pytest.mark.parametrize("seen", [None, "", "0" * 16, "x" * 40])
    def test_needs_the_version_that_was_seen(self, paul, town, seen):
        assert change(paul, self.PATH, name="Autre", seen=seen).status_code in (409, 422)
        town.collectivite.refresh_from_db()
        assert town.collectivite.name == "Saint-Aubin"


class TestLook:
    PATH = f"{ROOT}apparence/"

    def send(self, client, logo=None, **changes):
        sent = {**fields(client.get(self.PATH)), **changes}
        if logo is not None:
            sent["logo"] = SimpleUploadedFile("logo.png", logo, "image/png")
        return client.post(self.PATH, sent)

    def look(self, town):
        town.collectivite.refresh_from_db()
        return town.collectivite.main_colour, town.collectivite.accent_colour, bool(town.collectivite.logo_digest)

    def test_changes_with_its_trace(self, paul, town):
        answer = self.send(
            paul, pictures.picture(), main_colour="0B5563", accent_colour="#fa0", logo_text="Terre d’eau"
        )
        assert answer.status_code == 303
        assert self.look(town) == ("#0b5563", "#ffaa00", True)
        [(before, after, actor)] = acts(town, "set_look")
        assert (before["main_colour"], after["main_colour"], actor) == ("", "#0b5563", town.agent.pk)

    def test_takes_a_colour_picked_on_the_palette(self, paul, town):
        self.send(paul, main_picked="#6b2d3c")
        assert self.look(town)[0] == "#6b2d3c"
        self.send(paul, main_colour="#0b5563")  # typed again, the palette left where it was
        assert self.look(town)[0] == "#0b5563"
        self.send(paul, main_colour="")
        assert self.look(town)[0] == "", "an untouched palette chooses nothing"

    def test_proposes_the_nearest_readable_colour_and_takes_it_at_one_press(self, paul, town):
        answer = self.send(paul, main_colour="#f2b544", accent_colour="#112233")
        assert answer.status_code == 422
        sentence = error_beside(answer, "main_colour")
        [darker] = re.findall(r"par exemple (#[0-9a-f]{6})", sentence)
        html = answer.content.decode()
        assert (
            f'form="darker"><svg class="swatch" aria-hidden="true"><rect width="100%" height="100%" fill="{darker}"'
            in html
        )
        assert self.look(town) == ("", "", False)
        proposed = html[html.index('<form id="darker"') :].partition("</form>")[0]
        sent = dict(re.findall(r'name="([a-z_]+)" value="([^"]*)"', proposed))
        assert paul.post(self.PATH, sent).status_code == 303
        assert self.look(town) == (darker, "#112233", False)

    @pytest.mark.parametrize(
        ("field", "typed", "code"),
        [
            ("main_colour", "rouge", "R351"),
            ("main_colour", "#0b5563;}", "R351"),
            ("accent_colour", "rouge", "R351"),
            ("accent_colour", "x" * 41, "R336"),
            ("logo_text", "x" * 121, "R336"),
            ("logo_text", CARD, "R337"),
        ],
    )
    def test_refuses_beside_the_field(self, paul, town, field, typed, code):
        answer = self.send(paul, pictures.picture(), **{"main_colour": "#0b5563", field: typed})
        assert answer.status_code == 422
        assert code in error_beside(answer, field)
        assert self.look(town) == ("", "", False)

    def test_refuses_two_colours_at_once(self, paul, town):
        answer = self.send(paul, main_colour="bleu", accent_colour="rouge")
        for field in ("main_colour", "accent_colour"):
            assert "R351" in error_beside(answer, field)

    @pytest.mark.parametrize(
        ("logo", "code"),
        [
            (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "R353"),
            (pictures.picture(kind="GIF"), "R353"),
            (pictures.picture() + bytes(2_000_001), "R354"),
            (pictures.picture() + bytes(3_000_000), "R354"),
            (pictures.picture(size=(4000, 2501)), "R355"),
        ],
        ids=["svg", "gif", "heavy", "heavier than the route takes", "huge"],
    )
    def test_refuses_what_is_no_logo_beside_its_field(self, paul, town, logo, code):
        answer = self.send(paul, logo, main_colour="#0b5563")
        assert answer.status_code == 422
        assert code in error_beside(answer, "logo")
        assert self.look(town) == ("", "", False)

    def test_takes_a_logo_away_and_keeps_it_when_nothing_is_said(self, paul, town):
        self.send(paul, pictures.picture())
        self.send(paul, main_colour="#0b5563")
        assert self.look(town) == ("#0b5563", "", True)
        assert self.send(paul, without_logo="on").status_code == 303
        assert self.look(town) == ("#0b5563", "", False)

    def test_shows_the_guichet_itself_and_only_this_page_may(self, paul, town):
        answer = paul.get(self.PATH)
        assert f'src="{settings.GUICHET_URL}/saint-aubin/"' in answer.content.decode()
        assert f"; frame-src {settings.GUICHET_URL}" in answer.headers["Content-Security-Policy"]
        assert "frame-src" not in paul.get(f"{ROOT}collectivite/").headers["Content-Security-Policy"]

    def test_is_not_overwritten_unseen(self, paul, town):
        stale = fields(paul.get(self.PATH))
        administration.set_look(collectivite=town.collectivite, main_colour="#6b2d3c", now=MORNING)
        answer = paul.post(self.PATH, {**stale, "logo_text": "Terre d’eau"})
        assert answer.status_code == 409
        assert "#6b2d3c" in answer.content.decode()
        assert self.look(town)[0] == "#6b2d3c"


class TestProducts:
    PATH = f"{ROOT}produits/"

    def test_are_listed_in_their_order_with_what_they_are_today(self, paul, town, canteen):
        with tenant(town.collectivite):
            Product.objects.of(town.collectivite).filter(pk=town.product.pk).update(
                position=1, opens_on=date(2026, 12, 1)
            )
        html = paul.get(self.PATH).content.decode()
        assert html.index(">Cantine</a>") < html.index(">Avis des sommes à payer</a>")
        assert "ouvre le 1er" in html
        assert "006390 – Régie – test" in html

    @pytest.mark.parametrize(("pressed", "is_open"), [("non", False), ("oui", True)])
    def test_open_and_close_at_one_press_with_their_trace(self, paul, town, pressed, is_open):
        with tenant(town.collectivite):
            Product.objects.of(town.collectivite).update(is_open=not is_open, closed_note="Au guichet.")
        answer = paul.post(f"{page_of(town.product)}ouverture/", {"ouvert": pressed})
        assert (answer.status_code, answer.headers["Location"]) == (303, self.PATH)
        assert (stored(town.product).is_open, stored(town.product).closed_note) == (is_open, "Au guichet.")
        [(before, after, actor)] = acts(town, "change_terms")
        assert (before["is_open"], after["is_open"], actor) == (not is_open, is_open, town.agent.pk)

    def test_pressed_twice_leave_one_trace(self, paul, town):
        for _ in range(2):
            paul.post(f"{page_of(town.product)}ouverture/", {"ouvert": "non"})
        assert len(acts(town, "change_terms")) == 1

    def test_opened_before_their_day_say_so(self, paul, town):
        with tenant(town.collectivite):
            Product.objects.of(town.collectivite).update(is_open=False, opens_on=date(2026, 12, 1))
        paul.post(f"{page_of(town.product)}ouverture/", {"ouvert": "oui"})
        assert "ses dates ou son contrat empêchent" in paul.get(self.PATH).content.decode()

    def test_move_up_and_down_with_their_trace(self, paul, town, canteen, water):
        def order():
            with tenant(town.collectivite):
                return [product.slug for product in Product.objects.of(town.collectivite)]

        first = order()
        paul.post(f"{page_of(stored(canteen))}ordre/", {"vers": "haut"})
        moved = order()
        assert sorted(moved) == sorted(first)
        for _ in range(3):
            paul.post(f"{page_of(canteen)}ordre/", {"vers": "haut"})
        assert order()[0] == "cantine"
        for _ in range(5):
            paul.post(f"{page_of(canteen)}ordre/", {"vers": "bas"})
        assert order()[-1] == "cantine"
        traces = acts(town, "move_product")
        assert all(abs(after["position"] - before["position"]) == 1 for before, after, _ in traces)
        assert traces[-1][1] == {"position": 2}

    def test_do_not_open_or_move_by_a_link(self, paul, town):
        for path in ("ouverture/", "ordre/"):
            assert paul.get(f"{page_of(town.product)}{path}").status_code == 405
            for told in ({}, {"ouvert": "peut-être", "vers": "ailleurs"}):
                assert paul.post(f"{page_of(town.product)}{path}", told).status_code == 400
        assert stored(town.product).is_open


class TestProduct:
    def test_changes_as_a_whole_with_one_trace(self, paul, town, canteen):
        answer = change(
            paul,
            page_of(canteen),
            name="Restauration scolaire",
            introduction="Les repas du mois.",
            opens_on="2026-12-01",
            closes_on="31/12/2026",
            closed_note="Payez à la régie.",
            number_name="N° de facture",
            pattern="fc2027-#{6}",
            check_key="",
            min_amount="2,50",
            max_amount="1 200",
        )
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{ROOT}produits/")
        kept = stored(canteen)
        assert (kept.name, kept.introduction, kept.slug) == ("Restauration scolaire", "Les repas du mois.", "cantine")
        assert (kept.opens_on, kept.closes_on) == (date(2026, 12, 1), date(2026, 12, 31))
        assert kept.reference_form == {"number_name": "N° de facture", "pattern": "FC2027-#{6}"}
        assert (kept.min_amount, kept.max_amount) == (Money(250), Money(120_000))
        [(before, after, actor)] = acts(town, "change_product")
        assert (before["name"], after["name"]) == ("Cantine", "Restauration scolaire")
        assert (before["max_amount_cents"], after["max_amount_cents"]) == (60_000, 120_000)
        assert actor == town.agent.pk

    def test_sent_back_untouched_changes_nothing_whatever_its_kind(self, paul, town, canteen, water):
        for product in (town.product, canteen, water):
            before = administration.terms_of(stored(product))
            assert change(paul, page_of(product)).status_code == 303
            assert administration.terms_of(stored(product)) == before
        assert acts(town, "change_product") == []

    def test_of_a_role_takes_the_words_of_its_notices(self, paul, town, water):
        change(paul, page_of(water), code="ea", number_digits="9", code_name="Code produit", period_name="Lot")
        assert stored(water).reference_form == {
            "code": "EA",
            "number_digits": 9,
            "code_name": "Code produit",
            "period_name": "Lot",
        }
        change(paul, page_of(water), code="", number_digits="")
        assert stored(water).reference_form == {"code_name": "Code produit", "period_name": "Lot"}

    @pytest.mark.parametrize(
        ("changes", "field", "code"),
        [
            ({"name": ""}, "name", "R347"),
            ({"name": "x" * 101}, "name", "R336"),
            ({"name": CARD}, "name", "R337"),
            ({"introduction": "x" * 301}, "introduction", "R336"),
            ({"introduction": CARD}, "introduction", "R337"),
            ({"closed_note": CARD}, "closed_note", "R337"),
            ({"opens_on": "demain"}, "opens_on", "R338"),
            ({"opens_on": "2026-12-02", "closes_on": "2026-12-01"}, "closes_on", "R324"),
            ({"min_amount": "1.234"}, "min_amount", "R339"),
            ({"max_amount": "beaucoup"}, "max_amount", "R339"),
            ({"min_amount": "10", "max_amount": "5"}, "min_amount", "R325"),
            ({"min_amount": ""}, "min_amount", "R326"),
            ({"max_amount": ""}, "max_amount", "R326"),
            ({"pattern": "", "check_key": ""}, "pattern", "R326"),
            ({"pattern": "FC2026-é"}, "pattern", "R323"),
            ({"pattern": "- -"}, "pattern", "R323"),
            ({"pattern": "4970100000000006"}, "pattern", "R337"),
            ({"pattern": "#{3}"}, "pattern", "R327"),
            ({"check_key": "md5"}, "check_key", ""),
            ({"number_name": "n" * 41}, "number_name", "R336"),
            ({"example": "FC2025-000001"}, "example", "R357"),
        ],
    )
    def test_refuses_beside_the_field_and_changes_nothing(self, paul, town, canteen, changes, field, code):
        before = stored(canteen)
        answer = change(paul, page_of(canteen), **{"is_open": None, **changes})
        assert answer.status_code == 422
        assert code in error_beside(answer, field)
        after = stored(canteen)
        assert (after.name, after.is_open) == (before.name, True)
        assert administration.terms_of(after) == administration.terms_of(before)
        assert acts(town, "change_product") == []

    def test_refuses_a_code_of_a_role_that_no_notice_bears(self, paul, town, water):
        assert "R323" in error_beside(change(paul, page_of(water), code="EAU"), "code")
        assert stored(water).reference_form == {}

    def test_is_not_overwritten_by_whoever_did_not_see_the_last_change(self, paul, town, canteen):
        stale = fields(paul.get(page_of(canteen)))
        paul.post(f"{page_of(canteen)}ouverture/", {"ouvert": "non"})
        answer = paul.post(page_of(canteen), {**stale, "name": "Repas"})
        html = answer.content.decode()
        assert answer.status_code == 409
        assert "R334" in html
        assert re.search(r"<dt>Ouvert au paiement</dt><dd>non</dd>", html)
        assert (stored(canteen).name, stored(canteen).is_open) == ("Cantine", False)
        kept_on = fields(answer)
        assert (kept_on["name"], kept_on["is_open"]) == ("Repas", "on"), "what was typed is lost"
        del kept_on["is_open"]
        assert paul.post(page_of(canteen), kept_on).status_code == 303
        assert (stored(canteen).name, stored(canteen).is_open) == ("Repas", False)


class TestContract:
    """A product goes from one contract to another of its kind, in test; real money is for two people."""

    def test_in_test_may_be_left_for_another(self, paul, town, canteen):
        other = add_account(town, like=canteen.account, numcli="006395")
        assert change(paul, page_of(canteen), account=str(other.pk)).status_code == 303
        assert stored(canteen).account_id == other.pk
        [(before, after, _)] = acts(town, "change_product")
        assert (before["account"], after["account"]) == (canteen.account_id, other.pk)

    @pytest.mark.parametrize("which", ["another kind", "in production", "stopped", "of the next town"])
    def test_is_never_taken_otherwise_even_by_hand(self, paul, town, canteen, which):
        fair = add_account(town, like=canteen.account, numcli="006395")
        wrong = {
            "another kind": lambda: town.account,
            "in production": lambda: add_account(
                town, like=canteen.account, numcli="006396", environment=Environment.PRODUCTION
            ),
            "stopped": lambda: add_account(town, like=canteen.account, numcli="006397", is_active=False),
            "of the next town": lambda: cast.make_next_town().account,
        }[which]()
        html = paul.get(page_of(canteen)).content.decode()
        assert f'<option value="{fair.pk}"' in html
        assert f'<option value="{wrong.pk}"' not in html
        answer = change(paul, page_of(canteen), account=str(wrong.pk))
        assert answer.status_code == 422
        error_beside(answer, "account")
        assert stored(canteen).account_id == canteen.account_id
        with pytest.raises(refusals.NotThisAccount):
            administration.change_product(
                product=canteen,
                name="Cantine",
                introduction="",
                account=wrong,
                terms=administration.terms_of(canteen),
                now=MORNING,
            )

    def test_in_production_is_left_for_none(self, paul, town):
        real = add_account(town, like=town.account, numcli="006396", environment=Environment.PRODUCTION)
        for environment, numcli in ((Environment.TEST, "006397"), (Environment.PRODUCTION, "006398")):
            add_account(town, like=town.account, numcli=numcli, environment=environment)
        with tenant(town.collectivite):
            Product.objects.of(town.collectivite).update(account=real)
        html = paul.get(page_of(town.product)).content.decode()
        assert 'name="account"' not in html
        assert "se décide à deux" in html


class TestNewProduct:
    PATH = f"{ROOT}produits/nouveau/"

    def test_begins_with_its_contract(self, paul, town, canteen):
        html = paul.get(self.PATH).content.decode()
        for account in (town.account, canteen.account):
            assert f'href="{self.PATH}?contrat={account.pk}"' in html
        assert 'name="name"' not in html

    def test_is_added_with_an_address_made_of_its_name_and_its_trace(self, paul, town):
        answer = change(paul, f"{self.PATH}?contrat={town.account.pk}", name="Loyers d’été", example="2026-412-1")
        assert answer.status_code == 303
        with tenant(town.collectivite):
            made = Product.objects.of(town.collectivite).get(name="Loyers d’été")
        assert (made.slug, made.account_id, made.is_open) == ("loyers-dete", town.account.pk, True)
        [(before, after, actor)] = acts(town, "add_product")
        assert (before, after["slug"], actor) == (None, "loyers-dete", town.agent.pk)

    def test_of_a_regie_asks_for_what_payfip_does_not_check(self, paul, town, canteen):
        path = f"{self.PATH}?contrat={canteen.account.pk}"
        answer = change(paul, path, name="Piscine", slug="piscine")
        assert "R326" in error_beside(answer, "pattern")
        answer = change(paul, path, name="Piscine", slug="piscine", pattern="P#{8}", min_amount="1", max_amount="50")
        assert answer.status_code == 303

    @pytest.mark.parametrize(
        ("changes", "field", "code"),
        [
            ({"name": ""}, "name", "R347"),
            ({"name": "…"}, "slug", "R321"),
            ({"slug": "Été"}, "slug", "R321"),
            ({"slug": "suivi"}, "slug", "R321"),
            ({"slug": "titres"}, "slug", "R322"),
            ({"slug": "x" * 41}, "slug", "R336"),
        ],
    )
    def test_refuses_beside_the_field_and_adds_nothing(self, paul, town, changes, field, code):
        answer = change(paul, f"{self.PATH}?contrat={town.account.pk}", **{"name": "Loyers", **changes})
        assert answer.status_code == 422
        assert code in error_beside(answer, field)
        with tenant(town.collectivite):
            assert Product.objects.of(town.collectivite).count() == 1

    def test_on_a_contract_in_production_is_added_closed(self, paul, town):
        real = add_account(town, like=town.account, numcli="006396", environment=Environment.PRODUCTION)
        path = f"{self.PATH}?contrat={real.pk}"
        assert "sera ajouté fermé" in paul.get(path).content.decode()
        assert change(paul, path, name="Loyers", is_open="on").status_code == 303
        with tenant(town.collectivite):
            assert not Product.objects.of(town.collectivite).get(name="Loyers").is_open

    @pytest.mark.parametrize("asked", ["0", "x", "999999999999999999999", "theirs", "stopped"])
    def test_of_no_contract_of_ours_is_not_found(self, paul, town, asked):
        key = {
            "theirs": lambda: cast.make_next_town().account.pk,
            "stopped": lambda: add_account(town, like=town.account, numcli="006397", is_active=False).pk,
        }.get(asked, lambda: asked)()
        assert paul.get(f"{self.PATH}?contrat={key}").status_code == 404
        assert paul.post(self.PATH, {"contrat": key, "name": "Loyers"}).status_code == 404


class TestExampleNumber:
    """« Essayer un numéro »: the form's own rules, with the reason why not, before anything is kept."""

    def try_(self, client, product, number, **changes):
        return change(client, page_of(product), example=number, action="essayer", **changes)

    @pytest.mark.parametrize("number", ["FC2026-000123", "fc2026 000123", "FC2026000123"])
    def test_that_fits_is_shown_as_it_would_be_kept_and_nothing_is_kept(self, paul, town, canteen, number):
        answer = self.try_(paul, canteen, number, name="Autre")
        html = answer.content.decode()
        assert answer.status_code == 200
        assert "<strong>FC2026000123</strong>" in html
        assert "<title>Numéro essayé" in html
        assert fields(answer)["name"] == "Autre"
        assert stored(canteen).name == "Cantine"

    def test_is_tried_on_what_was_just_typed(self, paul, town, canteen):
        assert self.try_(paul, canteen, "ABC-12345", pattern="ABC#{5}").status_code == 200
        assert stored(canteen).reference_form == {"pattern": "FC2026-#{6}"}

    @pytest.mark.parametrize(
        ("changes", "number", "why"),
        [
            ({}, "FC2026-00012", "sans espace ni tiret, il est long de 11, et le modèle veut 12"),
            ({}, "FD2026-000123", "il n’a pas la forme du modèle"),
            ({}, "FC2026-é00123", "autre chose que des lettres sans accent"),
            ({}, "9" * 31, "il a plus de 30 caractères"),
            ({"pattern": "", "check_key": "luhn"}, "20260012340", "2026001234 se termine par 7"),
            ({"pattern": "", "check_key": "mod_97_10"}, "2026001234AB", "il n’a pas de clé de contrôle"),
            ({"pattern": "#{4-8}"}, "12345", "PayFiP veut au moins 6 caractères"),
            ({}, "", "il n’y a rien à essayer"),
        ],
    )
    def test_that_does_not_says_why(self, paul, town, canteen, changes, number, why):
        answer = self.try_(paul, canteen, number, **changes)
        assert answer.status_code == 422
        assert why in error_beside(answer, "example")

    def test_of_a_role_and_of_a_titre_are_tried_too(self, paul, town, water):
        with tenant(town.collectivite):
            Product.objects.of(town.collectivite).filter(pk=water.pk).update(
                reference_form={"code": "EA", "number_digits": 9}
            )
        assert self.try_(paul, water, "2026 – EA – 00 – 000012345").status_code == 200
        for number, why in (
            ("2026-EB-00-000012345", "son code est EB, et non EA"),
            ("2026-EA-00-12345", "son dernier bloc a 5 chiffres, et non 9"),
            ("12", "il faut les quatre blocs"),
        ):
            assert why in error_beside(self.try_(paul, water, number), "example")
        assert self.try_(paul, town.product, "2026-412-1").status_code == 200
        assert "il faut l’exercice" in error_beside(self.try_(paul, town.product, "412"), "example")

    def test_says_what_the_payer_s_form_says(self, paul, guichet, town, canteen):
        for number, fits in (("FC2026-000123", True), ("FC2026-00012", False), ("FC2025-000123", False)):
            typed = {"invoice": number, "amount": "12,00", "email": cast.MME_LEROY}
            answer = guichet.post("/saint-aubin/cantine/", typed)
            assert (answer.status_code == 200) is fits is (self.try_(paul, canteen, number).status_code == 200)


class TestSites:
    PATH = f"{ROOT}sites/"

    def origins(self, town):
        with tenant(town.collectivite):
            return set(AllowedOrigin.objects.of(town.collectivite).values_list("origin", flat=True))

    @pytest.mark.parametrize(
        ("typed", "origin"),
        [
            ("https://www.saint-aubin.example", "https://www.saint-aubin.example"),
            ("https://WWW.saint-aubin.example/payer/?a=1#b", "https://www.saint-aubin.example"),
            (" www.saint-aubin.example/payer ", "https://www.saint-aubin.example"),
            ("https://www.saint-aubin.example:443/", "https://www.saint-aubin.example"),
            ("https://www.saint-aubin.example:8443/", "https://www.saint-aubin.example:8443"),
            ("http://localhost:8020/x", "http://localhost:8020"),
        ],
    )
    def test_are_added_as_their_origin_with_their_trace(self, paul, town, typed, origin):
        assert paul.post(self.PATH, {"site": typed}).status_code == 303
        assert origin in self.origins(town)
        assert acts(town, "allow_origin") == [(None, {"origin": origin}, town.agent.pk)]

    def test_typed_with_a_path_are_told_that_it_does_not_count(self, paul, town):
        paul.post(self.PATH, {"site": "https://www.saint-aubin.example/payer"})
        assert "la suite de l’adresse ne compte pas" in paul.get(self.PATH).content.decode()
        paul.post(self.PATH, {"site": "https://intranet.saint-aubin.example/"})
        assert "la suite de l’adresse ne compte pas" not in paul.get(self.PATH).content.decode()

    @pytest.mark.parametrize(
        ("typed", "code"),
        [
            ("", "R331"),
            ("*", "R331"),
            ("https://*.saint-aubin.example", "R331"),
            ("https://a b", "R331"),
            ("https://saint-aubin.example@evil.example", "R331"),
            ("javascript:alert(1)", "R331"),
            ("data://x", "R331"),
            ("https://x.example; script-src *", "R331"),
            ("https://[::1", "R331"),
            ("https://x.example:99999999", "R331"),
            ("http://www.saint-aubin.example/payer", "R333"),
            ("https://saint-aubin.example/mairie", "R332"),
            ("x" * 301, "R336"),
        ],
    )
    def test_are_refused_beside_the_field(self, paul, town, typed, code):
        answer = paul.post(self.PATH, {"site": typed})
        assert answer.status_code == 422
        assert code in error_beside(answer, "site")
        assert self.origins(town) == {"https://saint-aubin.example"}

    def test_are_removed_with_their_trace_and_no_more_frame_the_form(self, paul, guichet, town):
        with tenant(town.collectivite):
            allowed = AllowedOrigin.objects.of(town.collectivite).get()
        pressed = {"site": allowed.origin}
        assert paul.post(f"{self.PATH}{allowed.pk}/retirer/", {"site": "https://autre.example"}).status_code == 400
        answer = paul.post(f"{self.PATH}{allowed.pk}/retirer/", pressed)
        assert (answer.status_code, answer.headers["Location"]) == (303, self.PATH)
        assert acts(town, "disallow_origin") == [({"origin": "https://saint-aubin.example"}, None, town.agent.pk)]
        policy = guichet.get("/saint-aubin/titres/").headers["Content-Security-Policy"]
        assert "saint-aubin.example" not in policy
        assert paul.post(f"{self.PATH}{allowed.pk}/retirer/", pressed).status_code == 404

    def test_warn_that_the_town_s_own_is_missing_and_add_it_at_one_press(self, paul, town):
        assert "n’est pas dans la liste" not in paul.get(self.PATH).content.decode()
        with tenant(town.collectivite):
            Collectivite.objects.filter(pk=town.collectivite.pk).update(site_url="https://www.saint-aubin.example/x")
        html = paul.get(self.PATH).content.decode()
        assert "n’est pas dans la liste" in html
        assert 'name="site" value="https://www.saint-aubin.example"' in html

    def test_removed_already_leave_no_second_trace(self, town):
        for _ in range(2):
            administration.disallow_origin(
                collectivite=town.collectivite, origin="https://saint-aubin.example", now=MORNING
            )
        with tenant(town.collectivite):
            assert AuditEntry.objects.of(town.collectivite).filter(action="disallow_origin").count() == 1
