"""Under which addresses the payment pages answer."""

import pytest

from regal_sandbox.tests.cast import Payer


class TestPaymentPages:
    @pytest.mark.parametrize(
        "host", ["www.payfip.gouv.fr", "www.tipi.budget.gouv.fr", "www.tipi-client.budget.gouv.fr", "127.0.0.1:8010"]
    )
    def test_answer_under_tpa_to_any_host_name_and_stay_there(self, payer: Payer, host: str) -> None:
        told = payer.request()
        answer = payer.browser.get("/tpa/paiement.web", query_string=told, headers={"Host": host})
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/tpa/transaction/")
