"""What is said of PES and other XML files: F550 to F569 of a whole file, L201 to L260 of a line or of its bordereau."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_ASK = _("Demandez à votre service des finances le fichier PES Aller des titres, tel qu’il part chez le comptable.")
_CORRECT = _("Corrigez dans votre logiciel de finances, refaites le fichier, puis déposez-le.")

PES_WORDS: dict[str, tuple[str | Promise, str | Promise]] = {
    "F550": (
        _("Ce fichier XML est coupé : il s’arrête à la ligne %(line)s sans être terminé."),
        _("Téléchargez-le ou copiez-le de nouveau, puis déposez-le sans le modifier."),
    ),
    "F551": (
        _("Ce fichier XML est abîmé : la ligne %(line)s ne se lit pas."),
        _(
            "Téléchargez-le ou exportez-le de nouveau, puis déposez-le sans le modifier. Si le message revient,"
            " montrez-le à l’éditeur de votre logiciel."
        ),
    ),
    "F552": (
        _("Ce fichier XML contient une déclaration DOCTYPE, qui peut être dangereuse et qu’un PES ne contient jamais."),
        _("Ne l’utilisez pas : exportez le fichier de nouveau depuis votre logiciel de finances."),
    ),
    "F553": (
        _(
            "Ce fichier XML n’a pas la forme d’un PES : vers la ligne %(line)s, ses éléments sont trop profonds, trop"
            " longs ou trop divers."
        ),
        _("Exportez le fichier de nouveau depuis votre logiciel de finances."),
    ),
    "F554": (
        _("C’est un PES Retour Recette : il dit ce que le comptable a encaissé, pas ce que vous avez émis."),
        _(
            "Déposez-le à la page « Fichiers ». Pour les titres, demandez le fichier PES Aller à votre service des"
            " finances."
        ),
    ),
    "F555": (
        _(
            "C’est la liste des dettes que le comptable transmet à PayFiP (TIPIREC, TIPIROL, TIPIHOP) : elle ne porte"
            " ni vos bordereaux entiers ni leurs totaux."
        ),
        _ASK,
    ),
    "F556": (
        _("C’est un acquittement (PES_Acquit) : il dit si un envoi a été accepté, et ne contient aucun titre."),
        _ASK,
    ),
    "F557": (
        _("C’est un PES Aller de dépenses : il contient des mandats, aucun titre de recettes."),
        _ASK,
    ),
    "F558": (
        _(
            "C’est un avis des sommes à payer ou une facture électronique (PES_Facture) : le document d’un seul"
            " redevable, pas le fichier des titres."
        ),
        _ASK,
    ),
    "F559": (
        _("C’est un fichier bancaire SEPA (prélèvements, virements ou relevé de compte) : il ne contient aucun titre."),
        _(
            "Gardez-le pour votre banque ou votre comptable. Pour les titres, demandez le fichier PES Aller à votre"
            " service des finances."
        ),
    ),
    "F560": (
        _("C’est un tableau enregistré en XML, que nous ne lisons pas."),
        _("Ouvrez-le dans votre tableur et enregistrez-le au format XLSX ou CSV, puis déposez-le."),
    ),
    "F562": (
        _("C’est une page web, pas un fichier de titres : le téléchargement a sans doute échoué."),
        _("Téléchargez le fichier de nouveau après vous être reconnecté, et vérifiez son contenu."),
    ),
    "F563": (
        _("C’est un fichier XML, mais pas un PES : son premier élément est « %(root)s »."),
        _ASK,
    ),
    "F564": (
        _("C’est un PES Retour, qui ne contient pas les titres que vous émettez."),
        _ASK,
    ),
    "F565": (
        _("Ce PES Recette Aller ne contient aucun bordereau."),
        _("Vérifiez dans votre logiciel de finances que les titres y sont, puis refaites le fichier."),
    ),
    "F566": (
        _("Le bordereau %(batch)s est trop grand : un bordereau PES a 99 999 pièces au plus."),
        _("Faites plusieurs bordereaux dans votre logiciel de finances, puis refaites le fichier."),
    ),
    "F567": (
        _("Ce fichier a deux en-têtes (EnTetePES) : nous ne pouvons pas savoir de quel budget sont ses titres."),
        _("Déposez un fichier par budget."),
    ),
    "F568": (
        _("C’est un PES Aller qui ne contient pas de recettes."),
        _ASK,
    ),
    "F569": (
        _("Le fichier se dit codé en %(declared)s, mais il l’est en %(found)s : nous l’avons lu ainsi."),
        _("Vérifiez les accents de quelques noms avant de confirmer."),
    ),
    "L201": (
        _("Le SIRET du budget (IdColl) manque ou n’est pas un SIRET."),
        _("Vérifiez que ce fichier est bien celui de votre budget avant de confirmer."),
    ),
    "L202": (
        _("Le code du budget (CodBud) manque ou ne se lit pas."),
        _("Vérifiez que ce fichier est bien celui de votre budget avant de confirmer."),
    ),
    "L210": (
        _("L’élément %(where)s manque ou est vide."),
        _("Complétez dans votre logiciel de finances, refaites le fichier, puis déposez-le."),
    ),
    "L211": (
        _("L’élément %(where)s ne se lit pas : « %(value)s »."),
        _CORRECT,
    ),
    "L212": (
        _("L’élément %(where)s est écrit deux fois là où un seul a un sens."),
        _("Montrez ce message à l’éditeur de votre logiciel de finances."),
    ),
    "L213": (
        _("L’élément %(where)s porte un code inconnu : « %(value)s »."),
        _CORRECT,
    ),
    "L214": (
        _(
            "Le PES ne connaît pas de pièce de type %(piece)s et de nature %(nature)s dans un bordereau de type"
            " %(bordereau)s (TypPce, NatPce, TypBord)."
        ),
        _CORRECT,
    ),
    "L215": (
        _("Le montant %(where)s ne se lit pas au centime : « %(value)s ». Nous n’arrondissons jamais."),
        _CORRECT,
    ),
    "L217": (
        _("Le montant %(where)s est de %(value)s : un PES n’a que des montants plus grands que zéro."),
        _("Pour réduire un titre, émettez un bordereau de type 02 ; pour le reste, corrigez et refaites le fichier."),
    ),
    "L218": (
        _("Le montant de %(value)s dépasse %(most)s, le plus grand qui se paie ici."),
        _("Encaissez ce titre autrement ; confirmez l’import sans cette ligne."),
    ),
    "L219": (
        _("Le bordereau annonce %(announced)s pièces (NbrPce) et en contient %(found)s."),
        _("Refaites le fichier : il manque ou il y a en trop des pièces, et aucune ligne de ce bordereau n’est sûre."),
    ),
    "L220": (
        _("Le bordereau annonce %(announced)s hors taxe (MtBordHt) et ses lignes font %(found)s."),
        _("Refaites le fichier : aucune ligne de ce bordereau n’est sûre."),
    ),
    "L221": (
        _("Le bordereau annonce %(announced)s de TVA (MtBordTVA) et ses lignes font %(found)s."),
        _("Refaites le fichier : aucune ligne de ce bordereau n’est sûre."),
    ),
    "L222": (
        _("Les totaux du bordereau n’ont pas pu être vérifiés : le montant d’une de ses lignes ne se lit pas."),
        _("Corrigez cette ligne dans votre logiciel de finances et refaites le fichier."),
    ),
    "L223": (
        _("La pièce %(number)s figure deux fois dans ce bordereau (IdPce)."),
        _CORRECT,
    ),
    "L224": (
        _("La ligne %(number)s figure deux fois dans cette pièce (IdLigne)."),
        _CORRECT,
    ),
    "L225": (
        _("L’avis serait envoyé le %(sent)s (DteAsp), avant l’émission du bordereau, le %(issued)s (DteBordEm)."),
        _("Vérifiez les deux dates dans votre logiciel de finances."),
    ),
    "L226": (
        _("Le bordereau est de l’exercice %(exercice)s, mais émis le %(day)s."),
        _("Vérifiez l’exercice : c’est lui que les redevables taperont."),
    ),
    "L230": (
        _("Versement d’une régie (NatPce 05) : déjà encaissé, personne ne doit le payer. Laissé de côté."),
        "",
    ),
    "L231": (
        _("Titre émis après encaissement (TypPce 05) : déjà payé. Laissé de côté."),
        "",
    ),
    "L232": (
        _("Titre récapitulatif : il résume d’autres dettes, personne ne doit le payer. Laissé de côté."),
        "",
    ),
    "L233": (
        _("Écriture comptable : personne ne doit la payer. Laissée de côté."),
        "",
    ),
    "L234": (
        _("Titre payable sur plusieurs années (TypPce 10) : ses échéances suivent une convention. Laissé de côté."),
        _("Pour qu’il se paie en ligne, dites dans les réglages de cette source que vous reprenez ces titres."),
    ),
    "L235": (
        _("Titre de majoration (TypPce 09) : nous ne le reprenons pas. Laissé de côté."),
        _("Si un redevable doit le payer en ligne, saisissez-le à la main."),
    ),
    "L236": (
        _("Ordre de recette : il ne s’adresse pas à un redevable. Laissé de côté."),
        "",
    ),
    "L240": (
        _("Titre complémentaire du titre %(number)s de %(exercice)s : il s’y ajoute."),
        "",
    ),
    "L241": (
        _("Titre émis de nouveau, à la place du titre %(number)s de %(exercice)s."),
        _("Vérifiez que le premier titre est bien annulé."),
    ),
    "L243": (
        _("Cette réduction ne porte pas sur un titre : l’élément %(where)s vaut « %(value)s » au lieu de 01."),
        _CORRECT,
    ),
    "L244": (
        _("La réduction ne dit pas quelle ligne du titre elle réduit (IdLigneOrig) : nous comprenons la ligne 1."),
        _("Vérifiez, si ce titre a plusieurs lignes."),
    ),
    "L245": (
        _("Aucun débiteur n’est nommé (Tiers, Nom)."),
        _("Vérifiez qui doit cette somme avant de confirmer."),
    ),
    "L246": (
        _("Plusieurs débiteurs principaux sont nommés : le premier l’est, les autres sont notés avec lui."),
        _("Vérifiez qui doit cette somme."),
    ),
    "L247": (
        _("Aucun débiteur n’est dit principal (TypTiers 01) : nous prenons le premier."),
        _("Vérifiez qui doit cette somme."),
    ),
    "L248": (
        _("Les lignes de cet article nomment plusieurs débiteurs : un article de rôle n’en a qu’un."),
        _CORRECT,
    ),
    "L249": (
        _("Cette ligne nomme plus de débiteurs que nous n’en lisons (20)."),
        _("Émettez des titres séparés, ou encaissez-la autrement ; confirmez l’import sans elle."),
    ),
    "L250": (
        _("%(value)s : sous 15,00 €, le comptable ne poursuit pas le recouvrement d’une dette."),
        _("Regroupez les petites sommes, ou faites-les payer sur le moment."),
    ),
    "L251": (
        _(
            "L’objet, un nom ou une adresse contient ce qui ressemble à un numéro de carte bancaire, que nous ne"
            " gardons jamais."
        ),
        _("Retirez ce numéro dans votre logiciel de finances, refaites le fichier, puis déposez-le."),
    ),
    "L252": (
        _("L’objet dépasse 100 caractères : nous en gardons le début."),
        "",
    ),
    "L253": (
        _("Un prélèvement est prévu (%(day)s) : la somme pourrait être payée deux fois."),
        _("Suspendez cette dette jusqu’à ce que le prélèvement soit fait ou rejeté."),
    ),
    "L254": (
        _("Une somme a déjà été encaissée pour cette ligne (Recouvrement) ; le montant dû est peut-être moindre."),
        _("Vérifiez ce qui reste dû avant de confirmer."),
    ),
    "L256": (
        _("La clé Cle1 (« %(value)s ») ne correspond pas au numéro de la dette."),
        _("Vérifiez le numéro de la dette (NumDette) sur l’avis du redevable."),
    ),
    "L257": (
        _("La clé Cle2 (« %(value)s ») ne correspond pas au numéro de la dette."),
        _("Vérifiez le numéro de la dette (NumDette) sur l’avis du redevable."),
    ),
    "L258": (
        _("Le code postal « %(value)s » n’a que 4 chiffres : son zéro de gauche s’est sans doute perdu."),
        _("Corrigez-le dans votre logiciel de finances."),
    ),
    "L259": (
        _("Cette pièce n’a aucune ligne : rien n’y dit ce qui est dû."),
        _CORRECT,
    ),
}
