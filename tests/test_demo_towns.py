"""The demonstration's town sites do what towns are told to do."""

from datetime import date

import pytest
from django.conf import settings

import regal_sandbox
from regal.backoffice.snippets import script, snippets
from regal.demo.cast import PUBLISHED_MERCHANTS, TOWNS
from regal.demo.data import sandbox_configuration
from regal.gateways.paybox.signature import PUBLISHED_TEST_KEY
from regal.people.models import Role


@pytest.fixture
def pages():
    """The first payment page of each town site."""
    sandbox = regal_sandbox.create(config=sandbox_configuration(today=date(2026, 11, 24)), town_count=2)
    yield [site.test_client().get("/payer-en-ligne/").text for site in sandbox.towns]
    sandbox.close()


@pytest.mark.parametrize("place", [0, 1])
def test_embed_the_guichet_by_the_very_snippet_that_the_bureau_shows(pages, place):
    town = TOWNS[place]
    address = f"{settings.GUICHET_URL}/{town.slug}/{town.products[0].slug}/"
    assert snippets(address=address, name=town.products[0].name, language="fr").frame in pages[place]


def test_take_the_script_or_leave_it(pages):
    tag = script(address=f"{settings.GUICHET_URL}/static/regal/frame.js")
    assert [tag in page for page in pages] == [True, False]


@pytest.mark.parametrize("town", TOWNS, ids=lambda town: town.slug)
def test_have_somebody_who_deposits_files_and_somebody_who_sees_contracts(town):
    assert {Role.REGISSEUR, Role.ADMINISTRATOR} <= {agent.role for agent in town.agents}


def test_have_a_paybox_that_knows_the_contract_which_the_bureau_recommends():
    sandbox = regal_sandbox.create(config=sandbox_configuration(today=date(2026, 11, 24)), town_count=2)
    merchants = sandbox.control.test_client().get("/paybox/merchants").get_json()["merchants"]
    sandbox.close()
    known = {(one["site"], one["rank"], one["identifier"]): (one["mode"], one["hmac_key"]) for one in merchants}
    for merchant in PUBLISHED_MERCHANTS:
        assert known[merchant.site, int(merchant.rank), merchant.identifier] == ("test", PUBLISHED_TEST_KEY)
    assert ("1999888", 32, "107904482") in known
