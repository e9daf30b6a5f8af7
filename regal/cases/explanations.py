"""Each kind of case in plain words: what happened, how it comes about, and the procedure to follow.

The bureau shows these words on the page of a case; `docs/anomalies.md` is drawn from them (`drawing.py`). Closing a
case never moves money.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.cases.models import Kind
from regal.collectivites.debt_words import said


@dataclass(frozen=True, kw_only=True)
class Explanation:
    what: Promise | str
    to_do: Promise | str
    how: Promise | str  # how such a case comes about
    steps: tuple[Promise | str, ...]
    whom: Promise | str  # whom to call
    ending: Promise | str  # how to close it
    never: Promise | str


_COMPTABLE = _(
    "Le comptable public qui encaisse (le service de gestion comptable, SGC), avec le numéro de client PayFiP, la"
    " référence, le montant et le jour du paiement."
)
_COMPTABLE_OR_REGIE = _(
    "Le régisseur d’abord : le compte de dépôt de fonds de sa régie dit ce qui est arrivé. Pour rembourser,"
    " l’ordonnateur ; en cas de doute, le comptable public."
)
_OPERATOR = _("L’exploitant de REGAL, avec le numéro de l’anomalie.")
_NEVER_AGAIN = _("Ne demandez pas au payeur de payer une seconde fois avant de savoir si cette somme a été encaissée.")
_WRITE_DOWN = _("Notez ici qui a répondu, quoi et quel jour.")
_WITH_DECISION = _(
    "Choisissez la décision qui dit ce que le comptable public a répondu, et recopiez sa réponse en motif."
)


EXPLANATIONS: dict[Kind, Explanation] = {
    Kind.CONTRADICTION: Explanation(
        what=_(
            "Ce paiement est confirmé, ou annulé par la régie, et une preuve arrivée ensuite dit le contraire. Rien n’a"
            " été changé."
        ),
        to_do=_("Demandez au comptable public ce qu’il a encaissé avant de répondre au payeur."),
        how=_(
            "Une preuve (réponse de PayFiP ou de Paybox, ou fichier) dit refusé, abandonné, annulé ou remboursé un"
            " paiement déjà prouvé payé : prélèvement rejeté par la banque, opération annulée ou remboursée dans le"
            " back-office de Paybox, ou erreur de l’autre côté."
        ),
        steps=(
            _(
                "Remboursé ou annulé dans un fichier de remises : cherchez dans le back-office de Paybox qui l’a fait,"
                " quand et pourquoi."
            ),
            _("Ouvrez le paiement et lisez « Ce qui a été reçu » : les deux preuves y sont, avec leur date."),
            _("Demandez au comptable public ce qu’il a encaissé, et si un rejet est arrivé ensuite."),
            _WRITE_DOWN,
        ),
        whom=_COMPTABLE,
        ending=_WITH_DECISION,
        never=_("Ne réclamez rien au payeur, et ne lui dites pas que sa dette est éteinte, avant cette réponse."),
    ),
    Kind.OTHER_PAYMENT: Explanation(
        what=_(
            "Ce qui est arrivé pour ce paiement parle d’un autre : le contrat, la référence, le montant, le numéro"
            " de transaction ou le mode (test ou production) n’est pas le même, ou le message est venu bien après la"
            " fin de la page de paiement. Il n’en est pas tenu compte, et rien n’a été changé."
        ),
        to_do=_(
            "Regardez ce qui diffère dans « Ce qui a été reçu ». Un message de PayFiP n’est pas signé et ne prouve"
            " rien ; un message de Paybox est signé, mais sa signature est la même pour tous les marchands : ne"
            " faites rien sur leur seule foi. Si le numéro de transaction ou l’heure diffère, cherchez cette"
            " transaction chez Paybox : le payeur a pu être débité deux fois. Si c’est un fichier, prévenez qui"
            " administre REGAL chez vous."
        ),
        how=_(
            "L’adresse à laquelle PayFiP ou Paybox prévient REGAL a reçu un message sur un autre paiement : erreur,"
            " essai, faux message d’un curieux, ou second débit sous la même référence. Plus rarement, c’est une"
            " ligne d’un fichier."
        ),
        steps=(
            _("Ouvrez le paiement et regardez ce qui diffère, et ce que cela prouve."),
            _(
                "Message sans preuve : attendez le fichier du comptable ou la remise de Paybox ; il n’y a rien"
                " d’autre à faire."
            ),
            _(
                "Preuve (fichier, ou réponse de PayFiP ou de Paybox) : cherchez dans les paiements celui dont elle"
                " parle."
            ),
        ),
        whom=_OPERATOR,
        ending=_("« Sans suite » pour un message sans preuve ; sinon, dites quel était l’autre paiement."),
        never=_("Ne tenez pas un paiement pour payé, ni pour refusé, sur la foi de ce message."),
    ),
    Kind.UNKNOWN_OUTCOME: Explanation(
        what=_(
            "Le résultat reçu est un code que REGAL ne connaît pas, ou un message que Paybox a bien signé et que REGAL"
            " ne sait pas lire : il n’est compté ni payé, ni refusé."
        ),
        to_do=_(
            "Transmettez le code reçu, sous « De quoi il s’agit », à l’exploitant de REGAL, et cherchez si cette somme"
            " a été encaissée : le relevé de la régie ou le comptable public le dit."
        ),
        how=_(
            "PayFiP ou Paybox a donné un code qui n’est pas dans la table de REGAL, ou dit « accepté » sans numéro"
            " d’autorisation : un code nouveau, ou une erreur. Ou bien Paybox a changé ce qu’il écrit, ou un autre"
            " logiciel de la régie se sert du même contrat : Paybox n’appelle qu’une fois, et ne redira rien."
        ),
        steps=(
            _("Transmettez le numéro de l’anomalie et le code reçu à l’exploitant."),
            _(
                "Message de Paybox que REGAL ne sait pas lire : déposez la remise du lendemain, qui règle ce qui a été"
                " payé."
            ),
            _("Cherchez cette somme dans le relevé de la régie, ou demandez au comptable public s’il l’a encaissée."),
            _WRITE_DOWN,
        ),
        whom=_OPERATOR,
        ending=_WITH_DECISION,
        never=_NEVER_AGAIN,
    ),
    Kind.STUCK_EFFECT: Explanation(
        what=_("Un traitement a échoué plusieurs fois de suite. Aucun paiement n’est perdu."),
        to_do=_(
            "Transmettez cette anomalie à l’exploitant de REGAL : il la verra se refermer une fois la cause levée."
        ),
        how=_(
            "Un travail que REGAL fait seul (lire un message reçu, sceller les preuves du jour) a échoué huit fois."
            " REGAL continue d’essayer, toutes les heures au plus tard."
        ),
        steps=(
            _("Transmettez le numéro de l’anomalie à l’exploitant."),
            _("Attendez : elle se refermera d’elle-même dès que le travail sera fait."),
        ),
        whom=_OPERATOR,
        ending=_("Personne ne la clôt : REGAL la referme dès que le travail est fait, et l’écrit dans son histoire."),
        never=_("Ne saisissez nulle part à la main ce que ce travail devait faire : il le fera."),
    ),
    Kind.ABSENT_FROM_FILE: Explanation(
        what=_(
            "Ce paiement a été annoncé payé, et le fichier qui couvre ce jour-là ne le contient pas. Une annonce ne"
            " suffit pas : elle peut être fausse, ou l’encaissement arriver plus tard. De Paybox, une réponse l’a"
            " prouvé payé, et aucune remise ne le contient : il n’est peut-être pas parti à la banque."
        ),
        to_do=_(
            "Demandez au comptable public s’il a encaissé cette somme ; pour un contrat Paybox, regardez dans son"
            " back-office et sur le compte de la régie. Ne réclamez rien au payeur avant de savoir : son ticket fait"
            " foi."
        ),
        how=_(
            "PayFiP ou Paybox a dit « payé », mais le fichier du comptable public, de la régie ou de Paybox qui"
            " couvre ce jour, et les deux jours ouvrés qui suivent, ne contient pas ce paiement."
        ),
        steps=(
            _(
                "Paybox : déposez les remises des jours suivants, puis cherchez la transaction dans le back-office de"
                " Paybox. Autorisée et jamais envoyée, elle n’est pas encaissée."
            ),
            _("Vérifiez que le bon fichier a été déposé, pour le bon compte et la bonne période."),
            _("Demandez au comptable public s’il a encaissé cette somme, et quand elle figurera dans un fichier."),
            _WRITE_DOWN,
            _(
                "Jamais encaissé : prévenez le payeur et regardez avec lui son ticket ; il ne paie de nouveau"
                " qu’ensuite."
            ),
        ),
        whom=_COMPTABLE,
        ending=_(
            "Choisissez ce qu’a répondu le comptable public. Si un fichier confirme ce paiement avant vous, l’anomalie"
            " se referme d’elle-même."
        ),
        never=_NEVER_AGAIN,
    ),
    Kind.OTHER_AMOUNT: Explanation(
        what=_("Le fichier contient un paiement de cette référence, mais d’un autre montant. Rien n’a été confirmé."),
        to_do=_("Comparez les deux montants, puis demandez au comptable public lequel il a encaissé."),
        how=_(
            "La ligne du fichier porte la référence et le jour de ce paiement, mais un autre montant : paiement"
            " partiel au guichet, arrondi, ou ligne d’un autre paiement de la même dette."
        ),
        steps=(
            _("Comparez les deux montants, sous « De quoi il s’agit »."),
            _("Regardez si la même référence a été payée une autre fois, ici ou ailleurs."),
            _("Demandez au comptable public quel montant il a encaissé, et pour quel paiement."),
            _WRITE_DOWN,
        ),
        whom=_COMPTABLE,
        ending=_WITH_DECISION,
        never=_("Ne réclamez pas la différence au payeur avant cette réponse."),
    ),
    Kind.REFUSED_YET_FILED: Explanation(
        what=_(
            "PayFiP avait annoncé ce paiement refusé ou abandonné, et le fichier le contient. Le fichier est une"
            " preuve : le paiement est confirmé."
        ),
        to_do=_("Rien à réclamer au payeur. Si vous l’avez relancé, prévenez-le que sa dette est payée."),
        how=_(
            "Le payeur a recommencé sur la même page de PayFiP après un refus, ou l’annonce, qui n’est pas signée,"
            " était fausse. Le fichier comptable, lui, fait preuve."
        ),
        steps=(
            _("Vérifiez sur le paiement qu’il est bien confirmé."),
            _("Cherchez si le payeur a été relancé, ou s’il a payé une autre fois pour la même référence."),
            _("Si oui, prévenez-le que sa dette est payée ; un paiement en trop se rembourse par l’ordonnateur."),
        ),
        whom=_COMPTABLE,
        ending=_("Dites si le payeur a été prévenu, ou s’il n’y avait rien à lui dire."),
        never=_("Ne relancez pas le payeur : sa dette est payée."),
    ),
    Kind.AMBIGUOUS_LINE: Explanation(
        what=_(
            "Une ligne du fichier peut aller à plusieurs dettes payées ici : leurs numéros ne diffèrent que par des"
            " zéros. REGAL ne choisit pas à votre place : aucune n’est confirmée."
        ),
        to_do=_("Demandez au comptable public laquelle de ces dettes a été payée."),
        how=_(
            "Le fichier écrit le numéro d’une dette sans ses zéros du début, et deux dettes payées ici ont alors le"
            " même numéro, le même montant et le même jour."
        ),
        steps=(
            _("Relevez le fichier et la ligne, sous « De quoi il s’agit »."),
            _("Demandez au comptable public de quelle dette il s’agit, et d’où vient l’argent."),
            _WRITE_DOWN,
        ),
        whom=_COMPTABLE,
        ending=_("Dites en motif quelle dette est payée. Aucun paiement ne change d’état : la réponse reste ici."),
        never=_("Ne choisissez pas vous-même entre les deux dettes."),
    ),
    Kind.DOUBLE_PAYMENT: Explanation(
        what=_(
            "Deux paiements %(of_this_debt)s sont confirmés : la même référence a été encaissée deux fois par la régie."
            " PayFiP ne l’empêche pas pour une dette de régie. Chez Paybox, un même paiement peut avoir deux"
            " transactions : le fichier de remises contient la seconde, qui n’entre pas dans les comptes de REGAL."
        ),
        to_do=_(
            "Regardez les deux paiements. S’il y a un trop-perçu, préparez son remboursement avec l’ordonnateur : une"
            " régie de recettes ne rembourse pas elle-même."
        ),
        how=_(
            "Le payeur a payé deux fois, ou deux personnes ont payé %(the_same_debt)s, malgré l’avertissement affiché."
            " Il arrive aussi que l’on paie en plusieurs fois, ou qu’un numéro serve deux fois."
        ),
        steps=(
            _("Ouvrez les deux paiements et comparez les montants, les jours et les adresses des payeurs."),
            _("Regardez %(the_debt)s : son montant, et ce qui restait dû."),
            _(
                "Trop-perçu : demandez à l’ordonnateur de le rembourser par mandat, ou gardez-le en avoir si le"
                " règlement du service le prévoit."
            ),
            _("Dites au payeur ce qui a été décidé, et notez-le ici."),
        ),
        whom=_COMPTABLE_OR_REGIE,
        ending=_("Dites ce qu’il advient du trop-perçu, ou pourquoi il n’y en a pas."),
        never=_(
            "Ne supprimez et n’annulez aucun des deux paiements : tous deux ont eu lieu, et restent dans les comptes."
        ),
    ),
    Kind.EXCESS: Explanation(
        what=_(
            "Ce paiement est prouvé et compté, mais il dépasse ce qui restait dû : %(the_debt)s était déjà payé%(e)s,"
            " réduit%(e)s, annulé%(e)s, ou n’est plus à payer à la régie. Le trop-perçu n’est attribué à %(no_debt)s."
        ),
        to_do=_(
            "Décidez de ce qui est en trop : le faire rembourser par l’ordonnateur, ou le garder en avoir si le"
            " règlement du service le prévoit. Une régie de recettes ne rembourse pas elle-même."
        ),
        how=_(
            "Deux personnes ont payé %(the_same_debt)s, le payeur a payé deux fois, ou %(the_debt)s a été réduit%(e)s"
            " ou annulé%(e)s pendant qu’il payait. REGAL compte tout l’argent reçu, et n’éteint que ce qui est dû."
        ),
        steps=(
            _("Relevez le montant en trop et la raison, sous « De quoi il s’agit »."),
            _("Ouvrez %(the_debt)s : ce qui était dû, ce qui a été payé, et les autres paiements."),
            _("Demandez le remboursement à l’ordonnateur, ou notez l’avoir."),
            _("Dites au payeur ce qui a été décidé, et notez-le ici."),
        ),
        whom=_COMPTABLE_OR_REGIE,
        ending=_("Dites ce qu’il advient du trop-perçu, et en motif à qui cela a été demandé."),
        never=_("Ne remboursez rien sur la caisse de la régie, et n’annulez aucun paiement : il a bien eu lieu."),
    ),
    Kind.LATE_PAYMENT: Explanation(
        what=_(
            "REGAL tenait ce paiement pour abandonné, ou jamais parti, et PayFiP ou Paybox l’a ensuite dit payé. Il"
            " est compté comme les autres ; s’il restait quelque chose à payer, %(the_debt)s est éteint%(e)s d’autant."
        ),
        to_do=_(
            "Vérifiez que le payeur n’a pas été relancé entre-temps et n’a pas payé une autre fois. Rien d’autre n’est"
            " à faire."
        ),
        how=_(
            "Le résultat est venu plus tard qu’il ne vient d’ordinaire, ou PayFiP n’avait pas répondu quand REGAL"
            " lui avait demandé d’ouvrir le paiement. REGAL a continué à demander ou à écouter, et la réponse est"
            " venue."
        ),
        steps=(
            _("Ouvrez le paiement : l’heure à laquelle il a été payé, et celle à laquelle REGAL l’a appris."),
            _("Cherchez si %(the_same_debt)s a été payé%(e)s une autre fois : une autre anomalie le dirait."),
            _("Si le payeur a été relancé, prévenez-le que tout est payé."),
        ),
        whom=_COMPTABLE_OR_REGIE,
        ending=_("Dites si le payeur a été prévenu, ou s’il n’y avait rien à lui dire."),
        never=_("Ne relancez pas le payeur : tout est payé."),
    ),
    Kind.IMPOSSIBLE_ANSWER: Explanation(
        what=_(
            "PayFiP venait d’ouvrir ce paiement, ou un message signé de Paybox le disait payé ; et il a répondu"
            " qu’il ne le connaît pas. C’est impossible : REGAL n’en conclut rien et continue de demander."
        ),
        to_do=_(
            "Attendez : l’anomalie se referme d’elle-même dès que PayFiP ou Paybox reconnaît ce paiement. Ne le"
            " tenez pas pour payé d’ici là."
        ),
        how=_(
            "Une panne passagère, le plus souvent. Plus rarement, la page de paiement n’a jamais pu s’ouvrir, ou le"
            " message signé a été obtenu chez un autre marchand pour tromper la régie."
        ),
        steps=(
            _("Laissez passer deux heures : REGAL demande de nouveau, plusieurs fois."),
            _(
                "Si l’anomalie reste ouverte, demandez au payeur s’il a reçu un ticket, et cherchez ce paiement dans"
                " le relevé de la régie ou le back-office de Paybox ; sans l’un ni l’autre, il peut recommencer."
            ),
            _("Si cela arrive à plusieurs paiements, prévenez l’exploitant de REGAL."),
        ),
        whom=_OPERATOR,
        ending=_("Choisissez ce que vous avez appris du payeur ou du relevé de la régie, et écrivez-le en motif."),
        never=_NEVER_AGAIN,
    ),
    Kind.NO_ANSWER: Explanation(
        what=_(
            "PayFiP ou Paybox ne dit pas ce qu’il est advenu : ou bien il ne répond plus à aucune question sur ce"
            " contrat depuis une heure, ou bien il n’a jamais donné le résultat de ce paiement-là. Rien n’est"
            " perdu : tout ce qui attend sera demandé de nouveau dès qu’il répond."
        ),
        to_do=_(
            "Si tout le contrat est muet, attendez : l’anomalie se referme d’elle-même à la première réponse. Si"
            " c’est un seul paiement, cherchez-le dans le relevé de la régie, ou dans la remise de Paybox."
        ),
        how=_(
            "Une panne ou une coupure annoncée ; ou un paiement dont rien n’a été dit en sept jours, dont la réponse"
            " est illisible, ou qui n’est plus connu alors qu’une panne nous avait empêchés d’interroger à temps."
        ),
        steps=(
            _("Regardez de quoi il s’agit : tout un contrat, ou un seul paiement."),
            _("Tout un contrat : si cela dure plus d’une journée, prévenez l’exploitant de REGAL."),
            _("Un seul paiement : cherchez-le dans le relevé de votre régie, à la référence et au jour indiqués."),
            _("Le bouton « Demander à PayFiP maintenant », sur la page du paiement, pose la question encore une fois."),
        ),
        whom=_OPERATOR,
        ending=_(
            "Personne n’a besoin de la clore si la réponse vient : elle se referme d’elle-même. Sinon, dites ce que"
            " montre le relevé de la régie ou la remise de Paybox."
        ),
        never=_NEVER_AGAIN,
    ),
    Kind.NOT_CONFIRMED: Explanation(
        what=_(
            "Paybox a signé que ce paiement est accepté, tout y correspond, et il est compté payé, à confirmer ;"
            " mais en deux jours ouvrés, ni la remise de Paybox ni une réponse à notre question ne l’a confirmé."
        ),
        to_do=_(
            "Déposez les remises de Paybox de ces jours-là, sous Fichiers : elles confirment d’elles-mêmes. Si ce"
            " paiement n’y est pas, cherchez-le dans le back-office de Paybox."
        ),
        how=_(
            "Le plus souvent, la remise n’a pas encore été déposée. Plus rarement, le paiement a été annulé chez"
            " Paybox avant la remise, ou le message signé venait d’un autre marchand : la signature de Paybox est la"
            " même pour tous."
        ),
        steps=(
            _("Déposez les remises qui manquent : le jour du paiement et les deux jours ouvrés suivants."),
            _(
                "Cherchez la transaction, par son numéro, dans le back-office de Paybox : télécollectée, annulée, ou"
                " inconnue."
            ),
            _("Comparez avec ce qui est arrivé sur le compte de la régie."),
            _WRITE_DOWN,
        ),
        whom=_COMPTABLE_OR_REGIE,
        ending=_(
            "Si une remise confirme ce paiement, l’anomalie se referme d’elle-même. Sinon, dites ce que montrent le"
            " back-office de Paybox et le compte de la régie."
        ),
        never=_NEVER_AGAIN,
    ),
    Kind.NOT_NOTIFIED: Explanation(
        what=_(
            "Paybox répond qu’une transaction existe sous la référence de ce paiement, mais son message n’est jamais"
            " arrivé, ou le message reçu en nomme une autre : elle peut être"
            " acceptée ou refusée. Ou bien le payeur est revenu de Paybox avec un « payé »"
            " signé, sans que Paybox nous ait appelés, et aucune remise ne l’a confirmé. Rien n’a été compté."
        ),
        to_do=_(
            "Ne demandez pas au payeur de payer une seconde fois. Cherchez cette transaction dans le back-office de"
            " Paybox ; la remise du lendemain la comptera si elle est acceptée."
        ),
        how=_(
            "Paybox appelle REGAL une seule fois et n’insiste jamais : une coupure de quelques secondes, un"
            " certificat expiré ou une mauvaise adresse dans son back-office suffit. Paybox prévient alors par"
            " courriel le contact du contrat."
        ),
        steps=(
            _("Cherchez la transaction dans le back-office de Paybox : acceptée ou refusée."),
            _("Acceptée : déposez la remise du lendemain, qui règle ce paiement."),
            _(
                "Si plusieurs paiements sont dans ce cas, prévenez l’exploitant : l’adresse que Paybox appelle ne"
                " répond pas."
            ),
            _WRITE_DOWN,
        ),
        whom=_OPERATOR,
        ending=_(
            "L’anomalie se referme d’elle-même si le message ou la remise arrive. Sinon, dites ce que montre le"
            " back-office de Paybox."
        ),
        never=_NEVER_AGAIN,
    ),
    Kind.SAME_TRANSACTION: Explanation(
        what=_(
            "Paybox a signé que ce paiement est accepté, mais sous un numéro de transaction qui appartient déjà à un"
            " paiement d’un autre contrat. REGAL le note annoncé payé, et ne le compte pas."
        ),
        to_do=_(
            "Ne tenez pas ce paiement pour payé sur la foi de ce message. Seule la remise de Paybox dira s’il l’est."
        ),
        how=_(
            "Deux paiements n’ont jamais le même numéro chez Paybox : c’est une erreur, ou quelqu’un présente deux"
            " fois le même débit."
        ),
        steps=(
            _("Transmettez le numéro de l’anomalie à l’exploitant : lui seul peut voir l’autre contrat."),
            _("Cherchez le numéro de transaction dans le back-office de Paybox de votre régie."),
            _WRITE_DOWN,
        ),
        whom=_OPERATOR,
        ending=_(
            "Dites si la transaction est dans le back-office de Paybox de votre régie, et ce que l’exploitant a"
            " répondu."
        ),
        never=_NEVER_AGAIN,
    ),
    Kind.TICKET_NOT_SENT: Explanation(
        what=_(
            "Ce paiement est enregistré, mais le ticket que le payeur attend par e-mail n’est pas parti, ou personne ne"
            " sait s’il est arrivé. REGAL n’essaie plus de l’envoyer."
        ),
        to_do=_("Le paiement compte : ne le faites pas refaire. Renvoyez le ticket, ou prévenez le payeur autrement."),
        how=_(
            "Le serveur de courrier du payeur ne connaît pas l’adresse qu’il a tapée, ou la refuse. Ou bien le courrier"
            " s’est coupé deux fois de suite au moment de l’envoi : un troisième envoi pourrait faire un doublon."
        ),
        steps=(
            _("Ouvrez le paiement et lisez l’adresse : une faute de frappe se voit souvent."),
            _("Adresse juste : pressez « Renvoyer le ticket » ; s’il part, l’anomalie se referme d’elle-même."),
            _("Adresse fausse : si vous savez joindre le payeur, dites-lui que son paiement est enregistré."),
            _("Plusieurs anomalies de ce genre le même jour : prévenez l’exploitant de REGAL."),
        ),
        whom=_("Personne, sauf si plusieurs tickets sont dans ce cas : l’exploitant de REGAL."),
        ending=_("Dites comment le payeur a été prévenu, ou pourquoi ce n’est pas la peine."),
        never=_("Ne demandez pas au payeur de payer une seconde fois parce qu’il n’a pas reçu de ticket."),
    ),
}


def explanation_of(kind: str) -> Explanation:
    """Its sentences in the town's word for debts.

    Raises KeyError or ValueError for a kind that is not in the closed list: a test goes through them all.
    """
    told = EXPLANATIONS[Kind(kind)]
    return Explanation(
        what=said(told.what),
        to_do=said(told.to_do),
        how=said(told.how),
        steps=tuple(said(step) for step in told.steps),
        whom=said(told.whom),
        ending=said(told.ending),
        never=said(told.never),
    )
