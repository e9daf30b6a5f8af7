"""What a town pastes into its own site, and the page where it finds it."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings

from regal.backoffice.embedding import WIDTHS
from regal.backoffice.snippets import FRAME_STYLE, script, snippets
from regal.collectivites.models import AllowedOrigin, Collectivite, Product
from regal.gateways.base import DebtKind
from regal.lib.tenancy import tenant
from regal.people.models import Membership, Role
from tests import cast

HOSTILE = 'L’eau & "l’air" <script>alert(1)</script>'
ADDRESS = "https://guichet.example/saint-aubin/eau/"


class Elements(HTMLParser):
    """Every element of a piece of HTML, with its attributes and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[int, str] = {}
        self.is_open = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.is_open = True

    def handle_endtag(self, tag: str) -> None:
        self.is_open = False

    def handle_data(self, data: str) -> None:
        if self.is_open:
            place = len(self.found) - 1
            self.texts[place] = self.texts.get(place, "") + data

    def all(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [
            (attributes, self.texts.get(place, ""))
            for place, (name, attributes) in enumerate(self.found)
            if name == tag
        ]


def of(**changes):
    return snippets(**({"address": ADDRESS, "name": "Eau", "language": "fr"} | changes))


class TestFrame:
    def test_says_what_it_is_to_those_who_do_not_see_it(self):
        [(frame, _)] = Elements(of().frame).all("iframe")
        assert (frame["src"], frame["title"]) == (ADDRESS, "Payer en ligne – Eau")

    def test_is_as_wide_as_its_place_and_has_a_height_without_script_and_without_style(self):
        [(frame, _)] = Elements(of().frame).all("iframe")
        assert frame["width"] == "100%"
        assert int(frame["height"] or 0) > 1000
        assert "height:max(" in str(frame["style"])

    def test_is_held_back_by_nothing_and_is_given_nothing(self):
        [(frame, _)] = Elements(of().frame).all("iframe")
        assert {"sandbox", "allow", "scrolling"} & set(frame) == set()
        assert frame["referrerpolicy"] == "no-referrer"

    def test_has_a_link_under_it_for_whoever_cannot_use_it(self):
        [(link, text)] = Elements(of().frame).all("a")
        assert (link["href"], text) == (ADDRESS, "Ouvrir le paiement sur une page entière")


class TestSnippets:
    @pytest.mark.parametrize("kind", ["frame", "link", "button"])
    def test_load_nothing_but_the_guichet(self, kind):
        html = getattr(of(), kind)
        assert set(re.findall(r"https?://[^\"]+", html)) == {ADDRESS}
        assert "url(" not in html

    @pytest.mark.parametrize("kind", ["frame", "link", "button"])
    def test_hold_any_name_and_any_address_as_text(self, kind):
        elements = Elements(getattr(of(name=HOSTILE, address=f'{ADDRESS}?a="b"&c=<d>'), kind))
        assert {tag for tag, _ in elements.found} <= {"iframe", "p", "a"}
        attributes = elements.found[0][1]
        assert attributes.get("src", attributes.get("href")) == f'{ADDRESS}?a="b"&c=<d>'
        shown = attributes.get("title") or elements.texts[0]
        assert shown == f"Payer en ligne – {HOSTILE}"

    def test_in_english_say_so(self):
        english = of(address="https://guichet.example/en/saint-aubin/eau/", language="en")
        [(link, text)] = Elements(english.link).all("a")
        assert (link["hreflang"], link["lang"], text) == ("en", "en", "Pay online – Eau")
        assert 'title="Pay online – Eau"' in english.frame

    def test_of_a_button_can_be_read_on_its_colour(self):
        background, colour = re.findall(r"background:#(\w{6});color:#(\w{3})", of().button)[0]
        assert contrast(background, colour * 2) >= 7

    def test_of_a_button_have_the_town_s_colour(self):
        assert "background:#6b2d3c;color:#fff" in of(colour="#6b2d3c").button

    def test_of_the_script_hold_one_element(self):
        [(element, text)] = Elements(script(address='https://guichet.example/"><b>')).all("script")
        assert (element["src"], text) == ('https://guichet.example/"><b>', "")


def contrast(one: str, other: str) -> float:
    """As WCAG defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[start : start + 2], 16) / 255 for start in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.fixture
def town(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose
    return cast.make_saint_aubin()


@pytest.fixture
def nadia(bureau, town):
    bureau.force_login(town.agent)
    return bureau


def page(client, path="/saint-aubin/integration/"):
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def copied(html):
    """What the page's fields hold, by their names."""
    return {attributes["id"]: text for attributes, text in Elements(html).all("textarea")}


@pytest.mark.django_db
class TestPage:
    @pytest.mark.parametrize("role", list(Role))
    def test_is_open_to_every_role_of_the_town(self, nadia, town, role):
        with tenant(town.collectivite):
            Membership.objects.of(town.collectivite).update(role=role)
        page(nadia)

    def test_is_unknown_to_the_next_town(self, nadia):
        cast.make_next_town()
        assert nadia.get("/val-de-l-orne/integration/").status_code == 404

    def test_is_found_in_the_menu(self, nadia):
        assert 'href="/saint-aubin/integration/"' in page(nadia, "/saint-aubin/")

    def test_gives_for_each_product_what_to_paste_in_both_languages(self, nadia, town):
        fields = copied(page(nadia))
        for code, path in (("fr", "/saint-aubin/titres/"), ("en", "/en/saint-aubin/titres/")):
            expected = snippets(address=f"{settings.GUICHET_URL}{path}", name="Avis des sommes à payer", language=code)
            assert fields[f"product-{town.product.pk}-code-{code}-frame"] == expected.frame
            assert fields[f"product-{town.product.pk}-code-{code}-link"] == expected.link
            assert fields[f"product-{town.product.pk}-code-{code}-button"] == expected.button

    def test_gives_the_list_of_products_too(self, nadia):
        fields = copied(page(nadia))
        assert f'href="{settings.GUICHET_URL}/saint-aubin/"' in fields["all-fr-link"]
        assert "Payer en ligne – Saint-Aubin" in fields["all-fr-link"]

    def test_gives_the_same_to_an_agent_who_reads_english(self, nadia):
        assert copied(page(nadia, "/en/saint-aubin/integration/")) == copied(page(nadia))

    def test_gives_a_button_in_the_town_s_colour(self, nadia, town):
        with tenant(town.collectivite):
            Collectivite.objects.filter(pk=town.collectivite.pk).update(main_colour="#6b2d3c")
        assert "background:#6b2d3c" in copied(page(nadia))["all-fr-button"]

    @pytest.mark.parametrize(("role", "may"), [(Role.AGENT, False), (Role.ADMINISTRATOR, True)])
    def test_leads_to_the_list_of_sites_whoever_may_change_it(self, nadia, town, role, may):
        with tenant(town.collectivite):
            Membership.objects.of(town.collectivite).update(role=role)
        html = page(nadia)
        assert ('href="/saint-aubin/reglages/sites/"' in html) is may
        assert ("demandez à qui administre REGAL" in html) is not may

    def test_gives_the_script(self, nadia):
        assert copied(page(nadia))["frame-script"] == script(address=f"{settings.GUICHET_URL}/static/regal/frame.js")

    def test_shows_a_name_with_signs_as_it_will_be_pasted(self, nadia, town):
        with tenant(town.collectivite):
            Product.objects.of(town.collectivite).update(name=HOSTILE[:100])
        html = page(nadia)
        assert "<script>alert" not in html
        assert copied(html)[f"product-{town.product.pk}-code-fr-link"].endswith(
            "&lt;script&gt;alert(1)&lt;/script&gt;</a>"
        )

    def test_lists_the_sites_that_may_frame(self, nadia):
        html = page(nadia)
        assert "<code>https://saint-aubin.example</code>" in html
        assert "restera vide partout" not in html

    def test_warns_when_no_site_may(self, nadia, town):
        with tenant(town.collectivite):
            AllowedOrigin.objects.of(town.collectivite).delete()
        assert "le cadre restera vide partout" in page(nadia)

    @pytest.mark.parametrize(
        ("site", "warned"), [("https://saint-aubin.example/mairie/", False), ("https://www.saint-aubin.example/", True)]
    )
    def test_warns_when_the_town_s_own_site_may_not(self, nadia, town, site, warned):
        with tenant(town.collectivite):
            Collectivite.objects.filter(pk=town.collectivite.pk).update(site_url=site)
        assert ("n’est pas dans la liste" in page(nadia)) is warned

    def test_says_that_a_product_is_closed_or_in_test(self, nadia, town):
        assert ">test</span>" in page(nadia)
        assert "Ce produit est fermé" not in page(nadia)
        with tenant(town.collectivite):
            Product.objects.of(town.collectivite).update(is_open=False)
        assert "Ce produit est fermé" in page(nadia)

    def test_warns_that_payfip_checks_nothing_of_a_regie_s_bills(self, nadia, town):
        assert "ne vérifient la référence ou le montant d’une facture de régie" not in page(nadia)
        cast.make_product(town, DebtKind.REGIE, slug="piscine", numcli="006390")
        assert "ne vérifient la référence ou le montant d’une facture de régie" in page(nadia)


@pytest.mark.django_db
class TestPreview:
    @pytest.mark.parametrize(
        ("path", "address", "title"),
        [
            ("", "/saint-aubin/", "Payer en ligne – Saint-Aubin"),
            ("titres/", "/saint-aubin/titres/", "Payer en ligne – Avis des sommes à payer"),
        ],
    )
    def test_frames_the_very_page_of_the_guichet(self, nadia, path, address, title):
        html = page(nadia, f"/saint-aubin/integration/apercu/{path}")
        [(frame, _)] = Elements(html).all("iframe")
        assert (frame["src"], frame["title"]) == (f"{settings.GUICHET_URL}{address}", title)
        assert frame["loading"] == "lazy"

    @pytest.mark.parametrize(
        ("asked", "width"), [("", 600), ("320", 320), ("600", 600), ("900", 900), ("1", 600), ("<b>", 600)]
    )
    def test_has_three_widths(self, nadia, asked, width):
        html = page(nadia, f"/saint-aubin/integration/apercu/titres/?largeur={asked}")
        [(frame, _)] = Elements(html).all("iframe")
        assert frame["class"] == f"preview-{width}"
        current = [link["href"] for link, _ in Elements(html).all("a") if link.get("aria-current") == "true"]
        assert current == [f"?largeur={width}"]

    def test_is_as_high_as_the_snippet_makes_the_frame(self):
        css = (Path(__file__).parents[1] / "static" / "regal" / "bureau.css").read_text(encoding="utf-8")
        sizes = re.findall(r"\.preview-(\d+) \{ width: (\d+)px; height: (\d+)px; \}", css)
        assert [int(width) for width, _, _ in sizes] == list(WIDTHS)
        lines = re.findall(r"(\d+)px - (\d+)vw", FRAME_STYLE)
        for name, width, height in sizes:
            window = int(width) + 32
            wanted = max(1320, *(int(most) - int(slope) * window // 100 for most, slope in lines))
            assert (name, abs(int(height) - wanted) <= 2) == (width, True), wanted

    def test_is_the_only_page_that_may_frame_something_and_only_the_guichet(self, nadia):
        with_preview = nadia.get("/saint-aubin/integration/apercu/titres/").headers["Content-Security-Policy"]
        assert f"; frame-src {settings.GUICHET_URL}" in with_preview
        assert "frame-ancestors 'none'" in with_preview
        for path in ("/saint-aubin/", "/saint-aubin/integration/"):
            assert "frame-src" not in nadia.get(path).headers["Content-Security-Policy"]

    @pytest.mark.parametrize(
        "path", ["/saint-aubin/integration/apercu/nulle-part/", "/val-de-l-orne/integration/apercu/"]
    )
    def test_of_nothing_or_of_another_town_is_not_found(self, nadia, path):
        cast.make_next_town()
        assert nadia.get(path).status_code == 404

    def test_of_a_hostile_name_shows_it_as_text(self, nadia, town):
        with tenant(town.collectivite):
            Product.objects.of(town.collectivite).update(name=HOSTILE[:100])
        html = page(nadia, "/saint-aubin/integration/apercu/titres/")
        assert "<script>alert" not in html
        [(frame, _)] = Elements(html).all("iframe")
        assert frame["title"] == f"Payer en ligne – {HOSTILE[:100]}"
