"""PES as files: what is recognised, what is refused and with which words, and what hostile bytes do (trap 33)."""

import io
import random
import re
import time
import tracemalloc
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regal.titres.importers import pes_flow
from regal.titres.importers.base import FileFormat, Nature, NotThisFile, Trouble, Weight
from regal.titres.importers.pes import open_pes, recognise_xml
from regal.titres.importers.pes_troubles import PES_WORDS
from regal.titres.importers.tests.pes_files import (
    ALLER,
    DEBTOR,
    ORMC,
    article,
    bordereau,
    codes,
    flow,
    line,
    one,
    opened,
    piece,
    read,
    recognised,
    refusal,
    sample,
    values,
)
from regal.titres.importers.troubles import remedy, sentence

XML = b'<?xml version="1.0" encoding="UTF-8"?>'
RETOUR = "http://www.minefi.gouv.fr/cp/helios/pes_v2/Rev0/retour"


def retour(type_of_file, part):
    return (
        f'<n:PES_Retour xmlns:n="{RETOUR}"><Enveloppe><Parametres><TypFic V="{type_of_file}"/></Parametres></Enveloppe>'
        f"<EnTetePES/>{part}</n:PES_Retour>"
    ).encode()


def aller_without_recettes(part):
    content = flow(before=part)
    return re.sub(rb"<PES_RecetteAller>.*</PES_RecetteAller>", b"", content)


class TestWhatAFileIs:
    def test_titres_and_rôles_are_told_apart_by_their_bordereaux_not_by_what_they_say(self):
        titres, role = bordereau(piece()), bordereau(article(), kind="06")
        assert recognised(flow(titres, type_of_file="PESORMC")) is FileFormat.PES_ALLER
        assert recognised(flow(role, type_of_file="PESALR2")) is FileFormat.PES_ORMC
        assert recognised(sample(ALLER)) is FileFormat.PES_ALLER
        assert recognised(sample(ORMC)) is FileFormat.PES_ORMC

    def test_the_stream_is_left_at_its_beginning(self):
        stream = io.BytesIO(sample(ALLER))
        recognise_xml(stream)
        assert stream.tell() == 0

    def test_expenditure_beside_recettes_is_passed_over(self):
        expenditure = "<PES_DepenseAller><Bordereau><Piece/></Bordereau></PES_DepenseAller>"
        assert len(read(flow(bordereau(piece()), before=expenditure))) == 1

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (retour("PES2R_RCE", "<PES_RecetteRetour/>"), "F554"),
            (retour("", "<PES_RecetteRetour/>"), "F554"),
            (retour("TIPIHOP", "<PES_TIPI_Recette/>"), "F555"),
            (retour("", "<PES_TIPI_RECETTE/>"), "F555"),
            (retour("PES2R_DEP", "<PES_DepenseRetour/>"), "F564"),
            (retour("", ""), "F564"),
            (b"<n:PES_ACQUIT xmlns:n='x'><ACQUIT/></n:PES_ACQUIT>", "F556"),
            (b"<PES_Acquit/>", "F556"),
            (aller_without_recettes("<PES_DepenseAller><Bordereau/></PES_DepenseAller>"), "F557"),
            (aller_without_recettes("<PES_Facture/>"), "F558"),
            (aller_without_recettes("<PES_BudgetAller/>"), "F568"),
            (b"<n:PES_Facture xmlns:n='x'/>", "F558"),
            (b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.008.001.02'><A/></Document>", "F559"),
            (b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.02'/>", "F559"),
            (b"<Workbook xmlns='urn:schemas-microsoft-com:office:spreadsheet'/>", "F560"),
            (b"<o:document xmlns:o='urn:oasis:names:tc:opendocument:xmlns:office:1.0'/>", "F560"),
            (b"<html><body/></html>", "F562"),
            (b"<Invoice/>", "F563"),
            (flow(), "F565"),
            (b"", "F550"),
            (b"   ", "F550"),
            (b"not xml", "F551"),
        ],
    )  # fmt: skip
    def test_everything_else_is_refused_by_what_it_is(self, content, code):
        assert refusal(content).code == code
        with pytest.raises(NotThisFile) as refused:
            recognised(content)
        assert refused.value.trouble.code == code

    def test_the_first_element_is_named_only_if_it_is_a_name(self):
        assert refusal(b"<Invoice/>").said == {"root": "Invoice"}
        assert refusal("<é4111111111111111/>".encode()).said == {"root": "?"}


class TestItsWords:
    def test_every_code_has_a_sentence_and_what_stops_a_line_has_a_remedy(self):
        sources = [*Path(__file__).parents[1].glob("pes*.py"), Path(__file__).parents[1] / "xml_kinds.py"]
        used = {
            code
            for source in sources
            if source.name != "pes_troubles.py"
            for code in re.findall(r'"([FL][0-9]{3})"', source.read_text(encoding="utf-8"))
        }
        assert used == set(PES_WORDS)
        assert all("F550" <= code <= "F569" or "L201" <= code <= "L260" for code in used)
        for code in used:
            if code[0] == "F" or code < "L230" or "L242" < code < "L250":
                assert str(PES_WORDS[code][1])

    def test_sentences_name_the_place_and_the_figures(self):
        (only,) = read(flow(bordereau(piece(), ht="38.41")))
        with translation.override("fr"):
            assert sentence(only.troubles[0]) == (
                "Le bordereau annonce 38,41\u00a0€ hors taxe (MtBordHt) et ses lignes font 38,40\u00a0€."
            )
            assert remedy(only.troubles[0])

    def test_every_sentence_can_be_said(self):
        names = (
            "line root batch declared found value announced number most sent issued exercice day piece nature bordereau"
        )
        every = dict.fromkeys(names.split(), "?")
        for code in PES_WORDS:
            trouble = Trouble(code, Weight.ERROR, "MtHT", every)
            assert "%" not in sentence(trouble) + remedy(trouble)


class TestTrap33Encodings:
    def test_the_declaration_is_obeyed(self):
        for encoding, shown in (
            ("ISO-8859-1", "ISO-8859-1"), ("ISO-8859-15", "ISO-8859-15"), ("UTF-8", "UTF-8"), ("UTF-16", "UTF-16"),
            ("windows-1252", "Windows-1252"),
        ):  # fmt: skip
            reader = opened(flow(bordereau(piece("1", line(label="FÉVRIER"))), encoding=encoding))
            assert (reader.head.encoding, reader.head.troubles) == (shown, ())
            assert next(reader.lines()).titre.label == "FÉVRIER"

    @pytest.mark.parametrize(
        ("declared", "real", "shown"),
        [
            ("ISO-8859-1", "utf-8", "UTF-8"),
            ("ISO-8859-15", "utf-8", "UTF-8"),
            ("UTF-8", "latin-1", "Windows-1252"),
            ("UTF-16", "latin-1", "Windows-1252"),
            ("EBCDIC-CP-FR", "latin-1", "Windows-1252"),
            ("rot13", "utf-8", "UTF-8"),
        ],
    )
    def test_a_declaration_that_lies_is_found_out_and_said(self, declared, real, shown):
        text = flow(bordereau(piece("1", line(label="FÉVRIER")))).decode()
        reader = opened(text.replace("UTF-8", declared, 1).encode(real))
        assert reader.head.encoding == shown
        assert [one.code for one in reader.head.troubles] == ["F569"]
        assert next(reader.lines()).titre.label == "FÉVRIER"

    def test_a_lie_that_changes_nothing_is_not_said(self):
        text = flow(bordereau(piece())).decode()
        assert opened(text.replace("UTF-8", "UTF-16", 1).encode()).head.troubles == ()

    def test_a_byte_order_mark_is_no_matter(self):
        assert len(read(b"\xef\xbb\xbf" + sample(ALLER).decode("latin-1").encode())) == 7

    def test_two_encodings_mixed_are_damage(self):
        content = flow(bordereau(piece("1", line(label="FÉVRIER"))), after="<x V='@'/>").replace(b"@", b"\xe9 ")
        assert refusal(content).code == "F551"


class TestTrap33HostileXml:
    @pytest.mark.parametrize(
        "prolog",
        [
            '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
            '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
            '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
            '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p"> %p;]>',
            "<!DOCTYPE PES_Aller>",
        ],
    )
    def test_a_doctype_is_refused_whatever_it_holds(self, prolog):
        assert refusal(flow(bordereau(piece()), prolog=prolog)).code == "F552"

    def test_entities_of_their_own_do_not_exist_and_those_of_xml_do(self):
        assert refusal(flow(bordereau(piece("1", line(label="&secret;"))))).code == "F551"
        assert one(flow(bordereau(piece("1", line(label="EAU &amp; GAZ &#233;"))))).titre.label == "EAU & GAZ é"

    def test_comments_cdata_and_instructions_are_passed_over(self):
        odd = '<!-- <MtHT V="1.00"/> --><![CDATA[<MtHT V="2.00"/>]]><?php echo 1 ?>'
        only = one(flow(bordereau(piece("1", line(block=odd, more=odd)))))
        assert (only.titre.cents, only.troubles) == (38_40, ())

    def test_signatures_of_other_namespaces_are_passed_over(self):
        signature = (
            '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:Object><xad:Piece xmlns:xad="x"/>'
            '<Piece><BlocPiece><IdPce V="1"/></BlocPiece></Piece></ds:Object></ds:Signature>'
        )
        content = flow(bordereau(piece()).replace("</Bordereau>", f"{signature}</Bordereau>"), after=signature)
        assert one(content).troubles == ()

    def test_private_tags_of_vendors_are_passed_over_with_all_they_hold(self):
        private = '<JVS_FAC_NumeroFacture V="9"/><JVS_LFAC><MtHT V="99.00"/><IdLigne V="7"/><Tiers/></JVS_LFAC>'
        only = one(flow(bordereau(piece("1", line(block=private, more=private), more=private))))
        assert (only.titre.cents, only.titre.line, only.troubles) == (38_40, 1, ())

    def test_what_stands_inside_a_value_is_passed_over(self):
        nested = '<MtHT V="38.40"><MtTVA V="1.00"/><Piece/></MtHT>'
        only = one(flow(bordereau(piece("1", line(info=nested)))))
        assert (only.titre.cents, only.troubles) == (38_40, ())

    def test_a_jvs_file_without_idpost_and_idbord_is_read(self):
        content = flow(bordereau(piece()), head=values(IdColl="21990042000015", CodBud="00"))
        only = one(content.replace(b'<IdBord V="57"/>', b""))
        assert (only.titre.batch, codes(only), only.is_wrong) == ("", ["L210"], False)

    def test_a_value_may_have_other_attributes(self):
        assert one(flow(bordereau(piece())).replace(b"<IdPce V=", b"<IdPce W='V' V=")).titre.number == "412"

    def test_an_attachment_over_10_mb_is_passed_over(self):
        attachment = f"<PES_PJ><PJ><Contenu><Fichier>{'QUJD' * 3_000_000}</Fichier></Contenu></PJ></PES_PJ>"
        assert len(read(flow(bordereau(piece()), after=attachment))) == 1

    def test_two_heads_are_refused(self):
        assert refusal(flow(bordereau(piece()), before="<EnTetePES/>")).code == "F567"

    def test_depth_is_bounded(self):
        assert refusal(flow(bordereau(piece()), after="<a>" * 5000 + "</a>" * 5000)).code == "F553"

    def test_a_tag_without_end_is_refused_before_it_fills_memory(self):
        huge = flow(bordereau(piece())).replace(b'V="412"', b'V="' + b"9" * 20_000_000 + b'"')
        assert refusal(huge).code == "F553"

    def test_a_comment_without_end_is_refused_quickly(self):
        content = flow(bordereau(piece()), before="<!-- ").replace(b"<PES_RecetteAller>", b"- " * 10_000_000)
        began = time.process_time()
        assert refusal(content).code in ("F553", "F551")
        assert time.process_time() - began < 5

    def test_too_many_names_are_refused(self):
        many = "".join(f"<x{rank}/>" for rank in range(60_000))
        assert refusal(flow(bordereau(piece()), before=many)).code == "F553"

    def test_a_long_value_is_cut_and_never_believed(self):
        only = one(flow(bordereau(piece("1", line(ht="1" * 100_000)))))
        assert only.titre is None
        assert len(repr(only)) < 2_000


class _Endless(io.RawIOBase):
    """A file of any number of pieces, made while it is read."""

    def __init__(self, pieces, per_bordereau, before=b"", after=b""):
        self._made = (pieces, per_bordereau, before, after)
        self._rewind()

    def _rewind(self):
        self._parts, self._left, self._at = self._all(*self._made), b"", 0

    def _all(self, pieces, per_bordereau, before, after):
        template = flow(bordereau("@"), encoding="UTF-8")
        start, end = template.split(b"<Bordereau>")[0], template.split(b"</Bordereau>")[1]
        yield start
        for first in range(0, pieces, per_bordereau):
            count = min(per_bordereau, pieces - first)
            whole = bordereau(count=str(count), number=str(first // per_bordereau + 1), ht=f"{count * 38.40:.2f}")
            yield whole.removesuffix("</Bordereau>").encode()
            for rank in range(first, first + count):
                yield piece(str(rank + 1), line(label=f"CANTINE {rank * 7919 % 10007}")).encode()
            yield b"</Bordereau>"
        yield after + end

    def readable(self):
        return True

    def seek(self, place, whence=0):
        assert (place, whence) == (0, 0)
        self._rewind()
        return 0

    def read(self, size=-1):
        while len(self._left) < size:
            part = b"".join(islice(self._parts, 200))
            if not part:
                break
            self._left += part
        given, self._left = self._left[:size], self._left[size:]
        return given


class TestMemory:
    @pytest.mark.parametrize("per_bordereau", [1_000, 50])
    def test_does_not_grow_with_the_file(self, per_bordereau):
        reader = open_pes(cast(BinaryIO, _Endless(1_000, per_bordereau)), options={})
        tracemalloc.start()
        try:
            found = sum(not line.is_wrong for line in reader.lines())
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert found == 1_000
        assert peak < 1_500_000  # the raw pieces would take twice as much

    def test_a_bordereau_that_would_fill_memory_is_refused(self, monkeypatch):
        monkeypatch.setattr(pes_flow, "LARGEST_BORDEREAU", 1000)
        with pytest.raises(NotThisFile) as refused:
            list(open_pes(cast(BinaryIO, _Endless(2_000, 2_000)), options={}).lines())
        assert (refused.value.trouble.code, refused.value.trouble.said) == ("F566", {"batch": "1"})


SEEDS = (sample(ALLER), sample(ORMC), flow(bordereau(piece(), article(), ht="76.80"), bordereau(piece("9"), kind="02")))


def survives(content):
    """Read whatever it is to its end: only a refusal with words may come out."""
    troubles: list[Trouble] = []
    try:
        for found in read(content):
            troubles += found.troubles
            if found.titre is not None and not found.is_wrong:
                assert found.titre.cents > 0
                assert found.titre.number.isdecimal()
                assert len(found.titre.label) <= 100
    except NotThisFile as refused:
        troubles.append(refused.trouble)
    for trouble in troubles:
        assert trouble.code in PES_WORDS
        assert sentence(trouble)


class TestFuzz:
    @pytest.mark.parametrize("seed", range(3))
    def test_a_file_cut_anywhere_is_refused_and_never_half_believed(self, seed):
        content = SEEDS[seed].rstrip()
        for end in range(0, len(content) - 1, 37):
            assert refusal(content[:end]) is not None

    @given(st.binary(max_size=300))
    @settings(max_examples=200, deadline=None)
    def test_any_bytes(self, content):
        survives(content)
        survives(XML + content)

    @given(st.randoms(use_true_random=False))
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_bytes_changed_moved_or_repeated(self, chance: random.Random):
        content = bytearray(chance.choice(SEEDS))
        for _ in range(chance.randrange(1, 12)):
            at, length = chance.randrange(len(content)), chance.randrange(1, 400)
            match chance.randrange(4):
                case 0:
                    content[at] = chance.randrange(256)
                case 1:
                    del content[at : at + length]
                case 2:
                    content[at:at] = content[chance.randrange(len(content)) :][:length]
                case _:
                    content[at:at] = chance.choice(
                        [b'"', b"<", b"/>", b"&#0;", b"\x00", b"\xff", b"<Piece>", b"V", b"]]>"]
                    )
        survives(bytes(content))

    @given(st.randoms(use_true_random=False))
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_elements_lost_moved_or_with_other_values(self, chance: random.Random):
        content = chance.choice(SEEDS).decode("latin-1")
        tags = re.split(r"(<[^>]+>)", content)
        for _ in range(chance.randrange(1, 10)):
            at = chance.randrange(len(tags))
            if 'V="' in tags[at]:
                value = chance.choice(
                    ["", "0", "-1", "99999999999999999999", "é" * 400, "2026-13-45", "01", "1.005", "%s%(x)s"]
                )
                tags[at] = re.sub(r'V="[^"]*"', lambda _found, value=value: f'V="{value}"', tags[at])
            if tags[at].endswith("/>") and chance.random() < 0.5:
                tags[chance.randrange(len(tags))] += tags[at]
                if chance.random() < 0.5:
                    tags[at] = ""
        survives("".join(tags).encode("latin-1"))

    @given(st.text(max_size=60), st.text(max_size=40))
    @settings(max_examples=100, deadline=None)
    def test_any_text_as_a_value(self, label, amount):
        sound = "".join(f"&#{ord(one)};" for one in label if one.isprintable() and ord(one) < 0xD800)
        amount = "".join(f"&#{ord(one)};" for one in amount if one.isprintable() and ord(one) < 0xD800)
        survives(
            flow(bordereau(piece(sound, line(sound, label=sound, ht=amount, debtors=DEBTOR.replace("LEROY", sound)))))
        )


def test_a_debt_is_only_ever_what_the_table_says():
    natures = {one.titre.nature for content in SEEDS[:2] for one in read(content)}
    assert natures == {Nature.DEBT, Nature.REDUCTION, Nature.NOT_PAYABLE}
