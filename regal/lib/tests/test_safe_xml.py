import pytest
from lxml import etree

from regal.lib import safe_xml

BOMB = b'<!DOCTYPE a [<!ENTITY b "boom"><!ENTITY f SYSTEM "file:///etc/hostname">]><a>&b;&f;</a>'


class TestParser:
    def test_reads_a_plain_document(self):
        assert etree.fromstring(b"<a>b</a>", safe_xml.parser()).text == "b"

    def test_fills_no_entity_in(self):
        assert not etree.fromstring(BOMB, safe_xml.parser()).text

    def test_mends_nothing(self):
        with pytest.raises(etree.XMLSyntaxError):
            etree.fromstring(b"<a><b></a>", safe_xml.parser())

    def test_cannot_be_made_weaker(self):
        with pytest.raises(TypeError):
            safe_xml.parser(resolve_entities=True)
