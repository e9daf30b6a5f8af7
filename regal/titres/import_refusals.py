"""What an agent can mend about an import: as `refusals.py`, which holds the other refusals of this room.

Refusal
├── BadSourceName        R230
├── SourceNameTaken      R231
├── BadSource            R232  its products are not those of who collects, or it has none
├── FileTooLarge         R233
├── EmptyFile            R234
├── OtherStep            R235  the act does not suit where the import stands now
├── WrongLines           R236  some lines are wrong, and nobody accepted that they stay out
├── NothingToWrite       R237
├── TouchedSince         R238  undone only while nothing of it was paid, or is being paid
├── DecidedSince         R239  or decided otherwise by a person
└── BadOptions           R247  how its files are read makes no sense
"""

from django.utils.translation import gettext_lazy as _

from regal.titres.refusals import Refusal


class BadSourceName(Refusal):
    code = "R230"
    sentence = _("Donnez un nom à cette source, %(longest)s caractères au plus : d’où viennent ses fichiers.")
    field = "name"


class SourceNameTaken(Refusal):
    code = "R231"
    sentence = _(
        "Une autre source, peut-être fermée, porte déjà ce nom : choisissez-en un autre, ou changez cette source-là."
    )
    field = "name"


class BadSource(Refusal):
    code = "R232"
    sentence = _(
        "Choisissez des produits de celui qui encaisse : ceux de cette régie, ou ceux de ce budget pour le comptable"
        " public. L’argent ne doit jamais arriver sur le compte de l’autre."
    )
    field = "default_product"


class FileTooLarge(Refusal):
    """`largest` is a number of megabytes."""

    code = "R233"
    sentence = _(
        "Ce fichier dépasse %(largest)s Mo. Coupez-le en plusieurs fichiers, puis importez-les l’un après l’autre."
    )
    field = "file"


class EmptyFile(Refusal):
    code = "R234"
    sentence = _("Ce fichier est vide. Exportez-le de nouveau de votre logiciel, puis importez-le.")
    field = "file"


class OtherStep(Refusal):
    """`state` is in words."""

    code = "R235"
    sentence = _("Cet import est maintenant « %(state)s » : cet acte n’y convient pas. Rien n’a été enregistré.")


class WrongLines(Refusal):
    code = "R236"
    sentence = _(
        "%(count)s lignes ne peuvent pas être enregistrées. Corrigez le fichier et importez-le de nouveau, ou acceptez"
        " que seules les lignes valides le soient."
    )
    field = "only_valid"


class NothingToWrite(Refusal):
    code = "R237"
    sentence = _(
        "Rien de ce fichier n’est à enregistrer : tout y est déjà, ou rien n’y convient. Vous pouvez l’écarter."
    )


class TouchedSince(Refusal):
    code = "R238"
    sentence = _(
        "Cet import ne se défait plus : de l’argent est venu, ou est en train de venir, pour une partie de ses"
        " %(debts)s (%(count)s). Annulez une à une les sommes qui ne sont pas dues."
    )


class DecidedSince(Refusal):
    code = "R239"
    sentence = _(
        "Cet import ne se défait plus : un agent, ou un autre import, a changé depuis une partie de ses %(debts)s"
        " (%(count)s). Défaites d’abord l’import plus récent, ou annulez une à une les sommes qui ne sont pas dues."
    )


class BadOptions(Refusal):
    """`option` is the member's name."""

    code = "R247"
    sentence = _(
        "Le réglage « %(option)s » de cette source ne convient pas : ses fichiers ne pourraient pas être lus."
        " Choisissez-le de nouveau."
    )
    field = "options"
