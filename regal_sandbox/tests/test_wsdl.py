"""The description of the web service, as served."""

import re

import pytest
from flask.testing import FlaskClient

from regal_sandbox import Sandbox
from regal_sandbox.tests.cast import Control
from regal_sandbox.wsdl import DOCUMENTED_PATH, SERVICE_PATH

HOST = "https://www.payfip.gouv.fr"


@pytest.fixture
def browser(sandbox: Sandbox) -> FlaskClient:
    return sandbox.pages.test_client()


def get(browser: FlaskClient, path: str, *, host: str = HOST) -> str:
    answer = browser.get(path, base_url=host)
    assert answer.status_code == 200, path
    assert answer.content_type == "text/xml;charset=utf-8"
    return answer.text


def addresses(document: str) -> tuple[list[str], list[str]]:
    """Where its schemas are, and the service."""
    return re.findall(r'schemaLocation="([^"]+)"', document), re.findall(r'address location="([^"]+)"', document)


class TestPresent:
    @pytest.mark.parametrize("path", [SERVICE_PATH, DOCUMENTED_PATH])
    def test_leads_back_to_where_it_was_asked(self, browser: FlaskClient, path: str) -> None:
        schemas, service = addresses(get(browser, f"{path}?wsdl"))
        assert schemas == [f"{HOST}{path}?xsd={n}" for n in (1, 2, 3)]
        assert service == [HOST + SERVICE_PATH]
        for schema in schemas:
            inner, _ = addresses(get(browser, schema.removeprefix(HOST)))
            assert set(inner) <= set(schemas)

    @pytest.mark.parametrize(
        "host",
        [
            "https://www.tipi.budget.gouv.fr",
            "https://www.tipi-client.budget.gouv.fr",
            "http://127.0.0.1:8010",
            "http://[::1]:8010",
        ],
    )
    def test_under_any_name(self, browser: FlaskClient, host: str) -> None:
        _, service = addresses(get(browser, f"{SERVICE_PATH}?wsdl", host=host))
        assert service == [host + SERVICE_PATH]

    @pytest.mark.parametrize("query", ["?wsdl", "?WSDL", "?wsdl=", "?wsdl&x=1"])
    def test_however_it_is_asked(self, browser: FlaskClient, query: str) -> None:
        assert "PaiementSecuriseServicePort" in get(browser, SERVICE_PATH + query)

    def test_believes_a_proxy_s_scheme_only_when_told(self, browser: FlaskClient, control: Control) -> None:
        def asked() -> list[str]:
            told = {"X-Forwarded-Proto": "https"}
            return addresses(browser.get(f"{SERVICE_PATH}?wsdl", base_url="http://payfip", headers=told).text)[1]

        assert asked() == [f"http://payfip{SERVICE_PATH}"]
        control("PUT", "/settings", {"trust_forwarded_proto": True})
        assert asked() == [f"https://payfip{SERVICE_PATH}"]

    def test_has_no_fourth_schema(self, browser: FlaskClient) -> None:
        assert [browser.get(f"{SERVICE_PATH}?xsd={n}").status_code for n in ("0", "4", "", "../1")] == [404] * 4

    def test_leaves_a_page_for_people_at_the_bare_address(self, browser: FlaskClient) -> None:
        assert "Service web des régies" in browser.get(SERVICE_PATH).text


class TestFlavours:
    def test_of_2019_knows_what_was_there_then(self, browser: FlaskClient, control: Control) -> None:
        control("PUT", "/settings", {"wsdl_flavour": "2019"})
        schemas, service = addresses(get(browser, f"{SERVICE_PATH}?wsdl"))
        assert service == [HOST + DOCUMENTED_PATH]
        served = [get(browser, schema.removeprefix(HOST)) for schema in schemas]
        assert any("IdentifiantGen" in schema for schema in served)
        assert any("throwable" in schema for schema in served)

    def test_of_the_guide_is_broken_at_its_own_address_only(self, browser: FlaskClient, control: Control) -> None:
        control("PUT", "/settings", {"wsdl_flavour": "documentation"})
        schemas, service = addresses(get(browser, f"{DOCUMENTED_PATH}?wsdl"))
        assert service == [f"http://www.tipi.budget.gouv.fr:80{DOCUMENTED_PATH}"]
        assert all(schema.startswith("http://www.tipi.budget.gouv.fr:80/") for schema in schemas)
        schemas, service = addresses(get(browser, f"{SERVICE_PATH}?wsdl"))
        assert service == [HOST + SERVICE_PATH]
