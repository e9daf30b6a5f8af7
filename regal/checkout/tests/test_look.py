"""A town's colours and logo on its pages: from our origin, without inline style, light, kept by browsers for ever."""

import hashlib
import re

import pytest

from regal.backoffice.administration import set_look
from regal.checkout import look
from regal.lib.colours import tones_of
from tests import cast, pictures

pytestmark = pytest.mark.django_db

FORM = "/saint-aubin/titres/"
LIGHT = 30_000  # bytes of a product's first page and all that it loads, the logo apart


@pytest.fixture
def saint_aubin():
    return cast.make_saint_aubin()


def dress(town, **chosen):
    return set_look(collectivite=town.collectivite, now=cast.MORNING, **chosen)


def loaded_by(page):
    """The addresses that a page makes a browser load."""
    text = page.content.decode()
    return re.findall(r'<link[^>]* href="([^"]+)"', text) + re.findall(r' src="([^"]+)"', text)


def body_of(answer):
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


class TestPage:
    def test_of_a_town_without_look_loads_ours_alone(self, guichet, saint_aubin):
        assert all(address.startswith("/static/") for address in loaded_by(guichet.get(FORM)))

    def test_loads_the_colours_and_the_logo_of_its_town(self, guichet, saint_aubin):
        dress(saint_aubin, main_colour="#0b5563", logo=pictures.picture(), logo_text="Terre d’eau & de <vent>")
        page = guichet.get(FORM)
        colours, logo = (address for address in loaded_by(page) if not address.startswith("/static/"))
        assert colours.endswith(".css")
        assert logo.endswith(".png")
        assert guichet.get(colours).status_code == guichet.get(logo).status_code == 200
        assert 'alt="Terre d’eau &amp; de &lt;vent&gt;"' in page.content.decode()
        assert "style=" not in page.content.decode()

    def test_loads_the_same_in_english(self, guichet, saint_aubin):
        dress(saint_aubin, main_colour="#0b5563", logo=pictures.picture())
        assert loaded_by(guichet.get(f"/en{FORM}")) == loaded_by(guichet.get(FORM))

    def test_loads_nothing_from_elsewhere(self, guichet, saint_aubin):
        dress(saint_aubin, main_colour="#0b5563", logo=pictures.picture())
        assert all(re.match(r"/[^/]", address) for address in loaded_by(guichet.get(FORM)))

    @pytest.mark.parametrize("address", [FORM, f"/en{FORM}"])
    def test_first_of_a_product_weighs_30_kb_at_most_with_all_it_loads(self, guichet, saint_aubin, address):
        dress(saint_aubin, main_colour="#0b5563", accent_colour="#f2b544", logo=pictures.picture())
        page = guichet.get(address)
        weights = {address: len(page.content)}
        for loaded in loaded_by(page):
            if not loaded.endswith(".png"):
                answer = guichet.get(loaded)
                assert answer.status_code == 200, loaded
                weights[loaded] = len(body_of(answer))
        assert "/static/regal/regal.css" in weights
        assert sum(weights.values()) <= LIGHT, weights


class TestColours:
    def test_replace_our_own_by_name(self, guichet, saint_aubin):
        town = dress(saint_aubin, main_colour="#6b2d3c", accent_colour="#c9d26a")
        answer = guichet.get(f"/s/l/{town.pk}/{look.colours_digest(town)}.css")
        tones = tones_of("#6b2d3c")
        assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
        assert answer.content.decode() == (
            f":root{{--main:#6b2d3c;--main-dark:{tones.dark};--main-soft:{tones.soft};--accent:#c9d26a}}"
        )

    def test_have_another_address_once_changed(self, guichet, saint_aubin):
        before = dress(saint_aubin, main_colour="#6b2d3c")
        after = dress(saint_aubin, main_colour="#0b5563")
        assert look.colours_digest(before) != look.colours_digest(after)
        assert guichet.get(f"/s/l/{before.pk}/{look.colours_digest(before)}.css").status_code == 404

    def test_are_nowhere_for_a_town_that_has_none(self, guichet, saint_aubin):
        pk = saint_aubin.collectivite.pk
        assert guichet.get(f"/s/l/{pk}/{hashlib.sha256(b'').hexdigest()[:16]}.css").status_code == 404
        assert guichet.get("/s/l/999999/0123456789abcdef.css").status_code == 404


class TestLogo:
    def test_is_a_png_and_nothing_else(self, guichet, saint_aubin):
        town = dress(saint_aubin, logo=pictures.picture(kind="JPEG"))
        answer = guichet.get(f"/s/l/{town.pk}/{town.logo_digest}.png")
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert hashlib.sha256(answer.content).hexdigest() == town.logo_digest
        assert pictures.opened(answer.content).size == (40, 30)

    def test_replaced_a_moment_ago_is_still_there_for_pages_already_open(self, guichet, saint_aubin):
        before = dress(saint_aubin, logo=pictures.picture("#0b5563"))
        dress(saint_aubin, logo=pictures.picture("#6b2d3c"))
        assert guichet.get(f"/s/l/{before.pk}/{before.logo_digest}.png").status_code == 200

    def test_of_one_town_is_not_the_next_town_s(self, guichet, saint_aubin):
        town = dress(saint_aubin, logo=pictures.picture())
        next_town = cast.make_next_town().collectivite
        assert guichet.get(f"/s/l/{next_town.pk}/{town.logo_digest}.png").status_code == 404


class TestHostileAddresses:
    @pytest.mark.parametrize("number", ["0", "1", "9223372036854775807", "9223372036854775808", "9" * 40])
    @pytest.mark.parametrize("digest", ["0" * 64, "a%00b", "é", "0" * 65, "..%2f", "%25", "a" * 3000])
    @pytest.mark.parametrize("kind", ["css", "png"])
    def test_are_nowhere(self, guichet, saint_aubin, number, digest, kind):
        assert guichet.get(f"/s/l/{number}/{digest}.{kind}").status_code == 404


class TestHeaders:
    @pytest.mark.parametrize("kind", ["css", "png"])
    def test_let_browsers_keep_it_for_ever_and_name_nobody(self, guichet, saint_aubin, kind):
        town = dress(saint_aubin, main_colour="#0b5563", logo=pictures.picture())
        digest = look.colours_digest(town) if kind == "css" else town.logo_digest
        answer = guichet.get(f"/s/l/{town.pk}/{digest}.{kind}")
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert not answer.cookies
        assert guichet.post(f"/s/l/{town.pk}/{digest}.{kind}").status_code == 405

    def test_keep_no_refusal(self, guichet, saint_aubin):
        answer = guichet.get(f"/s/l/{saint_aubin.collectivite.pk}/{'0' * 64}.png")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (404, "no-store")
