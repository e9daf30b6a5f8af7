"""What a notice's code opens: the page with reference and amount filled and locked; anything altered is refused."""

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regal.checkout import pages
from regal.gateways.base import Environment
from regal.lib.tenancy import tenant
from regal.notices.wording import asked_of, worded
from regal.titres.links import BadLink, link_token, titre_of_link
from regal.titres.models import Titre
from regal.titres.states import State
from tests import cast
from tests.cast import MORNING

pytestmark = pytest.mark.django_db
LETTERS = string.ascii_letters + string.digits + "-_.~%/ "


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setattr(pages, "clock", lambda: MORNING)


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    return cast.make_canteen(town, environment=Environment.PRODUCTION)


def path_of(titre):
    """The address that the code of its notice says, without the host."""
    with tenant(titre.collectivite_id):
        fresh = Titre.objects.select_related("collectivite", "product__account", "regie", "budget").get(pk=titre.pk)
        link = worded(asked_of(fresh)).link
    return link.partition("/saint-aubin/")[1] + link.partition("/saint-aubin/")[2]


class TestCode:
    def test_opens_the_page_that_asks_an_e_mail_address_only(self, guichet, canteen):
        answer = guichet.get(path_of(cast.reduce(cast.make_titre(canteen))))
        assert answer.status_code == 200
        page = answer.content.decode()
        assert "FC2026000042" in page
        assert "74,70" in page
        assert 'type="email"' in page
        assert not {'name="amount"', 'name="montant"', 'name="invoice"'} & set(page.split())

    def test_of_the_comptable_s_opens_the_same(self, guichet, town):
        answer = guichet.get(path_of(cast.make_comptable_titre(town)))
        assert answer.status_code == 200
        assert "2026-412-1" in answer.content.decode()
        assert "125,50" in answer.content.decode()

    def test_follows_what_is_due(self, guichet, town, canteen):
        titre = cast.make_titre(canteen)
        path = path_of(titre)
        cast.reduce(titre, 2_000)
        assert "64,70" in guichet.get(path).content.decode()

    def test_names_nobody(self, guichet, canteen):
        assert "Leroy" not in guichet.get(path_of(cast.make_titre(canteen))).content.decode()


class TestAlteredLink:
    def refused(self, guichet, path):
        answer = guichet.get(path)
        assert answer.status_code == 404, path
        assert "84,70" not in answer.content.decode()
        return answer

    def test_is_refused_with_a_page_that_helps(self, guichet, canteen):
        path = path_of(cast.make_titre(canteen))
        page = self.refused(guichet, path[:-2] + ("A" if path[-2] != "A" else "B") + "/").content.decode()
        assert "/saint-aubin/restaurant/" in page  # from where it can be typed

    def test_by_any_one_character_is_refused(self, town, canteen):
        titre = cast.make_titre(canteen)
        token = link_token(titre)
        with tenant(town.collectivite):
            for place in range(len(token)):
                for letter in LETTERS:
                    if letter != token[place]:
                        with pytest.raises(BadLink):
                            titre_of_link(
                                collectivite=town.collectivite, token=token[:place] + letter + token[place + 1 :]
                            )

    def test_cut_anywhere_or_lengthened_is_refused(self, town, canteen):
        token = link_token(cast.make_titre(canteen))
        with tenant(town.collectivite):
            for cut in range(len(token)):
                for altered in (token[:cut], token[cut + 1 :], token[:cut] + "A" + token[cut:], f"{token}A"):
                    with pytest.raises(BadLink):
                        titre_of_link(collectivite=town.collectivite, token=altered)

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(edits=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(LETTERS)), min_size=1, max_size=6))
    def test_in_any_way_is_refused(self, town, edits):
        with tenant(town.collectivite):
            titre = Titre(pk=1234, collectivite=town.collectivite, reference="FC2026000042")
            token = altered = link_token(titre)
            for place, letter in edits:
                altered = altered[:place] + letter + altered[place + 1 :]
            with pytest.raises(BadLink):  # even as it was: there is no such titre
                titre_of_link(collectivite=town.collectivite, token=altered)
            assert token

    def test_of_another_titre_s_signature_is_refused(self, guichet, canteen):
        first, second = (cast.make_titre(canteen, reference=f"FC202600030{n}") for n in (1, 2))
        signature = link_token(first).partition(".")[2]
        self.refused(guichet, f"/saint-aubin/avis/{second.pk}.{signature}/")

    def test_of_another_town_is_refused(self, guichet, town, canteen):
        next_town = cast.make_next_town()
        titre = cast.make_titre(canteen)
        self.refused(guichet, f"/{next_town.collectivite.slug}/avis/{link_token(titre)}/")

    @pytest.mark.parametrize("status", [State.WITHDRAWN, State.DRAFT])
    def test_of_what_nobody_may_see_is_refused(self, guichet, town, canteen, status):
        titre = cast.make_titre(canteen)
        path = path_of(titre)
        with tenant(town.collectivite):
            Titre.objects.filter(pk=titre.pk).update(status=status)
        self.refused(guichet, path)

    def test_is_refused_when_it_is_posted_too(self, guichet, canteen):
        path = path_of(cast.make_titre(canteen))
        altered = path[:-2] + ("A" if path[-2] != "A" else "B") + "/"
        assert guichet.post(altered, {"email": cast.MME_LEROY}).status_code == 404
