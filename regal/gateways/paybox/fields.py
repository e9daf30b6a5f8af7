"""The form that the payer's browser posts to Paybox: what may stand in each field, and in which order.

Facts and sources: `docs/protocols/paybox.md`, "Request". One list is built, signed, and posted: another order, or a
value that Paybox would read otherwise than we wrote it, ends on Paybox's error page, of which nobody is told.
"""

import re
import unicodedata

from regal.gateways.base import BillingAddress, PaymentRequest, Refused
from regal.gateways.paybox.account import Page, PayboxAccount

# What Paybox is to tell us, in this order, by these names of ours; K signs all that stands before it
RETURNED = {
    "Mt": "M",
    "Ref": "R",
    "Auto": "A",
    "Erreur": "E",
    "Trans": "S",
    "Appel": "T",
    "Date": "W",
    "Heure": "Q",
    "Sign": "K",
}
EURO = "978"
MAX_URL_LENGTH = 150
TOKEN_CHARACTERS = 22  # of 62 kinds: 131 bits

_REFERENCE = re.compile(rf"(?P<debt>[A-Za-z0-9]{{1,30}})-[A-Za-z0-9]{{{TOKEN_CHARACTERS}}}")
_EMAIL = re.compile(r"[A-Za-z0-9!#$%'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")  # no "&": `signature.py`
_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+/[A-Za-z0-9/_.~:@%+-]*")  # nothing behind a "?": it would be signed too

_LANGUAGES = {
    "fr": "FRA",
    "en": "GBR",
    "es": "ESP",
    "it": "ITA",
    "de": "DEU",
    "nl": "NLD",
    "sv": "SWE",
    "pt": "PRT",
}

UNKNOWN = "Inconnu"  # in a tag of which nothing is known: Paybox wants the tags, and some banks refuse empty ones
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
_CART = f"{_DECLARATION}<shoppingcart><total><totalQuantity>1</totalQuantity></total></shoppingcart>"
_FRANCE = "250"
_LIGATURES = str.maketrans({"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "’": "'", "‘": "'"})


def name_attempt(debt_reference: str, token: str) -> str:
    """The debt's reference, then as much chance as nobody can guess; both in the alphabet that comes back as sent."""
    chance = re.sub(r"[^A-Za-z0-9]", "", token)[:TOKEN_CHARACTERS]
    if len(chance) < TOKEN_CHARACTERS:
        raise ValueError("the token is too short to name an attempt")
    return f"{debt_reference}-{chance}"


def debt_of(reference: str) -> str | None:
    """Which debt a reference of ours names; None where it is none of ours."""
    found = _REFERENCE.fullmatch(reference)
    return found["debt"] if found else None


def fields_of(account: PayboxAccount, request: PaymentRequest) -> dict[str, str]:
    """All that is signed, in its order, but for the signature's own fields.

    Raises Refused with one of these codes: environment_differs, amount_out_of_bounds, reference_malformed,
    email_malformed, email_with_ampersand, notification_url_missing, notification_url_too_long,
    notification_url_malformed, return_url_missing, return_url_too_long, return_url_malformed.
    """
    if request.environment is not account.environment:
        raise Refused("environment_differs")
    if not account.min_amount <= request.amount <= account.max_amount:
        raise Refused("amount_out_of_bounds")
    if debt_of(request.reference) is None or debt_of(request.reference) != request.debt_reference:
        raise Refused("reference_malformed")
    return_url = _url(request.return_url, "return_url")
    fields = {
        "PBX_SITE": account.site,
        "PBX_RANG": account.rank,
        "PBX_IDENTIFIANT": account.number,
        "PBX_TOTAL": f"{request.amount.cents:03d}",
        "PBX_DEVISE": EURO,
        "PBX_CMD": request.reference,
        "PBX_PORTEUR": _email(request.payer_email),
        "PBX_RETOUR": ";".join(f"{name}:{letter}" for name, letter in RETURNED.items()),
        "PBX_EFFECTUE": return_url,
        "PBX_REFUSE": return_url,
        "PBX_ANNULE": return_url,
        "PBX_ATTENTE": return_url,
    }
    if not account.notified_in_back_office:
        fields["PBX_REPONDRE_A"] = _url(request.notification_url, "notification_url")
    fields["PBX_RUF1"] = "POST"
    fields["PBX_LANGUE"] = _LANGUAGES.get(request.language, "FRA")
    if account.page is Page.RESPONSIVE:
        fields["PBX_SOURCE"] = "RWD"
    fields["PBX_DISPLAY"] = str(account.display_seconds)
    fields["PBX_ARCHIVAGE"] = archive_reference(request.debt_reference)
    fields["PBX_SHOPPINGCART"] = _CART
    fields["PBX_BILLING"] = billing_xml(request.billing)
    if account.authentication is not None:
        fields["PBX_SOUHAITAUTHENT"] = account.authentication
    return fields


def archive_reference(debt_reference: str) -> str:
    """What the régisseur reads on the bank's side: 12 characters, the end of the invoice's reference.

    The end, because the numbers of one régie begin alike (product, year) and differ there.
    """
    return debt_reference[-12:]


def billing_xml(address: BillingAddress | None) -> str:
    """The payer's address for his bank, in plain ASCII; what is not known is said to be unknown."""
    parts = (
        ("FirstName", 22, address and address.first_name),
        ("LastName", 22, address and address.last_name),
        ("Address1", 50, address and address.street),
        ("ZipCode", 10, address and address.postcode),
        ("City", 50, address and address.town),
    )
    tags = "".join(f"<{tag}>{_plain(text or '', longest)}</{tag}>" for tag, longest, text in parts)
    return f"{_DECLARATION}<Billing><Address>{tags}<CountryCode>{_FRANCE}</CountryCode></Address></Billing>"


def _plain(text: str, longest: int) -> str:
    """Letters, digits, spaces and `- ' /` alone: no bank refuses them, and none of them means anything to XML."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_LIGATURES))
    without_accents = "".join(character for character in decomposed if not unicodedata.combining(character))
    words = re.sub(r"[^A-Za-z0-9 '/-]+", " ", without_accents).split()
    return " ".join(words)[:longest].rstrip() or UNKNOWN


def _email(address: str) -> str:
    if not 6 <= len(address) <= 120 or not _EMAIL.fullmatch(address):
        raise Refused("email_with_ampersand" if "&" in address else "email_malformed")
    return address


def _url(url: str | None, name: str) -> str:
    if url is None:
        raise Refused(f"{name}_missing")
    if len(url) > MAX_URL_LENGTH:
        raise Refused(f"{name}_too_long")
    if not _URL.fullmatch(url):
        raise Refused(f"{name}_malformed")
    return url
