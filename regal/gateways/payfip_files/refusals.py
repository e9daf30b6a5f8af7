"""What is no readable file of payments: for each code of NotThisFile, a French sentence that names the remedy.

F401–F409  no accounting file at all
F411–F428  an XML file: another flow, a dangerous one, a broken one
F429–F444  a text file: another one, or a régisseur's statement that does not hold together
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.gateways.files import NotThisFile

SENTENCES: dict[str, Promise | str] = {
    "F401": _("Ce fichier est vide. Téléchargez-le de nouveau, puis déposez-le."),
    "F402": _("Ce fichier pèse plus de 20 Mo. Demandez un fichier qui couvre moins de jours, puis déposez-le."),
    "F403": _(
        "C’est un document PDF, fait pour être lu par une personne. Déposez le fichier de données : le flux PES Retour"
        " Recette (XML) remis par le comptable, ou le relevé du régisseur (CSV)."
    ),
    "F404": _(
        "C’est un classeur de tableur. Déposez le fichier tel que PayFiP ou le comptable l’a remis, sans l’ouvrir ni"
        " l’enregistrer dans un tableur."
    ),
    "F405": _("C’est une archive compressée. Ouvrez-la, puis déposez le fichier XML ou CSV qu’elle contient."),
    "F406": _(
        "C’est une image. Déposez le fichier de données : le flux PES Retour Recette (XML) ou le relevé du régisseur"
        " (CSV)."
    ),
    "F407": _(
        "C’est une page web, peut-être une page de connexion enregistrée à la place du fichier. Connectez-vous de"
        " nouveau au site, téléchargez le fichier, puis déposez-le."
    ),
    "F408": _(
        "Ce n’est pas un texte lisible : fichier abîmé, ou caractères codés d’une façon inconnue. Déposez le fichier"
        " tel qu’il a été remis ; s’il a été enregistré depuis un autre logiciel, choisissez le codage UTF-8."
    ),
    "F409": _(
        "Ce fichier n’est ni un flux PES Retour Recette ni un relevé du régisseur. Vérifiez que c’est bien le bon"
        " fichier ; si oui, envoyez-le à votre exploitant."
    ),
    "F411": _(
        "C’est un flux PES Aller : il contient les titres que vous avez émis, pas les paiements. Demandez à votre"
        " comptable le flux PES Retour Recette."
    ),
    "F412": _(
        "C’est un acquittement (PES_ACQUIT) : il dit si un envoi a été accepté, pas ce qui a été payé. Demandez à votre"
        " comptable le flux PES Retour Recette."
    ),
    "F413": _(
        "C’est la liste des dettes transmise à TIPI (TIPIREC, TIPIROL) : elle dit ce qui est à payer, pas ce qui a été"
        " payé. Demandez à votre comptable le flux PES Retour Recette."
    ),
    "F414": _(
        "C’est un flux PES Retour Dépense : il parle de vos mandats. Demandez à votre comptable le flux PES Retour"
        " Recette."
    ),
    "F415": _(
        "C’est un flux PES Retour Client : il donne les restes à payer de chaque redevable, pas les paiements. Demandez"
        " à votre comptable le flux PES Retour Recette."
    ),
    "F416": _(
        "C’est un flux PES Retour ASAP : il dit ce que sont devenus les avis, pas les paiements. Demandez à votre"
        " comptable le flux PES Retour Recette."
    ),
    "F417": _(
        "C’est un flux PES Retour, mais il ne parle pas de recettes. Demandez à votre comptable le flux PES Retour"
        " Recette."
    ),
    "F418": _(
        "C’est un flux PES Retour Recette de rejets : il ne liste aucun paiement. Demandez à votre comptable le flux"
        " périodique (lettre P dans le nom du fichier)."
    ),
    "F419": _(
        "Ce flux PES Retour Recette ne contient que des P503, des encaissements sans titre : aucun paiement en ligne"
        " n’y figure. Demandez à votre comptable le flux périodique."
    ),
    "F420": _(
        "C’est un fichier XML, mais pas un flux PES Retour Recette. Demandez ce flux à votre comptable ; son nom"
        " commence par PES2R_RCE."
    ),
    "F421": _(
        "Ce fichier XML contient une déclaration DOCTYPE, qui peut être dangereuse et qu’un flux PES ne contient"
        " jamais. Ne l’utilisez pas : demandez le fichier d’origine à votre comptable."
    ),
    "F422": _(
        "Ce fichier XML est coupé ou abîmé (ligne %(line)s). Téléchargez-le de nouveau, puis déposez-le sans le"
        " modifier."
    ),
    "F423": _(
        "Ce fichier XML est codé d’une façon qu’un flux PES n’utilise pas. Demandez à votre comptable le fichier"
        " d’origine (ISO-8859-1, ISO-8859-15 ou UTF-8)."
    ),
    "F424": _(
        "Ce fichier XML n’a pas la forme d’un flux PES : ses éléments sont trop profondément emboîtés. Demandez le"
        " fichier d’origine à votre comptable."
    ),
    "F425": _(
        "Ce flux PES ne porte pas un SIRET de 14 chiffres (IdColl), ou pas de date (DteStr) : impossible de savoir de"
        " quel budget et de quels jours il parle. Demandez le fichier d’origine à votre comptable."
    ),
    "F426": _(
        "Un paiement de ce flux PES est illisible : %(place)s, élément %(element)s. Rien n’a été pris en compte."
        " Montrez ce message à votre comptable et demandez-lui un nouveau fichier."
    ),
    "F427": _(
        "Ce flux PES contient deux fois l’élément %(element)s là où un seul a un sens. Rien n’a été pris en compte."
        " Demandez un nouveau fichier à votre comptable."
    ),
    "F428": _("Ce fichier contient plus de %(most)s paiements. Demandez un fichier qui couvre moins de jours."),
    "F429": _(
        "C’est un tableau de données (CSV), mais pas un relevé du régisseur : ses lignes ne commencent pas par EN-TETE,"
        " LIGNE et PIED-DE-PAGE. Déposez le relevé tel que PayFiP l’a remis."
    ),
    "F430": _(
        "C’est un fichier de rôle (ROLMRE) : il contient les factures que vous avez émises, pas les paiements. Demandez"
        " à votre comptable le flux PES Retour Recette."
    ),
    "F431": _(
        "Le caractère qui sépare les colonnes de ce relevé n’a pas été reconnu. Demandez à votre exploitant de"
        " l’indiquer dans les options du compte PayFiP, puis déposez le relevé de nouveau."
    ),
    "F432": _(
        "La ligne %(line)s de ce relevé ne commence ni par EN-TETE, ni par LIGNE, ni par PIED-DE-PAGE. Déposez le"
        " relevé tel que PayFiP l’a remis."
    ),
    "F433": _(
        "La ligne %(line)s de ce relevé a %(found)s colonnes au lieu de %(expected)s. Téléchargez le relevé de"
        " nouveau ; si le message revient, demandez à votre exploitant d’indiquer l’ordre des colonnes dans les"
        " options du compte PayFiP."
    ),
    "F434": _(
        "La date de la ligne %(line)s de ce relevé est illisible. Déposez le relevé tel que PayFiP l’a remis ; si le"
        " message revient, demandez à votre exploitant d’indiquer l’ordre des colonnes et la forme des dates dans les"
        " options du compte PayFiP."
    ),
    "F435": _(
        "Le montant de la ligne %(line)s de ce relevé n’est pas un montant positif lisible, tel que 12,50. Déposez le"
        " relevé tel que PayFiP l’a remis, sans l’ouvrir dans un tableur."
    ),
    "F436": _(
        "La référence de la ligne %(line)s de ce relevé est illisible : de 1 à 30 lettres sans accent et chiffres sont"
        " attendus. Déposez le relevé tel que PayFiP l’a remis, sans l’ouvrir dans un tableur."
    ),
    "F437": _(
        "Rien ne dit si les montants de ce relevé sont en euros ou en centimes. Demandez à votre exploitant de"
        " l’indiquer dans les options du compte PayFiP, puis déposez le relevé de nouveau."
    ),
    "F438": _("Ce relevé est coupé : il n’a pas de PIED-DE-PAGE. Téléchargez-le de nouveau, puis déposez-le."),
    "F439": _(
        "Ce relevé ne s’accorde pas avec son PIED-DE-PAGE : ses lignes donnent %(count)s paiements, pour %(total)s."
        " Téléchargez-le de nouveau, puis déposez-le sans le modifier."
    ),
    "F440": _(
        "Ce relevé continue après son PIED-DE-PAGE (ligne %(line)s) : deux relevés ont peut-être été mis bout à bout."
        " Déposez-les un par un."
    ),
    "F441": _(
        "Ce relevé ne commence pas par une ligne EN-TETE, ou en a plusieurs (ligne %(line)s). Déposez le relevé entier,"
        " tel que PayFiP l’a remis."
    ),
    "F442": _(
        "La ligne %(line)s de ce relevé est trop longue, ou ses guillemets ne se referment pas. Déposez le relevé tel"
        " que PayFiP l’a remis, sans l’ouvrir dans un tableur."
    ),
    "F443": _(
        "Ce relevé porte plusieurs numéros de client PayFiP (ligne %(line)s). Déposez le relevé de chaque client à"
        " part."
    ),
    "F444": _(
        "La ligne %(line)s de ce relevé nomme des colonnes dont une est répétée, ou manque parmi date, refdet et"
        " montant. Déposez le relevé tel que PayFiP l’a remis."
    ),
    "F445": _(
        "La ligne %(line)s porte un mode de saisie ou un résultat que REGAL ne connaît pas : rien n’est lu, pour ne pas"
        " tenir pour payé ce qui ne l’est pas. Déposez le fichier tel que PayFiP l’a remis ;"
        " sinon, envoyez-le à votre exploitant."
    ),
}


def sentence_of(refusal: NotThisFile) -> str:
    """What to tell whoever sent the file: what it is, what to do, and the code that support can search for."""
    return f"{str(SENTENCES[refusal.code]) % refusal.values} ({refusal.code})"
