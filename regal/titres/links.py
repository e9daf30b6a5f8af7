"""The address that pays one titre: its page knows the reference and the amount, and asks for an e-mail only.

Whoever holds it may read what is due: it holds 132 bits that only our key makes (the *payment key* of the rules on
look-ups). It is printed on notices, so it names neither amount nor product: it follows what is due, lasts as long as
the titre, and survives a change of our key that keeps the former one in `SECRET_KEY_FALLBACKS`.
"""

import re

from django.conf import settings
from django.core.signing import Signer

from regal.lib import tokens
from regal.lib.tenancy import HasKey
from regal.titres.models import Titre

_FORM = re.compile(r"([1-9][0-9]{0,17})\.([A-Za-z0-9_-]{22})")
_SALT = "regal.titres.links"
_KEPT = 22  # characters of the signature: 132 bits


class BadLink(Exception):
    """Altered, cut, of another collectivité, or of a titre that is not there."""


def payment_link(titre: Titre) -> str:
    """The whole address, for a notice, a QR code or a letter; the titre comes with its collectivité."""
    return f"{settings.GUICHET_URL}/{titre.collectivite.slug}/avis/{link_token(titre)}/"


def link_token(titre: Titre) -> str:
    """The end of the address; `.` is in no slug, so it is never mistaken for one."""
    return f"{titre.pk}.{_signature(titre, settings.SECRET_KEY)}"


def titre_of_link(*, collectivite: HasKey, token: str) -> Titre:
    """The titre that a link of this collectivité names, with its product. Raises BadLink. Call it inside `tenant()`."""
    read = _FORM.fullmatch(token)
    if read is None:
        raise BadLink
    key, signature = int(read[1]), read[2]
    found = Titre.objects.of(collectivite).select_related("product__account", "collectivite").filter(pk=key).first()
    titre = found or Titre(pk=key, collectivite_id=collectivite.pk, reference="")
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    is_ours = any(tokens.same(signature, _signature(titre, secret)) for secret in secrets)
    if not is_ours or found is None or found.collectivite_id != collectivite.pk:
        raise BadLink
    return found


def _signature(titre: Titre, secret: str | bytes) -> str:
    signer = Signer(key=secret, salt=_SALT)
    return signer.signature(f"{titre.collectivite_id} {titre.pk} {titre.reference}")[:_KEPT]
