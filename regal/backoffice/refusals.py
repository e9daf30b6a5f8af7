"""What whoever administers can mend: a French sentence, and a stable code that support can search for.

Refusal
├── BadSlug              R301  not made of lower-case letters, digits and dashes, or too long
├── ReservedSlug         R302  the first segment of one of our own addresses
├── SlugTaken            R303
├── BadSiret             R304  not fourteen digits, or a check digit is wrong
├── BadWebAddress        R305
├── BadIdentifier        R311  a PayFiP client number is six digits
├── AccountTaken         R312  this contract is already connected, here or in another collectivité
├── BadOptions           R313  the gateway does not know an option, or cannot use its value
├── NeedsRegie           R314  bills of a régie are cashed on a régie's account, and nothing else is
├── BadRegieNumber       R315
├── RegieTaken           R316
├── BadProductSlug       R321
├── ProductTaken         R322
├── BadReferenceForm     R323  a setting of the product's form cannot be used
├── BadDays              R324  it would close before it opens
├── BadAmounts           R325  the least amount is above the greatest, or one of them is out of bounds
├── UncheckedInvoices    R326  a régie's product needs a pattern or a key, and an amount range
├── ImpossibleNumbers    R327  no number could satisfy the pattern, the key and PayFiP at once
├── BadOrigin            R331  not `https://host[:port]`
├── OriginTaken          R332
├── PlainHttp            R333  a site is read over https, but on the loopback
├── ChangedMeanwhile     R334  somebody else changed it since the page was shown
├── NotThisAccount       R335  a product goes from one contract to another of its kind, never to or from production here
├── TextTooLong          R336
├── CardNumber           R337  no card number is kept, wherever it is typed
├── UnreadableDay        R338
├── UnreadableLimit      R339  not an amount
├── NumberRefused        R357  the number given as an example would be refused to payers
├── BadColour            R351  not `#rrggbb`
├── PaleColour           R352  white words would not be read on it, nor its own words on white
├── NotALogo             R353  neither PNG, JPEG nor WebP, or broken
├── HeavyLogo            R354
├── HugeLogo             R355  too many pixels
├── LogoTextTooLong      R356
├── BadUserIdentifier    R341
├── BadEmail             R342
├── IdentifierTaken      R343  by somebody with another e-mail address
├── EmailTaken           R344  by somebody with another identifier
├── AlreadyMember        R345
├── WeakPassword         R346
├── MissingName          R347
├── LastAdministrator    R371  nobody who can come in would be left to administer
├── NotYourself          R372  one's own role, one's own place: a colleague changes them
├── JustInvited          R373
├── UnknownRole          R374
├── MissingReason        R375  an operator says why he comes in
└── CardNumberTyped      R376
"""

from django.utils.translation import gettext_lazy as _

from regal.lib import refusals


class Refusal(refusals.Refusal):
    code = "R300"


class BadSlug(Refusal):
    code = "R301"
    sentence = _(
        "« %(slug)s » ne peut pas servir d’adresse : 40 caractères au plus, des lettres minuscules sans accent, des"
        " chiffres, et des tirets entre eux."
    )


class ReservedSlug(Refusal):
    code = "R302"
    sentence = _("« %(slug)s » est une adresse réservée par REGAL : choisissez-en une autre.")


class SlugTaken(Refusal):
    code = "R303"
    sentence = _("« %(slug)s » est déjà l’adresse d’une collectivité : choisissez-en une autre.")


class BadSiret(Refusal):
    code = "R304"
    sentence = _(
        "« %(siret)s » n’est pas un SIRET : il en faut les 14 chiffres, et leur clé doit être juste. Recopiez celui du"
        " budget."
    )


class BadWebAddress(Refusal):
    code = "R305"
    sentence = _(
        "« %(address)s » n’est pas l’adresse d’un site : elle commence par https:// et a 200 caractères au plus."
    )


class BadIdentifier(Refusal):
    code = "R311"
    sentence = _("« %(identifier)s » n’est pas un numéro de client PayFiP : il a 6 chiffres, zéros du début compris.")


class AccountTaken(Refusal):
    code = "R312"
    sentence = _("Le contrat %(identifier)s est déjà relié à REGAL pour cet environnement (%(environment)s).")


class BadOptions(Refusal):
    code = "R313"
    sentence = _("Le réglage « %(option)s » de ce contrat n’existe pas, ou sa valeur ne convient pas.")


class NeedsRegie(Refusal):
    code = "R314"
    sentence = _(
        "Une facture de régie s’encaisse sur le compte d’une régie, un titre ou un rôle sur celui du comptable :"
        " indiquez la régie pour l’une, aucune pour les autres."
    )


class BadRegieNumber(Refusal):
    code = "R315"
    sentence = _("« %(number)s » n’est pas un numéro de régie : de 1 à 10 lettres et chiffres, comme dans Hélios.")


class RegieTaken(Refusal):
    code = "R316"
    sentence = _("Une régie porte déjà le numéro « %(number)s » dans cette collectivité.")


class BadProductSlug(Refusal):
    code = "R321"
    sentence = _(
        "« %(slug)s » ne peut pas servir d’adresse de produit : 40 caractères au plus, des lettres minuscules sans"
        " accent, des chiffres et des tirets ; « suivi » est réservé."
    )


class ProductTaken(Refusal):
    code = "R322"
    sentence = _("« %(slug)s » est déjà l’adresse d’un produit de cette collectivité.")


class BadReferenceForm(Refusal):
    code = "R323"
    sentence = _(
        "Le réglage « %(field)s » du formulaire n’existe pas pour ce type de dette, ou sa valeur ne convient pas."
        " Modèle de numéro : # pour un chiffre, @ pour une lettre, * pour l’un ou l’autre, {6} pour répéter six fois."
    )


class BadDays(Refusal):
    code = "R324"
    sentence = _("Un produit ne peut pas fermer avant d’ouvrir : corrigez l’une des deux dates.")


class BadAmounts(Refusal):
    code = "R325"
    sentence = _(
        "Le montant minimal doit être positif, ne pas dépasser le maximal, et le service de paiement accepter l’un"
        " et l’autre (de 1 € à 99 999,99 €, sauf réglage du contrat)."
    )


class UncheckedInvoices(Refusal):
    code = "R326"
    sentence = _(
        "Ni PayFiP ni Paybox ne vérifient le numéro ou le montant d’une facture de régie : donnez un modèle de numéro"
        " ou une clé de contrôle, un montant minimal et un montant maximal."
    )


class ImpossibleNumbers(Refusal):
    code = "R327"
    sentence = _(
        "Aucun numéro ne peut convenir : PayFiP en veut 6 à 30 caractères, et les clés luhn et mod_97_10 ne vont qu’aux"
        " numéros faits de chiffres. Changez le modèle ou la clé."
    )


class BadOrigin(Refusal):
    code = "R331"
    sentence = _(
        "« %(origin)s » n’est pas l’origine d’un site : écrivez https://nom-du-site, sans chemin ni barre finale (http://"
        " n’est admis que pour localhost et 127.0.0.1)."
    )


class OriginTaken(Refusal):
    code = "R332"
    sentence = _("« %(origin)s » est déjà autorisé à afficher les pages de cette collectivité.")


class PlainHttp(Refusal):
    code = "R333"
    sentence = _(
        "« %(origin)s » n’est pas chiffré : n’importe qui pourrait changer la page en route. Demandez à qui gère votre"
        " site de le servir en https://, puis ajoutez cette adresse-là."
    )


class ChangedMeanwhile(Refusal):
    code = "R334"
    sentence = _(
        "Quelqu’un a changé ces réglages pendant que vous les modifiiez : rien n’a été enregistré. Relisez, puis"
        " enregistrez à nouveau."
    )


class NotThisAccount(Refusal):
    code = "R335"
    sentence = _(
        "Ce produit ne peut pas passer sur ce contrat : il en faut un actif, pour la même sorte de dette. Vers la"
        " production, ou de l’une à l’autre, cela se décide à deux, à la page des contrats."
    )


class TextTooLong(Refusal):
    code = "R336"
    sentence = _("Ce texte est trop long : %(longest)s caractères au plus.")


class CardNumber(Refusal):
    code = "R337"
    sentence = _("Ce texte contient ce qui ressemble à un numéro de carte bancaire : ôtez-le.")


class UnreadableDay(Refusal):
    code = "R338"
    sentence = _("Cette date ne se lit pas : écrivez le jour, le mois et l’année, par exemple 31/12/2026.")


class UnreadableLimit(Refusal):
    code = "R339"
    sentence = _("Ce montant ne se lit pas : écrivez-le en euros, par exemple 600,00.")


class BadColour(Refusal):
    code = "R351"
    sentence = _(
        "« %(colour)s » n’est pas une couleur : écrivez un dièse et six chiffres de 0 à f, par exemple #0b5563."
    )


class PaleColour(Refusal):
    code = "R352"
    sentence = _(
        "La couleur %(colour)s est trop claire : on y lirait mal du texte blanc. Choisissez-en une plus foncée, par"
        " exemple %(darker)s, qui a la même teinte."
    )


class NotALogo(Refusal):
    code = "R353"
    sentence = _(
        "Ce fichier n’est pas une image PNG, JPEG ou WebP lisible. Ouvrez votre logo dans un logiciel d’images,"
        " enregistrez-le en PNG, puis recommencez."
    )


class HeavyLogo(Refusal):
    code = "R354"
    sentence = _("Ce fichier pèse plus de 2 Mo. Enregistrez votre logo en plus petit, puis recommencez.")


class HugeLogo(Refusal):
    code = "R355"
    sentence = _("Cette image a plus de 10 millions de pixels. Réduisez-la à 1 000 pixels de large, puis recommencez.")


class LogoTextTooLong(Refusal):
    code = "R356"
    sentence = _("Le texte qui remplace le logo a 120 caractères au plus, sur une seule ligne.")


class NumberRefused(Refusal):
    code = "R357"
    sentence = _("Le formulaire refuserait ce numéro : %(why)s")


class BadUserIdentifier(Refusal):
    code = "R341"
    sentence = _(
        "« %(identifier)s » ne peut pas servir d’identifiant : de 2 à 40 lettres minuscules sans accent, chiffres,"
        " points, tirets ou soulignés, en commençant par une lettre ou un chiffre."
    )


class BadEmail(Refusal):
    code = "R342"
    sentence = _("« %(email)s » n’est pas une adresse e-mail utilisable : une seule adresse, sans accent.")


class IdentifierTaken(Refusal):
    code = "R343"
    sentence = _("L’identifiant « %(identifier)s » est déjà celui d’une autre personne : choisissez-en un autre.")


class EmailTaken(Refusal):
    code = "R344"
    sentence = _("L’adresse « %(email)s » est déjà celle d’une autre personne, sous un autre identifiant.")


class AlreadyMember(Refusal):
    code = "R345"
    sentence = _("« %(identifier)s » travaille déjà dans cette collectivité.")


class WeakPassword(Refusal):
    code = "R346"
    sentence = _("Ce mot de passe ne convient pas : %(why)s")


class MissingName(Refusal):
    code = "R347"
    sentence = _("Il manque un nom : de 1 à %(longest)s caractères.")


class LastAdministrator(Refusal):
    code = "R371"
    sentence = _(
        "Il ne resterait aucun administrateur qui ait choisi son mot de passe : donnez d’abord ce rôle à une autre"
        " personne, et attendez qu’elle soit entrée."
    )


class NotYourself(Refusal):
    code = "R372"
    sentence = _(
        "Vous ne pouvez ni changer votre propre rôle, ni vous retirer : demandez-le à un autre administrateur."
    )


class JustInvited(Refusal):
    code = "R373"
    sentence = _(
        "Une invitation vient de partir pour %(person)s : attendez dix minutes avant d’en renvoyer une, et faites"
        " regarder les courriers indésirables."
    )


class UnknownRole(Refusal):
    code = "R374"
    sentence = _("Choisissez un rôle dans la liste.")


class MissingReason(Refusal):
    code = "R375"
    sentence = _(
        "Dites pourquoi vous entrez, en 10 à 300 caractères : les administrateurs de la collectivité le liront."
    )


class CardNumberTyped(Refusal):
    code = "R376"
    sentence = _("Ce texte contient un numéro de carte : retirez-le. REGAL n’en garde aucun.")
