"""What is said of CSV files and workbooks: F501 to F549 of a whole file, L100 to L199 of a line."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_SAVE_AGAIN = _("Exportez-le de nouveau en CSV ou en XLSX (« Classeur Excel »), puis déposez-le.")
_ASK_AGAIN = _("Demandez un nouvel export au logiciel de facturation, puis déposez-le.")
_WRITE_AMOUNT = _("Écrivez-le comme 1234,50, puis déposez le fichier de nouveau.")
_WRITE_NUMBER = _("Écrivez le numéro imprimé sur %(the_debt)s, comme 000412 ; puis déposez le fichier de nouveau.")
_RIGHT_COLUMN = _("Vérifiez que c’est la bonne colonne ; sinon, « Changer les colonnes et relire ».")
_FORMAT_AS_TEXT = _(
    "Refaites l’export du logiciel sans l’ouvrir dans un tableur, ou mettez la colonne au format « Texte » avant de "
    "ressaisir le numéro."
)
_NOTHING = ""

TABLE_WORDS: dict[str, tuple[str | Promise, str | Promise]] = {
    # The whole file: what it is.
    "F501": (_("Ce fichier est vide."), _ASK_AGAIN),
    "F502": (
        _("Ce fichier est trop gros : la limite est de %(most)s."),
        _("Coupez-le en plusieurs fichiers, chacun avec la ligne de titres."),
    ),
    "F503": (
        _("C’est un PDF : il se lit, mais ne s’importe pas."),
        _("Demandez au logiciel de facturation un export CSV ou XLSX."),
    ),
    "F504": (_("C’est un classeur de l’ancien Excel (.xls)."), _SAVE_AGAIN),
    "F505": (_("C’est une archive compressée."), _("Ouvrez-la, puis déposez le fichier qu’elle contient.")),
    "F506": (_("C’est une image."), _("Demandez au logiciel de facturation un export CSV ou XLSX.")),
    "F507": (
        _("C’est une page web, peut-être un message d’erreur enregistré à la place du fichier."),
        _ASK_AGAIN,
    ),
    "F508": (_("Nous ne reconnaissons pas ce fichier : ce n’est ni du CSV, ni du XLSX, ni du PES."), _SAVE_AGAIN),
    "F509": (
        _("Ce classeur est protégé par un mot de passe."),
        _("Enregistrez-le sans mot de passe, puis déposez-le."),
    ),
    "F510": (_("C’est un classeur OpenDocument (.ods)."), _SAVE_AGAIN),
    "F511": (
        _("C’est un document de traitement de texte."),
        _("Demandez au logiciel de facturation un export CSV ou XLSX."),
    ),
    "F512": (_("C’est un classeur Excel binaire (.xlsb)."), _SAVE_AGAIN),
    "F517": (
        _("C’est un fichier ROLMRE, que le PES ORMC remplace."),
        _("Demandez au logiciel de facturation le rôle en PES ORMC, ou un export CSV."),
    ),
    "F518": (
        _("C’est un relevé de paiements du régisseur."),
        _("Déposez-le à la page « Fichiers ». Ici, déposez les %(debts)s."),
    ),
    # Its rows and columns.
    "F521": (
        _("Aucune colonne ne s’appelle comme « %(name)s »."),
        _("Dites quelle colonne le donne, ou ajoutez une ligne de titres en haut du fichier."),
    ),
    "F522": (
        _("La colonne « %(where)s », que cette source attend, n’est pas dans ce fichier."),
        _("Vérifiez que c’est le bon fichier ; sinon, dites de nouveau ce que veut dire chaque colonne."),
    ),
    "F523": (
        _("Ce fichier a %(count)s colonnes ; nous en lisons %(most)s au plus."),
        _("Supprimez les colonnes inutiles, puis déposez-le."),
    ),
    "F524": (_("Une ligne ne finit pas (« %(start)s ») : ce n’est pas un CSV, ou il est abîmé."), _ASK_AGAIN),
    "F525": (
        _("Un guillemet s’ouvre à la ligne %(line)s et ne se ferme pas : on ne sait plus où finissent les lignes."),
        _("Fermez ou retirez ce guillemet, puis déposez le fichier."),
    ),
    "F526": (
        _("Ce fichier a plus de %(most)s lignes."),
        _("Coupez-le en plusieurs fichiers, chacun avec la ligne de titres."),
    ),
    "F527": (_("Ce fichier n’a que sa ligne de titres."), _ASK_AGAIN),
    "F530": (_("Ce classeur est abîmé ou incomplet."), _SAVE_AGAIN),
    "F531": (_("Ce classeur se déplie en une quantité de données anormale : nous ne l’ouvrons pas."), _SAVE_AGAIN),
    "F532": (
        _("La feuille « %(sheet)s », que cette source attend, n’est pas dans ce classeur. Il a : %(others)s."),
        _("Choisissez la feuille, ou vérifiez que c’est le bon fichier."),
    ),
    "F534": (_("Ce classeur contient une déclaration (DOCTYPE) que nous refusons."), _SAVE_AGAIN),
    "F540": (
        _("Cette source attend du %(declared)s ; ce fichier est en %(found)s, et nous l’avons lu ainsi."),
        _("Vérifiez les accents dans l’aperçu."),
    ),
    "F541": (_("Lignes au-dessus des titres, non lues : %(count)s."), _NOTHING),
    "F542": (
        _("Nous lisons la feuille « %(read)s ». Ce classeur en a d’autres : %(others)s."),
        _("Si ce n’est pas la bonne, choisissez-en une autre."),
    ),
    "F543": (
        _("Plusieurs colonnes ressemblent à un montant : %(others)s. Nous lisons « %(where)s »."),
        _("Vérifiez que c’est bien ce que chacun doit payer."),
    ),
    "F544": (
        _("Rien ne dit l’exercice : ni colonne, ni date d’émission."),
        _("Dites quelle colonne le donne, ou choisissez l’exercice de toutes les lignes de ce fichier."),
    ),
    "F545": (
        _("Aucune colonne ne dit l’exercice : nous prenons l’année de « %(where)s »."),
        _("Pour ce qui est émis en janvier sur l’exercice précédent, choisissez l’exercice."),
    ),
    "F546": (
        _("Cette source attend le séparateur « %(declared)s » ; ce fichier emploie « %(found)s »."),
        _("Vérifiez les colonnes dans l’aperçu."),
    ),
    # A line as a whole.
    "L100": (
        _("Les guillemets de cette ligne sont mal placés : ses cellules ne se distinguent pas."),
        _('Retirez-les, ou doublez ceux qui sont dans un texte : "" pour un seul. Puis déposez le fichier de nouveau.'),
    ),
    "L101": (
        _("Cette ligne a trop peu de cellules : %(count)s au lieu de %(expected)s."),
        _("Complétez-la dans le fichier, sans couper de texte par un retour à la ligne, puis déposez-le de nouveau."),
    ),
    "L102": (
        _(
            "Cette ligne a trop de cellules : %(count)s au lieu de %(expected)s. "
            "Un séparateur est peut-être dans un texte."
        ),
        _("Mettez ce texte entre guillemets ou retirez-en le séparateur, puis déposez le fichier de nouveau."),
    ),
    "L103": (
        _("Cette ligne contient ce qui ressemble à un numéro de carte bancaire : nous ne la gardons pas."),
        _("Retirez ce numéro du fichier et du logiciel qui l’a produit, puis déposez le fichier de nouveau."),
    ),
    "L104": (
        _("« %(where)s » contient un caractère qui ne s’écrit pas."),
        _("Videz la cellule et retapez son texte, puis déposez le fichier de nouveau."),
    ),
    "L105": (
        _("« %(where)s » montre l’erreur d’un tableur : %(text)s."),
        _("Corrigez la cellule, ou élargissez la colonne, puis enregistrez le fichier de nouveau."),
    ),
    "L106": (
        _("Le fichier s’arrête sans fin de ligne, sur ce montant : il est peut-être coupé."),
        _("Comparez ce montant avec celui du logiciel de facturation."),
    ),
    "L107": (
        _("Des accents de « %(where)s » sont abîmés : le fichier mélange plusieurs encodages."),
        _("Vérifiez l’aperçu ; au besoin, choisissez l’encodage ou refaites l’export."),
    ),
    "L108": (
        _("Le fichier s’arrête au milieu de cette ligne : %(count)s cellules au lieu de %(expected)s."),
        _ASK_AGAIN,
    ),
    # Amounts.
    "L109": (
        _("%(amount)s : sous 15 €, le comptable ne recouvrera pas cette somme si personne ne la paie."),
        _("La ligne peut entrer telle quelle ; si vous le pouvez, regroupez plusieurs sommes."),
    ),
    "L110": (
        _("« %(where)s » est vide : cette ligne n’a pas de montant."),
        _("Écrivez le montant, par exemple 38,40, ou retirez la ligne ; puis déposez le fichier de nouveau."),
    ),
    "L111": (
        _("« %(text)s » n’est pas un montant."),
        _WRITE_AMOUNT,
    ),
    "L112": (
        _("« %(text)s » a plus de deux décimales : nous n’arrondissons pas."),
        _("Écrivez le montant au centime près, puis déposez le fichier de nouveau."),
    ),
    "L113": (
        _("« %(text)s » peut se lire de deux façons : milliers ou décimales."),
        _("Écrivez 1234,00 ou 1,23, sans séparateur de milliers, puis déposez le fichier de nouveau."),
    ),
    "L114": (
        _("« %(text)s » porte une unité."),
        _(
            "Écrivez-le comme 1234,50 ; ou « Changer les colonnes et relire », puis acceptez les montants suivis d’EUR"
            " ou de €."
        ),
    ),
    "L115": (_("Ce montant dépasse 9 999 999,99 €, le plus grand qui se paie ici."), _WRITE_AMOUNT),
    "L116": (
        _("« %(text)s » est un montant abîmé par un tableur."),
        _("Refaites l’export du logiciel sans l’ouvrir dans un tableur."),
    ),
    "L117": (
        _("« %(text)s » a un point décimal : nous lisons %(amount)s."),
        _("Vérifiez ce montant ; la prochaine fois, écrivez-le avec une virgule, comme 1234,50."),
    ),
    "L118": (_("« %(text)s » porte une unité : nous lisons %(amount)s."), _NOTHING),
    "L119": (_("Le montant est nul : il n’y a rien à payer, la ligne est laissée de côté."), _NOTHING),
    # Days.
    "L120": (
        _("« %(text)s » n’est pas une date."),
        _("Écrivez-la comme 15/04/2026, puis déposez le fichier de nouveau."),
    ),
    "L121": (
        _("Le %(text)s n’existe pas."),
        _("Écrivez la date comme 15/04/2026 : jour, mois, année. Puis déposez le fichier de nouveau."),
    ),
    "L122": (
        _("L’année de « %(text)s » n’est pas vraisemblable."),
        _("Écrivez la date comme 15/04/2026, puis déposez le fichier de nouveau."),
    ),
    "L124": (
        _("La date limite est avant la date d’émission."),
        _("Vérifiez que les deux colonnes ne sont pas échangées."),
    ),
    # Numbers and exercices.
    "L130": (_("Cette ligne n’a pas de numéro."), _WRITE_NUMBER),
    "L131": (_("Le numéro « %(text)s » a été abîmé par un tableur."), _FORMAT_AS_TEXT),
    "L132": (_("Le numéro « %(text)s » est devenu une date dans un tableur."), _FORMAT_AS_TEXT),
    "L133": (_("Le numéro « %(text)s » a plus de 30 caractères."), _RIGHT_COLUMN),
    "L134": (_("« %(text)s » n’est pas un numéro : il n’a ni chiffre ni lettre."), _WRITE_NUMBER),
    "L135": (
        _("Le numéro « %(text)s » ressemble à une date : un tableur l’a peut-être changé."),
        _("Comparez-le avec le numéro imprimé sur %(the_debt)s."),
    ),
    "L140": (
        _("« %(text)s » n’est pas un exercice."),
        _("Écrivez l’année en quatre chiffres, comme 2026, puis déposez le fichier de nouveau."),
    ),
    "L141": (
        _("L’exercice %(exercice)s ne va pas avec une émission en %(year)s."),
        _("Vérifiez l’exercice et la date d’émission : l’exercice est celui que le payeur lira."),
    ),
    "L142": (
        _("Cette ligne ne dit pas son exercice."),
        _("Écrivez l’année, comme 2026, ou la date d’émission, comme 15/04/2026 ; puis déposez le fichier de nouveau."),
    ),
    # Debtors and labels.
    "L150": (
        _("L’adresse électronique n’est pas valable : elle est laissée de côté."),
        _("Corrigez-la dans le logiciel de facturation."),
    ),
    "L151": (
        _("Le SIRET n’est pas valable : il est laissé de côté."),
        _("Corrigez-le dans le logiciel de facturation."),
    ),
    "L152": (
        _("Le code postal %(text)s a quatre chiffres : un zéro manque peut-être devant."),
        _("Mettez la colonne au format « Texte » dans le tableur, ou corrigez l’adresse."),
    ),
    "L153": (_("Le nom est coupé à 120 caractères."), _NOTHING),
    "L154": (
        _("La référence du redevable a plus de 30 caractères : elle est laissée de côté."),
        _RIGHT_COLUMN,
    ),
    "L155": (_("L’objet est coupé à 100 caractères."), _NOTHING),
    "L156": (_("Cette ligne n’a pas de nom."), _("Vérifiez qu’elle a bien un redevable.")),
    # Credit notes.
    "L160": (
        _("« %(text)s » n’est pas un type que nous connaissons : ni %(debt)s, ni avoir."),
        _("Écrivez F pour %(a_debt)s, A pour un avoir, puis déposez le fichier de nouveau."),
    ),
    "L161": (
        _("Le montant est négatif et le type « %(text)s » : nous lisons un avoir."),
        _("Vérifiez le type de cette ligne."),
    ),
    "L162": (
        _("Cet avoir ne dit pas quel numéro il réduit."),
        _(
            "Donnez une colonne qui le dit, ou écrivez « Avoir sur %(debt_in_french)s 000398 » dans l’objet. Pour des"
            " lignes de détail, « Changer les colonnes et relire », puis cochez qu’elles s’additionnent."
        ),
    ),
    "L163": (_("L’avoir réduit le numéro %(number)s, que nous lisons dans l’objet."), _NOTHING),
    # Beside the lines above.
    "L170": (
        _("Le numéro %(number)s est déjà à la ligne %(line)s, avec le même contenu : il n’est pris qu’une fois."),
        _NOTHING,
    ),
    "L171": (
        _("Le numéro %(number)s est déjà à la ligne %(line)s, avec un autre contenu."),
        _(
            "Gardez la bonne ligne dans le fichier. Si chaque ligne est un article, « Changer les colonnes et"
            " relire », puis cochez qu’elles s’additionnent."
        ),
    ),
    "L172": (
        _("Sans ses zéros de tête, le numéro %(number)s est aussi celui de la ligne %(line)s."),
        _(
            "Corrigez le numéro ; ou, si les deux existent, « Changer les colonnes et relire », puis cochez que 412 et"
            " 000412 sont différents."
        ),
    ),
    "L173": (
        _("La ligne %(line)s porte le même numéro %(number)s, pour un autre redevable, produit ou délai."),
        _(
            "Écrivez les mêmes sur toutes ses lignes, ou donnez-leur un autre numéro ; puis déposez le fichier de"
            " nouveau."
        ),
    ),
    "L174": (
        _("Une autre ligne du même numéro ne peut pas être lue : la ligne %(line)s."),
        _("Corrigez cette ligne-là : les lignes d’un numéro se prennent toutes, ou aucune."),
    ),
    "L175": (_("Ajoutée au numéro %(number)s, ligne %(line)s."), _NOTHING),
    "L180": (_("C’est une ligne de total : elle est laissée de côté."), _NOTHING),
    "L181": (_("Cette ligne n’a rien dans les colonnes que nous lisons : elle est laissée de côté."), _NOTHING),
    "L182": (_("C’est une ligne d’exemple du modèle : elle n’est jamais importée."), _NOTHING),
    "L190": (
        _("« %(where)s » a %(count)s caractères : c’est trop pour une cellule."),
        _("Vérifiez que c’est la bonne colonne, et qu’aucun guillemet ne manque ; puis déposez le fichier de nouveau."),
    ),
    "L191": (
        _("« %(where)s » est une formule qui n’a pas encore été calculée."),
        _("Ouvrez le classeur dans un tableur, enregistrez-le, puis déposez-le de nouveau."),
    ),
}
