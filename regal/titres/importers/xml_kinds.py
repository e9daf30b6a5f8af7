"""What an XML file is when it is not a PES Recette Aller: people have many, and their names look alike."""

import re
from collections.abc import Mapping, Sequence

from regal.titres.importers.base import NotThisFile, Trouble, Weight

_ACCEPTED_ROOTS = {"PES_Aller", "PES_Retour"}  # what a PES_Retour is, its content says
_ROOTS = {
    "pes_acquit": "F556",
    "pes_facture": "F558",
    "pes_asap": "F558",
    "html": "F562",
    "workbook": "F560",
    "document-content": "F560",
    "package": "F560",
}
_SEPA = re.compile(r"urn:iso:std:iso:20022:tech:xsd:(pain|camt|pacs)\.")
_SPREADSHEET = "urn:oasis:names:tc:opendocument"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")

_RETOUR_RECETTE = ("pes2r_rce", "recetteretour")


def refuse_other_root(name: str, attributes: Mapping[str, str]) -> None:
    """Raise NotThisFile unless the first element is a PES Aller's, or a PES Retour's, which says more later."""
    local = name.rpartition(":")[2]
    if local in _ACCEPTED_ROOTS:
        return
    spaces = [value for key, value in attributes.items() if key.partition(":")[0] == "xmlns"]
    code = _ROOTS.get(local.lower(), "F563")
    if any(_SEPA.match(space) for space in spaces):
        code = "F559"
    elif any(space.startswith(_SPREADSHEET) for space in spaces):
        code = "F560"
    raise NotThisFile(Trouble(code, Weight.ERROR, "", {"root": local if _NAME.fullmatch(local) else "?"}))


def refuse_other_part(root: str, parts: Sequence[str], type_of_file: str, *, is_whole: bool) -> None:
    """Raise NotThisFile if what was read under the root is enough to know that no recettes will come.

    `parts` are the elements under the root; `is_whole` that nothing follows.
    """
    parts = [part.lower() for part in parts if part.lower().startswith("pes_")]
    said = " ".join([*parts, type_of_file.lower()])
    code = ""
    if root == "PES_Retour":
        if "tipi" in said:
            code = "F555"
        elif any(word in said for word in _RETOUR_RECETTE):
            code = "F554"
        elif parts or is_whole:
            code = "F564"
    elif is_whole:
        code = "F557" if "pes_depenseal" in said else "F558" if "pes_facture" in said else "F568"
    if code:
        raise NotThisFile(Trouble(code, Weight.ERROR))
