"""What is no readable remise of Paybox: for each code of NotThisFile, a French sentence that names the remedy."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.gateways.files import NotThisFile

SENTENCES: dict[str, Promise | str] = {
    "F501": _(
        "C’est l’export des transactions du back-office de Paybox (colonnes Origin, Status, ErrorCode) : il liste aussi"
        " ce qui n’est pas parti à la banque. Téléchargez le fichier quotidien des remises, dont la première colonne"
        " est RemittancePaybox et qui n’a pas de colonne Status, et déposez-le."
    ),
    "F502": _(
        "C’est l’export des transactions de Vision (colonnes « Num. transaction », « Statut de la transaction ») : il"
        " ne dit pas ce qui est parti à la banque, ni quel jour. Téléchargez le fichier quotidien des remises, dont la"
        " première colonne est RemittancePaybox, et déposez-le."
    ),
    "F503": _(
        "Il manque à ce fichier de remises la colonne %(columns)s. Téléchargez-le de nouveau avec toutes ses colonnes,"
        " puis déposez-le sans le modifier."
    ),
    "F504": _(
        "Ce fichier de remises est coupé, ou sa ligne %(line)s n’a pas autant de colonnes que l’en-tête."
        " Téléchargez-le de nouveau, puis déposez-le sans l’ouvrir dans un tableur."
    ),
    "F505": _(
        "La ligne %(line)s de ce fichier de remises est trop longue, ou ses guillemets ne se referment pas. Déposez le"
        " fichier tel que Paybox l’a remis, sans l’ouvrir dans un tableur."
    ),
    "F506": _(
        "Dans ce fichier de remises, la colonne %(column)s de la ligne %(line)s est illisible. Rien n’a été pris en"
        " compte. Déposez le fichier tel que Paybox l’a remis, sans l’ouvrir dans un tableur."
    ),
    "F507": _(
        "La ligne %(line)s de ce fichier de remises est d’un type que REGAL ne connaît pas (autre que DEB, CRE et"
        " ANU) : rien n’est lu, pour ne pas tenir pour payé ce qui ne l’est pas. Envoyez le fichier à votre exploitant."
    ),
    "F508": _(
        "La ligne %(line)s de ce fichier de remises n’est pas en euros. REGAL n’encaisse qu’en euros : vérifiez que"
        " c’est bien le bon fichier ; si oui, envoyez-le à votre exploitant."
    ),
    "F509": _(
        "La ligne %(line)s de ce fichier de remises reprend la transaction de la ligne %(first)s : deux fichiers ont"
        " peut-être été mis bout à bout. Déposez chaque fichier tel que Paybox l’a remis."
    ),
    "F510": _("Ce fichier de remises contient plus de %(most)s lignes. Demandez un fichier qui couvre moins de jours."),
    "F511": _(
        "Ce fichier de remises n’a que son en-tête : aucune opération n’y figure. S’il y a eu des paiements,"
        " téléchargez-le de nouveau, puis déposez-le ; sinon, il n’y a rien à déposer."
    ),
    "F512": _(
        "Cette archive est abîmée, protégée par un mot de passe, trop grosse une fois ouverte, ou contient autre chose"
        " que des fichiers de remises. Ouvrez-la, puis déposez les fichiers de remises un par un."
    ),
    "F513": _(
        "Ce fichier de remises n’est pas un texte lisible : il est abîmé. Téléchargez-le de nouveau, puis déposez-le"
        " sans l’ouvrir dans un tableur."
    ),
}


def sentence_of(refusal: NotThisFile) -> str:
    """What to tell whoever sent the file: what it is, what to do, and the code that support can search for."""
    return f"{str(SENTENCES[refusal.code]) % refusal.values} ({refusal.code})"
