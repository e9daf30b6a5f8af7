"""What an import says of a line once it is compared with the base: a sentence and a remedy for each code."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_ONE_DEBT = _(
    "Deux dettes ne peuvent pas porter le même numéro : corrigez l’un des deux dans le fichier, puis déposez-le de"
    " nouveau."
)
_NOTHING_DONE = _("Rien n’y sera changé. Si le fichier a raison, passez par la page %(of_the_debt)s.")

IMPORT_WORDS: Mapping[str, tuple[str | Promise, str | Promise]] = {
    "F590": (
        _("Ce fichier est celui d’un autre budget : SIRET %(filed)s, et cette source est celle de %(ours)s."),
        _("Choisissez la source de ce budget, ou demandez le bon fichier."),
    ),
    "F591": (
        _("Ce fichier n’est pas du format que cette source lit : %(filed)s au lieu de %(ours)s."),
        _("Déposez-le par une autre source, ou par une nouvelle."),
    ),
    "F592": (
        _("Notre programme n’a pas su lire ce fichier : la panne est de notre côté."),
        _("Rien n’est entré dans la base. Écrivez à votre assistance, qui en garde la trace."),
    ),
    "F593": (
        _("La base a changé depuis ce rapport, et rien n’a été enregistré : des lignes annoncées ne conviennent plus."),
        _("Le rapport est refait : relisez-le, puis confirmez de nouveau."),
    ),
    "F594": (
        _("L’enregistrement a échoué par une panne de notre côté : rien n’a été enregistré."),
        _("Confirmez de nouveau ; si cela se répète, écrivez à votre assistance."),
    ),
    "F595": (
        _("Cet import n’a pas été défait : de l’argent, une décision ou un autre import est venu depuis."),
        _("Annulez une à une les sommes qui ne sont pas dues."),
    ),
    "F596": (
        _("Cet import n’a pas été défait, par une panne de notre côté : rien n’a changé."),
        _("Défaites-le de nouveau ; si cela se répète, écrivez à votre assistance."),
    ),
    "L301": (
        _("Le code de régie « %(value)s » n’est pas de ceux que cette source lit."),
        _(
            "Si ces lignes sont à votre régie, « Changer les colonnes et relire », puis cochez ce code ; sinon,"
            " importez-les par la source de leur régie."
        ),
    ),
    "L302": (
        _("Le code de produit « %(value)s » n’est pas connu de cette source."),
        _(
            "« Changer les colonnes et relire », puis dites quel produit ce code désigne ; ou corrigez le code dans"
            " le fichier."
        ),
    ),
    "L303": (
        _("Rien ne dit de quel produit est cette ligne."),
        _(
            "« Changer les colonnes et relire », puis choisissez le produit des lignes qui n’en nomment pas, ou la"
            " colonne qui porte le code du produit."
        ),
    ),
    "L304": (
        _("Ce produit est encaissé par %(collector)s : cette source ne peut pas y ajouter de dette."),
        _("Importez ces lignes par la source de celui qui les encaisse."),
    ),
    "L305": (
        _(
            "« %(value)s » n’est pas un numéro de ce produit : la page de paiement, qui attend par exemple"
            " %(example)s, le refuserait."
        ),
        _(
            "Écrivez-le dans le fichier comme il est imprimé, zéros compris ; ou, s’il a raison, un administrateur"
            " change la forme des numéros du produit (Réglages, Produits)."
        ),
    ),
    "L306": (
        _("%(value)s : ce produit n’accepte en ligne que de %(least)s à %(most)s."),
        _("Corrigez le montant dans le fichier, ou un administrateur change ces limites (Réglages, Produits)."),
    ),
    "L307": (
        _("Le montant %(value)s ne se doit pas : il faut de 0,01 € à 9 999 999,99 €."),
        _("Corrigez le montant dans le fichier, par exemple 38,40, puis déposez-le de nouveau."),
    ),
    "L308": (
        _("L’exercice %(value)s ne va pas avec une émission le %(day)s."),
        _("L’exercice est l’année de l’émission, ou la précédente : corrigez l’un ou l’autre dans le fichier."),
    ),
    "L309": (
        _("La date d’émission, le %(day)s, est à venir."),
        _("Corrigez-la dans le fichier, par exemple 15/04/2026, ou importez ces lignes ce jour-là."),
    ),
    "L310": (
        _("La date limite de paiement vient avant la date d’émission, le %(day)s."),
        _("Corrigez l’une des deux dans le fichier ; les deux colonnes sont peut-être échangées."),
    ),
    "L311": (
        _("Le fichier ne dit pas quand cette dette a été émise."),
        _("Rien à faire : le jour de l’import sera écrit."),
    ),
    "L312": (
        _("La référence d’un rôle commence par un code recette, que ni le fichier ni le produit ne disent."),
        _("Écrivez le code recette de ce produit (Réglages, Produits) : il est imprimé sur les avis."),
    ),
    "L313": (
        _("La référence « %(value)s » sert déjà à payer %(another_debt)s."),
        _ONE_DEBT,
    ),
    "L314": (_("Ce numéro est plusieurs fois dans le fichier."), _ONE_DEBT),
    "L315": (_("Une autre ligne du fichier se paierait avec la même référence, « %(value)s »."), _ONE_DEBT),
    "L316": (
        _("La base a déjà le numéro « %(value)s », le même aux zéros près."),
        _(
            "Corrigez le numéro dans le fichier ; ou, si ce sont deux numéros différents, « Changer les colonnes et"
            " relire », puis cochez que 412 et 000412 sont différents."
        ),
    ),
    "L317": (
        _("Le fichier ne dit pas qui doit cette somme."),
        _("La ligne peut entrer telle quelle ; écrivez le nom, si vous voulez la retrouver par lui."),
    ),
    "L318": (
        _("Un texte de cette ligne ressemble à un numéro de carte bancaire."),
        _("Retirez-le du fichier, puis déposez-le de nouveau : un numéro de carte ne se garde nulle part."),
    ),
    "L320": (_("%(This_debt)s est payé%(e)s."), _NOTHING_DONE),
    "L321": (
        _("Quelqu’un est en train de payer %(this_debt)s."),
        _("Attendez la fin de ce paiement, puis importez de nouveau."),
    ),
    "L322": (_("%(This_debt)s est « %(state)s »."), _NOTHING_DONE),
    "L323": (_("%(This_debt)s est payé%(e)s en partie."), _NOTHING_DONE),
    "L324": (
        _("L’objet ou la date limite n’est plus celui de la base."),
        _("L’import n’y touche pas : changez-le, s’il le faut, sur la page %(of_the_debt)s."),
    ),
    "L325": (
        _("La base a ce numéro pour un autre produit."),
        _NOTHING_DONE,
    ),
    "L326": (
        _("%(The_debt)s que cet avoir réduit, « %(value)s », n’est pas dans la base."),
        _("Si %(the_debt)s se paie ici, importez d’abord sa ligne ; sinon, il n’y a rien à faire."),
    ),
    "L328": (_("La base a reçu ce numéro, d’un autre montant, depuis que le fichier a été lu."), _NOTHING_DONE),
    "L329": (
        _("La base n’a plus %(this_debt)s sous ce numéro, depuis que le fichier a été lu."),
        _("Déposez le fichier de nouveau : son rapport sera celui d’aujourd’hui."),
    ),
    "L327": (
        _("Cette réduction dépasse ce qui est dû %(of_the_debt)s."),
        _("Vérifiez le montant de l’avoir, ou annulez %(the_debt)s sur sa page."),
    ),
}
