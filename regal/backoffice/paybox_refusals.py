"""What an administrator can mend while a Paybox contract is connected.

Refusal
├── BadMerchantNumbers   R481  site, rank and identifiant are 7, 2 or 3, and 1 to 9 digits
├── PublishedContract    R482  the test contract that Paybox publishes never leaves the test
├── PublishedKey         R483  the test key that Paybox publishes never leaves the test
├── BadKey               R484  the HMAC key is 128 hexadecimal digits
├── BadDirectPassword    R485  Paybox Direct's password is at most 10 plain characters
├── MissingKey           R486  a phase of a contract begins with its key
├── BadPayboxSetting     R487  a setting that Paybox's page would not take
├── NotOfPaybox          R488  keys and an address are Paybox's affair
├── PublishedPassword    R489  the test password that Paybox publishes never leaves the test
├── AmountsOutOfOrder    R490  the least amount is above the greatest
└── SharedSite           R491  the site and rank are those of another contract
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.backoffice.refusals import Refusal
from regal.collectivites.models import GatewayAccount
from regal.gateways.base import Misconfigured


class BadMerchantNumbers(Refusal):
    """`field` is the one to mend."""

    code = "R481"
    sentence: Promise | str = _(
        "« %(typed)s » n’est pas un contrat Paybox : écrivez SITE-RANG-IDENTIFIANT, par exemple 1234567-01-123456789."
    )
    sentences = {
        "site": _(
            "« %(typed)s » n’est pas un numéro de site : il a 7 chiffres. La lettre de votre banque l’appelle « numéro"
            " de site » ou « TPE »."
        ),
        "rang": _(
            "« %(typed)s » n’est pas un rang : il a 2 ou 3 chiffres, souvent 01, écrits à côté du numéro de site."
        ),
        "identifiant": _(
            "« %(typed)s » n’est pas un identifiant : il a de 1 à 9 chiffres. Ce n’est pas l’identifiant avec lequel"
            " vous vous connectez au back-office."
        ),
    }

    def __init__(self, field: str, typed: str) -> None:
        super().__init__(typed=typed)
        self.field = field
        self.sentence = self.sentences.get(field, self.sentence)


class PublishedContract(Refusal):
    code = "R482"
    sentence = _(
        "Le contrat %(identifier)s est celui que Paybox publie pour les essais : il n’encaisse rien. Pour continuer,"
        " ajoutez un contrat avec le site, le rang et l’identifiant de la lettre de votre banque."
    )


class PublishedKey(Refusal):
    code = "R483"
    sentence = _(
        "Cette clé est celle que Paybox publie pour les essais : tout le monde la connaît. Générez la vôtre dans le"
        " back-office de Paybox, confirmez-la par le courriel qu’il vous envoie, puis collez-la ici."
    )


class BadKey(Refusal):
    code = "R484"
    sentence = _(
        "Une clé HMAC a 128 caractères, de 0 à 9 et de A à F ; ce qui a été collé n’en est pas une. Copiez-la entière"
        " dans le back-office de Paybox, puis collez-la de nouveau."
    )


class BadDirectPassword(Refusal):
    code = "R485"
    sentence = _(
        "Le mot de passe de Paybox Direct a 10 caractères au plus, sans accent ni espace. Recopiez-le, ou laissez ce"
        " champ vide si votre contrat ne comprend pas Paybox Direct."
    )


class PublishedPassword(Refusal):
    code = "R489"
    sentence = _(
        "Ce mot de passe de Paybox Direct est celui que Paybox publie pour les essais. Donnez celui de votre contrat,"
        " ou laissez ce champ vide."
    )


class SharedSite(Refusal):
    code = "R491"
    sentence = _(
        "Le site et le rang du contrat %(identifier)s sont déjà ceux d’un autre contrat relié à REGAL : un même"
        " paiement pourrait compter deux fois. Vérifiez-les sur la lettre de votre banque ; s’ils sont justes,"
        " demandez-lui un rang pour cette régie."
    )


class MissingKey(Refusal):
    code = "R486"
    sentence = _("Cette étape commence avec la clé HMAC de sa plateforme : donnez-la sur la page des clés.")


SETTINGS: dict[str, Promise] = {
    "platform": _("la plateforme"),
    "page": _("la page de paiement"),
    "display_seconds": _("le temps laissé au payeur"),
    "authentication": _("l’authentification de la banque"),
    "asks_address": _("l’adresse du payeur"),
    "notified_in_back_office": _("l’adresse de notification"),
    "min_amount_cents": _("le montant minimal"),
    "max_amount_cents": _("le montant maximal"),
}


class BadPayboxSetting(Refusal):
    """`field` is the option to mend."""

    code = "R487"
    sentence = _("Ce réglage ne convient pas à Paybox : %(name)s. Revenez à la valeur proposée, ou laissez vide.")

    def __init__(self, field: str) -> None:
        super().__init__(name=SETTINGS[field])
        self.field = field


class AmountsOutOfOrder(Refusal):
    code = "R490"
    field = "min_amount_cents"
    sentence = _(
        "Le montant minimal dépasse le montant maximal. Corrigez l’un des deux ; laissé vide, le minimal est de"
        " 1,00 €, ou de 1,01 € pour Up2pay, et le maximal est celui de REGAL."
    )


class NotOfPaybox(Refusal):
    code = "R488"
    sentence = _("Ce contrat n’est pas un contrat Paybox : il n’a ni clé ni adresse.")


def refusal_of(account: GatewayAccount, wrong: Misconfigured) -> Refusal | None:
    """What Paybox's adapter reproaches to an account; None of any other gateway, or for what nobody here can mend."""
    if account.gateway != "paybox":
        return None
    is_published = wrong.code == "published"
    if wrong.field == "identifier":
        if is_published:
            return PublishedContract(identifier=account.identifier)
        return BadMerchantNumbers("", account.identifier)
    if wrong.field == "hmac":
        return PublishedKey() if is_published else BadKey()
    if wrong.field == "direct":
        return PublishedPassword() if is_published else BadDirectPassword()
    if wrong.field == "min_amount_cents":
        return AmountsOutOfOrder()
    return BadPayboxSetting(wrong.field) if wrong.field in SETTINGS else None
