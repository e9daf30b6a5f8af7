"""What a notice says: made of a titre as it is now, in French and with the town's word; a PDF lays it out.

A notice asks to be paid what is left, and its link pays exactly that (`titres/links.py`). Hors régie the link fills
reference and amount as well; there is no payment key there, because it opens our own look-up only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import segno
from django.conf import settings
from django.db.models import Sum
from django.utils.translation import gettext as _
from django.utils.translation import override

from regal.collectivites import debt_words
from regal.collectivites.debt_words import said
from regal.collectivites.models import Collectivite
from regal.collectivites.reference_forms import BadReferenceForm, InvoiceWords, read_reference
from regal.gateways.base import DebtKind, Environment
from regal.lib import in_words
from regal.lib.money import Money
from regal.lib.references import UnreadableReference
from regal.notices.refusals import NoNotice, Why
from regal.payments.models import Allocation
from regal.payments.queries import live
from regal.reconciliation.comptable import collected_of
from regal.titres.links import payment_link
from regal.titres.models import Collector, Debtor, Titre
from regal.titres.payment_keys import payment_key, printed
from regal.titres.queries import adjusted
from regal.titres.states import State
from regal.titres.words import number_of, word_of

ERROR_LEVEL = "m"
QUIET_ZONE = 4  # modules, as ISO/IEC 18004 asks

_STATES: dict[State, Why] = {
    State.DRAFT: Why.DRAFT,
    State.SUSPENDED: Why.SUSPENDED,
    State.CANCELLED: Why.CANCELLED,
    State.TRANSFERRED: Why.TRANSFERRED,
    State.WRITTEN_OFF: Why.WRITTEN_OFF,
    State.WITHDRAWN: Why.WITHDRAWN,
    State.CLOSED: Why.CLOSED,
    State.REJECTED: Why.REJECTED,
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a titre asks of whom, read whole: what a PDF says, and what a town's own layout is given."""

    titre: Titre
    debtor: Debtor
    due: Money
    paid: Money
    left: Money
    link: str
    reference: str  # as it is printed, and typed
    key: str  # as printed; "" hors régie

    @property
    def is_of_regie(self) -> bool:
        return self.titre.collector == Collector.REGIE

    @property
    def address(self) -> tuple[str, ...]:
        """Its lines, the name first, as an envelope's window shows them."""
        debtor = self.debtor
        city = " ".join(part for part in (debtor.postcode, debtor.city.upper()) if part)
        lines = (debtor.name, *(str(line) for line in debtor.address[:4]), city)
        return tuple(line for line in lines if line.strip())


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One page in words."""

    sender: tuple[str, ...]  # the first is the collectivité
    address: tuple[str, ...]
    marks: tuple[str, ...]  # what must be seen first: a trial
    title: str
    subtitle: str
    amount_name: str
    amount: str
    due: str
    rows: tuple[tuple[str, str], ...]
    sums: tuple[tuple[str, str], ...]  # () when nothing was paid or adjusted
    online_title: str
    scan: str
    code_alt: str
    link: str  # what the code says
    or_type: str
    typed: tuple[tuple[str, str], ...]
    warning: str
    parts: tuple[tuple[str, tuple[str, ...]], ...]  # title, paragraphs
    footer: str

    def data(self) -> dict[str, Any]:
        """What the PDF's page is made of: data, never source."""
        return {
            "sender": self.sender,
            "address": self.address,
            "marks": self.marks,
            "title": self.title,
            "subtitle": self.subtitle,
            "amount_name": self.amount_name,
            "amount": self.amount,
            "due": self.due,
            "rows": self.rows,
            "sums": self.sums,
            "online": {
                "title": self.online_title,
                "scan": self.scan,
                "code": svg_of(self.link),
                "link": self.link,
                "alt": self.code_alt,
                "or_type": self.or_type,
                "typed": self.typed,
                "warning": self.warning,
            },
            "parts": [{"title": title, "lines": lines} for title, lines in self.parts],
            "footer": self.footer,
        }


def code_of(link: str) -> segno.QRCode:
    """The QR code of an address."""
    return segno.make(link, error=ERROR_LEVEL, micro=False, boost_error=False)


def svg_of(link: str) -> str:
    """The same as a drawing, with its quiet zone."""
    drawn = BytesIO()
    code_of(link).save(
        drawn, kind="svg", border=QUIET_ZONE, xmldecl=False, svgclass=None, lineclass=None, light="#fff", omitsize=True
    )
    return drawn.getvalue().decode("ascii")


def read(titres: Sequence[Titre], *, collectivite: Collectivite) -> Iterator[tuple[Titre, Asked | Why]]:
    """What each asks, or why it asks nothing, in their order: some questions for all. Call it inside `tenant()`.

    They come with product and account, régie or budget.
    """
    keys = [titre.pk for titre in titres]
    debtors = {one.titre_id: one for one in Debtor.objects.of(collectivite).filter(titre__in=keys)}
    changes = adjusted(collectivite=collectivite, keys=keys)
    allocated = live(Allocation.objects.of(collectivite).filter(titre__in=keys)).order_by()
    paid = dict(allocated.values_list("titre").annotate(cents=Sum("amount")))
    theirs = [titre.pk for titre in titres if titre.collector == Collector.COMPTABLE]
    if theirs:
        paid |= collected_of(theirs, collectivite=collectivite)
    for titre in titres:
        titre.collectivite = collectivite
        due = titre.amount + changes.get(titre.pk, Money.zero)
        yield titre, _asked(titre, debtors.get(titre.pk), due=due, paid=_euros(paid.get(titre.pk)))


def _euros(told: object) -> Money:
    return told if isinstance(told, Money) else Money(int(str(told or 0)))


def _asked(titre: Titre, debtor: Debtor | None, *, due: Money, paid: Money) -> Asked | Why:
    of_regie = titre.collector == Collector.REGIE
    if not of_regie and paid >= due:  # then the comptable says nothing that the link could follow
        paid = Money.zero
    left = due - paid
    why = why_none(titre, left=left)
    if why is not None:
        return why
    if debtor is None or not debtor.name.strip():
        return Why.NAMELESS
    reference = _printed_reference(titre, left=left)
    if reference is None:
        return Why.NOT_PAYABLE_ONLINE
    return Asked(
        titre=titre,
        debtor=debtor,
        due=due,
        paid=paid,
        left=left,
        link=payment_link(titre),
        reference=reference,
        key=printed(payment_key(titre)) if of_regie else "",
    )


def why_none(titre: Titre, *, left: Money) -> Why | None:
    """Why nobody is asked to pay it, whoever must."""
    if titre.paid_at is not None:
        return Why.PAID
    if titre.status != State.OPEN:
        return _STATES[State(titre.status)]
    return None if left > Money.zero else Why.NOTHING_LEFT


def _printed_reference(titre: Titre, *, left: Money) -> str | None:
    """As its payer types it; None where the product would refuse it, and so would the link."""
    product = titre.product
    try:
        reference, words = read_reference(DebtKind(product.debt_kind), titre.reference), product.words
    except (UnreadableReference, BadReferenceForm):
        return None
    low, high = product.min_amount, product.max_amount
    if (low is not None and left < low) or (high is not None and left > high):
        return None
    if isinstance(words, InvoiceWords):
        fits = words.fit(titre.reference) == titre.reference
        if not fits or product.account.regie_id != titre.regie_id:
            return None
    return reference.printed


def worded(asked: Asked) -> Notice:
    """In French, with the town's word."""
    town = asked.titre.collectivite
    with override("fr"), debt_words.override(town.debt_word), debt_words.override(word_of(asked.titre)):
        return _worded(asked, town)


def _worded(asked: Asked, town: Collectivite) -> Notice:
    titre, product = asked.titre, asked.titre.product
    number = number_of(titre)
    address = guichet_address(town)
    is_test = product.account.environment == Environment.TEST
    typed = [(_reference_name(asked), asked.reference), (_("Montant"), asked.left.format_fr())]
    if asked.key:
        typed.append((_("ou, au lieu du montant, la clé de paiement"), asked.key))
    return Notice(
        sender=tuple(_sender(asked, town)),
        address=asked.address,
        marks=(_("Essai : ne pas envoyer. Aucun argent ne peut être encaissé."),) if is_test else (),
        title=said(_("%(Debt)s à payer")),
        subtitle=said(_("%(Debt)s n° %(number)s"), number=number) if number else "",
        amount_name=_("Reste à payer") if asked.left != asked.titre.amount else _("Montant à payer"),
        amount=asked.left.format_fr(),
        due=_("au plus tard le %(day)s") % {"day": in_words.day(titre.due_on)} if titre.due_on else "",
        rows=tuple(_rows(asked)),
        sums=tuple(_sums(asked)),
        online_title=_("Payer en ligne"),
        scan=_("Scannez ce code avec votre téléphone : tout est déjà rempli."),
        code_alt=said(_("Code QR qui ouvre la page de paiement %(of_the_debt)s %(number)s"), number=number),
        link=asked.link,
        or_type=_("Ou allez sur %(address)s, choisissez « %(product)s », et tapez :")
        % {"address": address, "product": product.name},
        typed=tuple(typed),
        warning=_("Qui détient cet avis peut payer et lire ce qui est dû : ne le publiez pas."),
        parts=tuple(_parts(asked, town)),
        footer=said(_("%(town)s – %(debt)s %(number)s"), town=town.name, number=number),
    )


def _sender(asked: Asked, town: Collectivite) -> Iterator[str]:
    yield town.name
    titre = asked.titre
    if titre.regie is not None:
        yield titre.regie.name
    elif titre.budget is not None:
        yield titre.budget.name


def _rows(asked: Asked) -> Iterator[tuple[str, str]]:
    titre = asked.titre
    yield _("Objet"), titre.label
    yield _("Exercice"), str(titre.exercice)
    yield _("Date d’émission"), in_words.day(titre.issued_on)
    if titre.due_on is not None:
        yield _("Date limite de paiement"), in_words.day(titre.due_on)


def _sums(asked: Asked) -> Iterator[tuple[str, str]]:
    issued = asked.titre.amount
    if asked.due == issued and asked.paid == Money.zero:
        return
    yield _("Montant émis"), issued.format_fr()
    if asked.due < issued:
        yield _("Réductions"), f"− {(issued - asked.due).format_fr()}"
    elif asked.due > issued:
        yield _("Compléments"), f"+ {(asked.due - issued).format_fr()}"
    if asked.paid > Money.zero:
        yield _("Déjà payé"), f"− {asked.paid.format_fr()}"
    yield _("Reste à payer"), asked.left.format_fr()


def _parts(asked: Asked, town: Collectivite) -> Iterator[tuple[str, tuple[str, ...]]]:
    titre = asked.titre
    if titre.regie is not None and titre.regie.other_means:
        yield _("Autres moyens de payer"), tuple(titre.regie.other_means.splitlines())
    elif not asked.is_of_regie:
        yield (
            _("Autres moyens de payer"),
            (said(_("Auprès du comptable public, comme il est dit sur %(the_debt)s qu’il vous a envoyé.")),),
        )
    yield _("Une question ?"), (town.contact or _("Demandez au service qui vous envoie cet avis."),)


def _reference_name(asked: Asked) -> str:
    words = asked.titre.product.words
    if isinstance(words, InvoiceWords):
        return words.number_name or said(_("Numéro %(of_the_debt)s"))
    return _("Référence")


def guichet_address(town: Collectivite) -> str:
    """The town's guichet, short enough to be typed."""
    return f"{settings.GUICHET_URL.removeprefix('https://')}/{town.slug}/"


def asked_of(titre: Titre) -> Asked:
    """What one titre asks. Raises NoNotice. Call it inside `tenant()`."""
    ((_titre, told),) = read([titre], collectivite=titre.collectivite)
    if isinstance(told, Why):
        raise NoNotice(told)
    return told
