"""What an import says of a line once it is compared with the base: a sentence and a remedy for each code."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_ONE_DEBT = _("Deux dettes ne peuvent pas porter le même numéro : corrigez l’une d’elles, puis importez de nouveau.")
_NOTHING_DONE = _("Rien n’y sera changé. Si le fichier a raison, passez par la page de la facture.")

IMPORT_WORDS: Mapping[str, tuple[str | Promise, str | Promise]] = {
    "F590": (
        _("Ce fichier est celui d’un autre budget : SIRET %(filed)s, et cette source est celle de %(ours)s."),
        _("Choisissez la source de ce budget, ou demandez le bon fichier."),
    ),
    "F591": (
        _("Ce fichier n’est pas du format que cette source lit : %(filed)s au lieu de %(ours)s."),
        _("Choisissez une autre source, ou changez le format de celle-ci."),
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
        _("Cet import n’a pas été défait : de l’argent est venu, ou une décision, pour ce qu’il avait créé."),
        _("Annulez une à une les sommes qui ne sont pas dues."),
    ),
    "F596": (
        _("Cet import n’a pas été défait, par une panne de notre côté : rien n’a changé."),
        _("Défaites-le de nouveau ; si cela se répète, écrivez à votre assistance."),
    ),
    "L301": (
        _("Le code de régie « %(value)s » n’est pas de ceux que cette source lit."),
        _("Ajoutez ce code à la source, ou importez ces lignes par la source de leur régie."),
    ),
    "L302": (
        _("Le code de produit « %(value)s » n’est pas connu de cette source."),
        _("Dites dans la source de quel produit il s’agit, puis relisez le fichier."),
    ),
    "L303": (
        _("Rien ne dit de quel produit est cette ligne."),
        _("Donnez à la source un produit par défaut, ou au fichier une colonne de codes de produits."),
    ),
    "L304": (
        _("Ce produit est encaissé par %(collector)s : cette source ne peut pas y ajouter de dette."),
        _("Importez ces lignes par la source de celui qui les encaisse."),
    ),
    "L305": (
        _("« %(value)s » n’est pas un numéro de ce produit : son payeur ne pourrait pas le taper."),
        _("Corrigez le numéro, ou la forme des numéros du produit (Réglages, Produits)."),
    ),
    "L306": (
        _("%(value)s : ce produit n’accepte en ligne que de %(least)s à %(most)s."),
        _("Corrigez le montant, ou demandez à un administrateur de changer ces limites (Réglages, Produits)."),
    ),
    "L307": (
        _("Le montant %(value)s ne se doit pas : il faut de 0,01 € à 9 999 999,99 €."),
        _("Corrigez le montant."),
    ),
    "L308": (
        _("L’exercice %(value)s ne va pas avec une émission le %(day)s."),
        _("L’exercice est l’année de l’émission, ou la précédente : corrigez l’un ou l’autre."),
    ),
    "L309": (
        _("La date d’émission, le %(day)s, est à venir."),
        _("Corrigez-la, ou importez ces lignes le jour où elles sont émises."),
    ),
    "L310": (
        _("La date limite de paiement vient avant la date d’émission."),
        _("Corrigez l’une des deux."),
    ),
    "L311": (
        _("Le fichier ne dit pas quand cette dette a été émise."),
        _("Le jour de l’import sera écrit."),
    ),
    "L312": (
        _("La référence d’un rôle commence par un code recette, que ni le fichier ni le produit ne disent."),
        _("Écrivez le code recette de ce produit (Réglages, Produits) : il est imprimé sur les avis."),
    ),
    "L313": (
        _("Une autre facture se paie déjà avec la référence « %(value)s »."),
        _ONE_DEBT,
    ),
    "L314": (_("Ce numéro est plusieurs fois dans le fichier."), _ONE_DEBT),
    "L315": (_("Une autre ligne du fichier se paierait avec la même référence, « %(value)s »."), _ONE_DEBT),
    "L316": (
        _("La base a déjà le numéro « %(value)s », le même aux zéros près."),
        _("Dites dans la source si ce sont deux numéros différents, ou corrigez le fichier."),
    ),
    "L317": (
        _("Le fichier ne dit pas qui doit cette somme."),
        _("Elle pourra être payée, mais personne ne la retrouvera par un nom."),
    ),
    "L318": (
        _("Un texte de cette ligne ressemble à un numéro de carte bancaire."),
        _("Retirez-le du fichier : il ne se garde nulle part."),
    ),
    "L320": (_("Cette facture est payée."), _NOTHING_DONE),
    "L321": (
        _("Quelqu’un est en train de payer cette facture."),
        _("Attendez la fin de ce paiement, puis importez de nouveau."),
    ),
    "L322": (_("Cette facture est « %(state)s »."), _NOTHING_DONE),
    "L323": (_("Cette facture est payée en partie."), _NOTHING_DONE),
    "L324": (
        _("L’objet ou la date limite n’est plus celui de la base."),
        _("L’import n’y touche pas : changez-le, s’il le faut, sur la page de la facture."),
    ),
    "L325": (
        _("La base a ce numéro pour un autre produit."),
        _NOTHING_DONE,
    ),
    "L326": (
        _("La facture que cet avoir réduit, « %(value)s », n’est pas dans la base."),
        _("Importez-la d’abord si elle se paie ici ; sinon, il n’y a rien à faire."),
    ),
    "L328": (_("La base a reçu ce numéro, d’un autre montant, depuis que le fichier a été lu."), _NOTHING_DONE),
    "L329": (
        _("La base n’a plus cette facture sous ce numéro, depuis que le fichier a été lu."),
        _("Importez le fichier de nouveau."),
    ),
    "L327": (
        _("Cette réduction dépasse ce qui est dû de la facture."),
        _("Vérifiez le montant de l’avoir, ou annulez la facture sur sa page."),
    ),
}
