"""XML that a stranger wrote: no entity, no document type's description, nothing fetched, nothing mended or huge.

A document type itself is refused by whoever reads: this parser only does nothing about it.
"""

from typing import Any

from lxml import etree


def parser(**options: Any) -> etree.XMLParser:
    """A parser for one document; `options` are lxml's, and weaken nothing."""
    return etree.XMLParser(
        **options,
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        recover=False,
    )
