"""The demo town sites embed whatever pages they are told to."""

import re
from typing import Any

import pytest

from regal_sandbox import Sandbox
from regal_sandbox.tests.cast import Control
from regal_sandbox.towns import contrast_with_white

TOWN: dict[str, Any] = {
    "name": "Saint-Aubin",
    "look": "colline",
    "main_colour": "#6b2d3c",
    "accent_colour": "#cfe3b4",
    "news": [{"title": "Fête", "date": "1er mai", "text": "Place de l’église."}],
    "products": [
        {"title": "Eau & crèche", "url": "http://127.0.0.1:8000/st/eau/"},
        {"title": "Titres", "url": "http://127.0.0.1:8000/st/titres/", "intro": "Gardez l’avis."},
    ],
}


def page(sandbox: Sandbox, path: str, status: int = 200, town: int = 0) -> str:
    answer = sandbox.towns[town].test_client().get(path)
    assert answer.status_code == status
    return answer.text


class TestTown:
    def test_has_a_port(self, control: Control) -> None:
        control("PUT", "/towns/1", TOWN)
        control("PUT", "/towns/2", TOWN, status=404)
        control("PUT", "/towns/77", TOWN, status=404)
        assert list(control("GET", "/towns")["towns"]) == ["1"]

    def test_has_news(self, sandbox: Sandbox, control: Control) -> None:
        control("PUT", "/towns/0", TOWN)
        home = page(sandbox, "/")
        assert "Saint-Aubin" in home
        assert "Place de l’église." in home

    def test_embeds_each_product_on_a_page_of_its_own(self, sandbox: Sandbox, control: Control) -> None:
        control("PUT", "/towns/0", TOWN)
        first = page(sandbox, "/payer-en-ligne/")
        assert '<iframe src="http://127.0.0.1:8000/st/eau/" title="Payer en ligne – Eau &amp; crèche" ' in first
        tabs = re.findall(r'href="(/payer-en-ligne/[^"]+)"', first)
        assert tabs == ["/payer-en-ligne/eau-creche/", "/payer-en-ligne/titres/"]
        second = page(sandbox, "/payer-en-ligne/titres/")
        assert 'src="http://127.0.0.1:8000/st/titres/"' in second
        assert "Gardez l’avis." in second

    def test_links_to_the_service_outside_the_frame(self, sandbox: Sandbox, control: Control) -> None:
        control("PUT", "/towns/0", TOWN)
        assert '<a href="http://127.0.0.1:8000/st/titres/">' in page(sandbox, "/payer-en-ligne/titres/")

    def test_with_one_product_needs_no_tabs(self, sandbox: Sandbox, control: Control) -> None:
        control("PUT", "/towns/1", TOWN | {"products": TOWN["products"][:1]})
        shown = page(sandbox, "/payer-en-ligne/", town=1)
        assert "<iframe" in shown
        assert 'class="tabs"' not in shown

    def test_without_product_says_so(self, sandbox: Sandbox, control: Control) -> None:
        control("PUT", "/towns/0", {"name": "Saint-Aubin"})
        assert "Aucun service de paiement" in page(sandbox, "/payer-en-ligne/")

    def test_has_no_script_and_allows_none(self, sandbox: Sandbox, control: Control) -> None:
        control("PUT", "/towns/0", TOWN)
        answer = sandbox.towns[0].test_client().get("/payer-en-ligne/")
        assert "<script" not in answer.text
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "script-src" not in answer.headers["Content-Security-Policy"]

    def test_has_and_allows_the_one_script_it_is_given(self, sandbox: Sandbox, control: Control) -> None:
        control("PUT", "/towns/0", TOWN | {"script": "http://127.0.0.1:8000/static/frame.js"})
        answer = sandbox.towns[0].test_client().get("/payer-en-ligne/")
        assert answer.text.count("<script") == 1
        assert '<script src="http://127.0.0.1:8000/static/frame.js" async' in answer.text
        assert answer.headers["Content-Security-Policy"].endswith("; script-src http://127.0.0.1:8000")

    def test_takes_its_colours_from_its_description(self, sandbox: Sandbox, control: Control) -> None:
        control("PUT", "/towns/0", TOWN)
        assert "--main: #6b2d3c" in page(sandbox, "/couleurs.css")

    def test_is_not_there_until_described(self, sandbox: Sandbox, control: Control) -> None:
        for path in ("/", "/payer-en-ligne/", "/couleurs.css"):
            page(sandbox, path, status=404)
        control("GET", "/towns/0", status=404)
        assert control("GET", "/towns") == {"towns": {}}

    def test_does_not_know_other_pages(self, sandbox: Sandbox, control: Control) -> None:
        control("PUT", "/towns/0", TOWN)
        page(sandbox, "/payer-en-ligne/autre/", status=404)
        page(sandbox, "/ailleurs", status=404)

    def test_says_what_it_cannot_do_in_french_and_as_a_sandbox(
        self, sandbox: Sandbox, control: Control, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        control("PUT", "/towns/0", TOWN)
        monkeypatch.setattr("regal_sandbox.town_pages.luminance", lambda colour: 1 / 0)
        visitor = sandbox.towns[0].test_client()
        for answer in (visitor.post("/"), visitor.get("/couleurs.css")):
            assert '<html lang="fr">' in answer.text
            assert "Bac à sable&nbsp;: ce site de démonstration ne sait pas répondre" in answer.text
            assert f"(erreur {answer.status_code})" in answer.text
        assert [visitor.post("/").status_code, visitor.get("/couleurs.css").status_code] == [405, 500]

    def test_is_read_back_as_written(self, control: Control) -> None:
        written = control("PUT", "/towns/0", TOWN)
        assert control("GET", "/towns/0") == written
        assert control("PUT", "/towns/0", written) == written

    @pytest.mark.parametrize(
        "changed",
        [
            {"name": None},
            {"look": "mer"},
            {"main_colour": "rouge"},
            {"main_colour": "#ffff00"},  # white text could not be read
            {"accent_colour": "#12345;} body{"},
            {"products": [{"title": "A", "url": "javascript:alert(1)"}]},
            {"products": [{"title": "A", "url": "/relative"}]},
            {"products": [{"title": " ", "url": "http://a.fr/"}]},
            {"products": [{"title": "A", "url": "http://a.fr/"}, {"title": "a", "url": "http://b.fr/"}]},
            {"products": [{"title": "A", "url": "http://[a/"}]},
            {"script": "javascript:alert(1)"},
            {"script": "http://a.fr;script-src */frame.js"},
            {"news": ["Fête"]},
            {"inconnu": 1},
        ],
    )
    def test_ill_described_is_refused(self, control: Control, changed: Any) -> None:
        control("PUT", "/towns/0", TOWN | changed, status=400)


class TestContrast:
    @pytest.mark.parametrize(("colour", "contrast"), [("#000000", 21.0), ("#ffffff", 1.0), ("#767676", 4.54)])
    def test_is_measured_as_wcag_does(self, colour: str, contrast: float) -> None:
        assert contrast_with_white(colour) == pytest.approx(contrast, abs=0.01)
