"""Whether Paybox itself wrote a message: RSA of 1,024 bits, SHA-1, PKCS#1 v1.5, over the raw bytes.

Facts and sources: `docs/protocols/paybox.md`, "Signature of the returns". Both are weak by now, and one key signs for
every merchant, test and production alike: this file is the only one that uses them, and what it proves is worth rank
SIGNED and no more. The key lies beside it in `keys/`.

What is signed is what arrived, before any decoding: all that stands before the last `&Sign=`. Nothing may follow the
signature, nothing may come by another way, and no value is ever taken from elsewhere. RemoteMPI, another product of
Paybox, signs decoded text with the same key: its rule is not ours, and is not tried.

Codes of NotAuthentic: too_long, not_a_form, method, elsewhere, unsigned, malformed_signature, wrong_signature.
"""

import base64
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote_to_bytes

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from regal.gateways.base import Message, Misconfigured, NotAuthentic

MAX_MESSAGE_BYTES = 4096  # a whole return has fewer than 500
KEY_BITS = 1024

_VERIFONE = Path(__file__).parent / "keys" / "verifone.pem"
_FORM = "application/x-www-form-urlencoded"
_BEFORE_SIGNATURE = b"&Sign="
_SIGNATURE = re.compile(rb"(?:[A-Za-z0-9+/]|%2[BbFf]){171}(?:=|%3[Dd])")  # 128 bytes in base64: 172 characters


def verify(message: Message, *, key: RSAPublicKey) -> bytes:
    """Give what Paybox signed, exactly as it came. Raises NotAuthentic."""
    text, found, signature = _what_arrived(message).rpartition(_BEFORE_SIGNATURE)
    if not found:
        raise NotAuthentic("unsigned")
    if not _SIGNATURE.fullmatch(signature):
        raise NotAuthentic("malformed_signature")
    in_base64 = unquote_to_bytes(signature)  # by percent alone: a form's rule would make spaces of the plus signs
    signed = base64.b64decode(in_base64)
    if base64.b64encode(signed) != in_base64:  # two bits of the last letter count for nothing, and must be zero
        raise NotAuthentic("malformed_signature")
    try:
        key.verify(signed, text, PKCS1v15(), SHA1())  # noqa: S303
    except InvalidSignature:
        raise NotAuthentic("wrong_signature") from None
    return text


@cache
def public_key(pem: str = "") -> RSAPublicKey:
    """Verifone's key, or the one of whoever signs instead: a sandbox. Raises Misconfigured."""
    try:
        key = load_pem_public_key(pem.encode("utf-8") if pem else _VERIFONE.read_bytes())
    except (ValueError, UnsupportedAlgorithm):
        raise Misconfigured("public_key", "not_a_key") from None
    if not isinstance(key, RSAPublicKey) or key.key_size != KEY_BITS:
        raise Misconfigured("public_key", "not_rsa_1024")
    return key


def _what_arrived(message: Message) -> bytes:
    """The one text of a message: the body of a form that was posted, else the query string."""
    if len(message.query) + len(message.body) > MAX_MESSAGE_BYTES:
        raise NotAuthentic("too_long")
    if message.method == "GET":
        text, elsewhere = message.query, message.body
    elif message.method == "POST":
        if message.content_type.partition(";")[0].strip().lower() not in ("", _FORM):
            raise NotAuthentic("not_a_form")
        text, elsewhere = message.body, message.query
    else:
        raise NotAuthentic("method")
    if elsewhere:
        raise NotAuthentic("elsewhere")
    return text
