"""Why no notice is made of a titre, or of a selection: a sentence with its remedy, and a stable code.

Refusal (of `titres`)
├── NoNotice        R282 to R284  of one titre: its `why` says which
└── TooManyNotices  R285          in one batch
"""

from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.titres.refusals import Refusal


class Why(StrEnum):
    """Why a titre has no notice: a closed list, in the order in which it is told."""

    PAID = "paid"
    DRAFT = "draft"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    TRANSFERRED = "transferred"
    WRITTEN_OFF = "written_off"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"
    REJECTED = "rejected"
    NOTHING_LEFT = "nothing_left"
    NAMELESS = "nameless"
    NOT_PAYABLE_ONLINE = "not_payable_online"


_TOLD: dict[Why, tuple[str, Promise]] = {
    Why.PAID: ("R282", _("Tout est déjà payé : il n’y a plus rien à demander.")),
    Why.DRAFT: ("R282", _("C’est encore un brouillon : émettez %(the_debt)s, puis éditez l’avis.")),
    Why.SUSPENDED: ("R282", _("Le paiement est suspendu : remettez %(the_debt)s à payer, puis éditez l’avis.")),
    Why.CANCELLED: ("R282", _("Plus rien n’est dû. Si c’est une erreur, rétablissez %(the_debt)s d’abord.")),
    Why.TRANSFERRED: (
        "R282",
        _("Le comptable public encaisse désormais : lui seul demande à être payé. Adressez-lui le payeur."),
    ),
    Why.WRITTEN_OFF: (
        "R282",
        _("La dette est abandonnée : personne n’encaisse. Si c’est une erreur, rétablissez-la d’abord."),
    ),
    Why.WITHDRAWN: ("R282", _("L’import est défait : rien n’est dû. Importez ou saisissez de nouveau.")),
    Why.CLOSED: ("R282", _("Le comptable dit qu’il n’y reste rien à payer : il n’y a rien à demander.")),
    Why.REJECTED: ("R282", _("Le comptable ne l’a pas pris%(e)s en charge : voyez avec l’ordonnateur.")),
    Why.NOTHING_LEFT: ("R282", _("Il ne reste rien à payer : il n’y a rien à demander.")),
    Why.NAMELESS: (
        "R283",
        _("Le nom de qui doit payer est effacé, son délai de conservation est passé : écrivez-lui autrement."),
    ),
    Why.NOT_PAYABLE_ONLINE: (
        "R284",
        _(
            "Le produit n’accepte pas ce montant ou ce numéro en ligne : corrigez les réglages du produit, ou"
            " %(the_debt)s."
        ),
    ),
}


class NoNotice(Refusal):
    """Of one titre; `why` is one of the list."""

    def __init__(self, why: Why) -> None:
        super().__init__()
        self.why = why
        self.code, self.sentence = _TOLD[why]


class TooManyNotices(Refusal):
    code = "R285"
    sentence = _(
        "Cette sélection compte %(count)s lignes, et un lot d’avis en porte %(most)s au plus : filtrez la liste"
        " davantage, puis recommencez."
    )
