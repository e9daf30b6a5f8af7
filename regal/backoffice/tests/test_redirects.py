import pytest

from regal.backoffice.redirects import confirm_first, see_other, see_page

pytestmark = pytest.mark.urls("regal.config.urls_bureau")


class TestARedirect:
    def test_is_read_and_never_sent_again(self):
        answers = [see_other("/a/"), see_page("platform"), confirm_first("/a/")]
        assert [answer.status_code for answer in answers] == [303, 303, 303]

    def test_leads_to_a_page_by_the_name_of_its_route(self):
        assert see_page("titre", "saint-aubin", 12).url == "/saint-aubin/factures/12/"

    def test_comes_back_from_the_password_to_what_was_filtered(self):
        assert (
            confirm_first("/a/?etat=payee&du=1").url == "/connexion/confirmation/?next=%2Fa%2F%3Fetat%3Dpayee%26du%3D1"
        )
