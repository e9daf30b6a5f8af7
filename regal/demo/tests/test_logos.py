"""The demonstration's towns are dressed as any town may be."""

import pytest

from regal.backoffice.administration import set_look
from regal.collectivites.models import Collectivite
from regal.demo.cast import TOWNS
from regal.demo.logos import logo_of
from tests.cast import MORNING


@pytest.mark.parametrize("town", TOWNS, ids=lambda town: town.slug)
def test_each_town_has_colours_that_pass_and_a_logo_of_its_own(db, town):
    collectivite = Collectivite.objects.create(slug=town.slug, name=town.name)
    dressed = set_look(
        collectivite=collectivite,
        main_colour=town.main_colour,
        accent_colour=town.accent_colour,
        logo=logo_of(town),
        now=MORNING,
    )
    assert (dressed.main_colour, dressed.accent_colour) == (town.main_colour, town.accent_colour)
    assert dressed.logo_digest


def test_no_two_towns_have_the_same():
    assert len({logo_of(town) for town in TOWNS}) == len(TOWNS)
