"""Paybox Direct's frames: what `PPPS.php` is sent and what it answers, neither XML nor JSON but one line of text.

The answer is Latin-1 and not URL-encoded: its readers cut at `&` and `=` without decoding.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote_to_bytes

PATHS = ("/PPPS.php", "/secours/PPPS.php")  # of the first host and of the second
CONTENT_TYPE = "text/html; charset=ISO-8859-1"
VERSIONS = {"00103": "Direct", "00104": "Direct Plus"}
ASKED_FOR = ("PAYS", "TYPECARTE", "SHA-1")  # sent empty: wanted in the answer
UNKNOWN = "???"
MOST_QUESTION = 2**31 - 1

# CODEREPONSE → what COMMENTAIRE says after « PAYBOX : ». The sentences in use are known for 00017 and 00018 only.
COMMENTS = {
    "00000": "Demande traitée avec succès",
    "00001": "Centre d'autorisation inaccessible",
    "00002": "Opération incohérente avec l'état de la transaction",
    "00003": "Erreur Paybox",
    "00004": "Numéro de porteur invalide",
    "00005": "Numéro de question invalide",
    "00006": "Accès refusé ou site/rang incorrect",
    "00007": "Date invalide",
    "00008": "Date de fin de validité invalide",
    "00009": "Type d'opération invalide",
    "00010": "Devise inconnue",
    "00011": "Montant incorrect",
    "00012": "Référence commande invalide",
    "00013": "Version non prise en charge",
    "00014": "Trame incohérente",
    "00015": "Opération déjà effectuée",
    "00016": "Abonné déjà existant",
    "00017": "Abonné inexistant",
    "00018": "Transaction non trouvée",
    "00020": "Cryptogramme visuel absent",
    "00021": "Carte non autorisée",
    "00022": "Plafond atteint",
    "00039": "Question déjà posée",
    "00040": "Authentification du porteur absente",
    "00097": "Délai de réponse dépassé",
    "00098": "Connexion interrompue",
    "00099": "Erreur interne",
}


class BadFrame(Exception):
    """What was sent is refused; `code` is its CODEREPONSE."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The fields of a question, decoded, in the order in which they came."""

    fields: tuple[tuple[str, bytes], ...]
    repeated: bool = False

    @classmethod
    def read(cls, body: bytes) -> Self:
        fields: list[tuple[str, bytes]] = []
        for piece in body.split(b"&"):
            if piece:
                name, _, value = piece.replace(b"+", b" ").partition(b"=")
                fields.append((unquote_to_bytes(name).decode("latin-1"), unquote_to_bytes(value)))
        return cls(fields=tuple(fields), repeated=len({name for name, _ in fields}) < len(fields))

    def get(self, name: str) -> str:
        """Its value, in UTF-8 if it can be, else in Latin-1; empty when it was not sent."""
        value = dict(self.fields).get(name, b"")
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value.decode("latin-1")

    def has(self, name: str) -> bool:
        return name in dict(self.fields)

    def wants(self, name: str) -> bool:
        return self.has(name) and not self.get(name)

    @property
    def signed_text(self) -> bytes:
        """What HMAC is computed over: every other field, in the order sent, not encoded."""
        return b"&".join(name.encode("latin-1") + b"=" + value for name, value in self.fields if name != "HMAC")

    def shown(self) -> dict[str, str]:
        """For whoever connects a program: all of it but what is secret."""
        secret = {"CLE": "…", "HMAC": "…", "CVV": "…"}
        told = {name: secret.get(name, self.get(name)) for name, _ in self.fields}
        if "PORTEUR" in told:
            told["PORTEUR"] = _masked(told["PORTEUR"])
        return told


def _masked(card: str) -> str:
    return f"{card[:6]}…{card[-2:]}" if re.fullmatch(r"[0-9]{12,19}", card) else card


@dataclass(frozen=True, kw_only=True)
class Reply:
    code: str
    trans: int = 0
    call: int = 0
    authorisation: str = ""
    subscriber: str = ""
    card: str = ""  # of Direct Plus: what stands for the card from then on
    status: str | None = None  # None: not an inquiry
    remise: str = ""
    comment: str | None = None

    @property
    def is_done(self) -> bool:
        return self.code == "00000"


def write_reply(reply: Reply, frame: Frame, *, known: Mapping[str, str]) -> bytes:
    """`known`: what there is to say of the fields asked for, `???` otherwise."""
    site, rank, question = frame.get("SITE"), frame.get("RANG"), frame.get("NUMQUESTION")
    comment = reply.comment or COMMENTS.get(reply.code, "Refusé par le centre d'autorisation")
    told = [
        ("NUMTRANS", f"{reply.trans:010d}"),
        ("NUMAPPEL", f"{reply.call:010d}"),
        ("NUMQUESTION", question.zfill(10) if _is_number(question) else question),
        ("SITE", site.zfill(7) if _is_number(site) else site),
        ("RANG", f"{int(rank):02d}" if _is_number(rank) else rank),
        ("AUTORISATION", reply.authorisation),
        ("CODEREPONSE", reply.code),
        ("COMMENTAIRE", comment if reply.is_done else f"PAYBOX : {comment}"),
        ("REFABONNE", reply.subscriber or (frame.get("REFABONNE") if reply.is_done else "")),
        ("PORTEUR", reply.card.ljust(19) if reply.card else ""),
    ]
    if reply.status is not None:
        told += [("STATUS", reply.status), ("REMISE", reply.remise)]
    told += [(name, known.get(name, "") or UNKNOWN) for name in ASKED_FOR if frame.wants(name)]
    return "&".join(f"{name}={_one_line(value)}" for name, value in told).encode("latin-1", "replace")


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,10}", text) is not None


def _one_line(value: str) -> str:
    """What was echoed must not add fields of its own."""
    return re.sub(r"[&=\r\n]", " ", value)


def whole(frame: Frame, name: str, *, code: str, most: int = 10**10 - 1) -> int:
    """A number from 1. Raises BadFrame with `code`."""
    told = frame.get(name)
    if not _is_number(told) or not 1 <= int(told) <= most:
        raise BadFrame(code)
    return int(told)
