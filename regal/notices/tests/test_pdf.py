"""The PDF: tagged, one page each, with a code that says the link; what is hard to set stays whole."""

import dataclasses
import io
import json
import re

import pytest
import typst
from PIL import Image

from regal.collectivites.models import Collectivite
from regal.lib import pdf
from regal.notices import operations, wording
from regal.notices.operations import compile_pdf, data_of
from regal.notices.wording import QUIET_ZONE, Notice, code_of
from tests.cast import MORNING
from tests.pictures import picture
from tests.qr import read_code

TOWN = Collectivite(name="Saint-Aubin", slug="saint-aubin", main_colour="#6b2d3c")
LINK = "https://payer.example/saint-aubin/avis/123456.abcdefghij-klmnopq_rst/"
PLAIN = Notice(
    sender=("Saint-Aubin", "Régie périscolaire"),
    address=("Mme Leroy", "12 rue de l’Église", "61000 ALENÇON"),
    marks=(),
    title="Facture à payer",
    subtitle="Facture n° AP-261207",
    amount_name="Montant à payer",
    amount="84,70\N{NO-BREAK SPACE}€",
    due="au plus tard le 31 décembre 2026",
    rows=(("Objet", "Cantine"),),
    sums=(),
    online_title="Payer en ligne",
    scan="Scannez ce code avec votre téléphone : tout est déjà rempli.",
    code_alt="Code QR",
    link=LINK,
    or_type="Ou allez sur payer.example/saint-aubin/, choisissez « Cantine », et tapez :",
    typed=(("Numéro de la facture", "AP261207"), ("Montant", "84,70\N{NO-BREAK SPACE}€")),
    warning="Qui détient cet avis peut payer et lire ce qui est dû : ne le publiez pas.",
    parts=(("Une question ?", ("Mairie, 02 33 00 00 00",)),),
    footer="Saint-Aubin – facture AP-261207",
)
HARD = dataclasses.replace(
    PLAIN,
    sender=("Communauté de communes du Pays de l’Haÿ et des Vallées réunies " * 2, "Régie " * 20),
    address=(
        "Monsieur et Madame Œuvrard-L’Haÿ de La Rochefoucauld " * 2,
        *(["Une ligne d’adresse très longue " * 2] * 4),
        "94240 L’HAŸ-LES-ROSES " * 3,
    ),
    marks=("Essai : ne pas envoyer. Aucun argent ne peut être encaissé.",),
    amount="99\N{NARROW NO-BREAK SPACE}999,99\N{NO-BREAK SPACE}€",
    rows=(("Objet", "Œ" * 100), ("Exercice", "2026"), ("Date d’émission", "x"), ("Date limite de paiement", "x")),
    sums=(("Montant émis", "x"), ("Compléments", "x"), ("Déjà payé", "x"), ("Reste à payer", "x")),
    typed=(("N" * 40, "W" * 30), ("Montant", "x"), ("ou, au lieu du montant, la clé de paiement", "7K3QF-M2X9D")),
    or_type=f"Ou allez sur payer.example/{'a' * 40}/, choisissez « {'Produit ' * 12} », et tapez :",
    parts=(("Autres moyens de payer", ("Mot " * 100,)), ("Une question ?", ("Contact, " * 22,))),
)


def pages_of(*notices, logo=b""):
    drawn = typst.compile(
        str(operations.TEMPLATE),
        format="png",
        ppi=200,
        sys_inputs={"data": data_of(notices, collectivite=TOWN, logo=logo)},
        ignore_system_fonts=True,
    )
    return [Image.open(io.BytesIO(page)).convert("L") for page in (drawn if isinstance(drawn, list) else [drawn])]


def pdf_of(*notices, logo=b""):
    return compile_pdf(notices, collectivite=TOWN, logo=logo, now=MORNING)


def pages_in(pdf):
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


def is_dark_within(page, left, top, right, bottom):
    """Whether something is printed in this part of a page, in millimetres."""
    scale = page.width / 210
    part = page.crop(tuple(round(side * scale) for side in (left, top, right, bottom)))
    return part.getextrema()[0] < 128


class TestPdf:
    def test_is_tagged_and_says_its_language(self):
        pdf = pdf_of(PLAIN, logo=picture("#6b2d3c"))
        assert b"/MarkInfo" in pdf
        assert b"/StructTreeRoot" in pdf
        assert b"pdfuaid" in pdf
        assert b"/Lang" in pdf

    def test_gives_each_notice_its_page(self):
        assert pages_in(pdf_of(PLAIN)) == 1
        assert pages_in(pdf_of(*[PLAIN] * 7)) == 7

    def test_keeps_the_hardest_on_one_page(self):
        assert pages_in(pdf_of(HARD, logo=picture("#6b2d3c"))) == 1

    def test_is_the_same_when_made_again_at_the_same_hour(self):
        assert pdf_of(PLAIN) == pdf_of(PLAIN)

    def test_takes_words_for_words_never_for_code(self):
        sly = dataclasses.replace(
            PLAIN,
            address=(
                '#panic("no")',
                '$x$ *bold* \\ `raw` #include "/etc/passwd"',
            ),
        )
        assert pages_in(pdf_of(sly)) == 1

    @pytest.mark.parametrize("count", [1, 3])
    def test_with_a_name_that_no_font_writes_is_made_and_keeps_every_other_sign(self, count, monkeypatch):
        tried = []
        compiled = pdf._compiled

        def compile_it(template, data, dated):
            tried.append(data)
            return compiled(template, data, dated)

        monkeypatch.setattr(pdf, "_compiled", compile_it)
        wang = dataclasses.replace(
            PLAIN,
            address=("M. Wang 王小明", "12 rue de l’Église 🎂", "61000 ALENÇON"),
            rows=(("Objet", "Porte\N{NON-BREAKING HYPHEN}vélos"),),
            sums=(("Réductions", "\N{MINUS SIGN} 5,00\N{NO-BREAK SPACE}€"),),
        )
        assert pages_in(pdf_of(wang, *[PLAIN] * (count - 1))) == count
        as_printed = json.loads(tried[-1])["notices"][0]
        assert as_printed["address"] == ["M. Wang ???", "12 rue de l’Église ?", "61000 ALENÇON"]
        assert as_printed["rows"] == [["Objet", "Porte\N{NON-BREAKING HYPHEN}vélos"]]
        assert as_printed["sums"] == [["Réductions", "\N{MINUS SIGN} 5,00\N{NO-BREAK SPACE}€"]]

    @pytest.mark.parametrize("notice", [PLAIN, HARD], ids=["plain", "hard"])
    def test_shows_the_address_and_nothing_else_in_a_window_however_the_paper_slides(self, notice):
        """A DL envelope of 220 by 110 mm, its window 100 by 35 mm, 20 mm from the right and from the bottom."""
        (page,) = pages_of(notice, logo=picture("#6b2d3c"))
        assert is_dark_within(page, 100, 55, 190, 79.5)  # seen wherever the paper lies
        for around in ((90, 44, 104, 90), (90, 44, 200, 54.5), (191, 44, 200, 90), (90, 80, 200, 90)):
            assert not is_dark_within(page, *around)


class TestCode:
    @pytest.mark.parametrize("link", [LINK, "http://127.0.0.1:8000/a/avis/1.abcdefghijklmnopqrstuv/", "h" * 150])
    def test_as_printed_is_read_back_as_the_link(self, link):
        (page,) = pages_of(dataclasses.replace(PLAIN, link=link))
        assert read_code(page, around=(22, 120, 68, 250)) == link

    def test_is_the_link_to_whoever_reads_the_file_on_a_screen(self):
        assert f"/URI({LINK})".encode() in pdf_of(PLAIN)

    def test_has_its_quiet_zone(self):
        svg = wording.svg_of(LINK)
        size = code_of(LINK).symbol_size(border=QUIET_ZONE)[0]
        assert f'viewBox="0 0 {size} {size}"' in svg
        assert QUIET_ZONE >= 4

    def test_can_lose_an_eighth_of_its_squares(self):
        assert code_of(LINK).error == "M"

    def test_is_large_enough_for_a_telephone(self):
        """Each square is half a millimetre at least, for the longest address there may be."""
        longest = f"https://{'a' * 40}.example.fr/{'b' * 40}/avis/{2**53}.{'c' * 22}/"
        assert 40 / code_of(longest).symbol_size(border=QUIET_ZONE)[0] >= 0.5
