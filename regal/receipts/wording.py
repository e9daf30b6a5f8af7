"""What a ticket says: one list of lines, laid out as text, as HTML and as a PDF.

Everything is read and worded at once, in the payer's language and with the town's word; laying it out reads nothing
more. The HTML holds no picture and no address of elsewhere, and leaves colours to the reader's program.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db.models import Sum
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import override

from regal.collectivites import debt_words
from regal.collectivites.debt_words import said
from regal.collectivites.models import Collectivite
from regal.gateways.base import Environment, Means, Outcome
from regal.lib import in_words, pdf
from regal.lib.email_address import UnreadableEmail, normalise_email
from regal.lib.money import Money
from regal.payments.models import Allocation, Attempt, Evidence, Reversal, Settlement, Share
from regal.payments.shares import several_of
from regal.receipts.models import Ticket
from regal.receipts.queries import address_of

TEMPLATE = Path(__file__).with_name("ticket.typ")
BY_CARD = "paybox"  # a bank's contract

_FONT = "font-family:sans-serif;font-size:1rem;line-height:1.5"
_CELL = "padding:0.25em 1em 0.25em 0;text-align:left;vertical-align:top;overflow-wrap:anywhere"


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A ticket in words, and whom it goes to."""

    attempt_id: int
    to: str
    sender: str
    reply_to: str
    language: str
    subject: str
    title: str
    marks: tuple[str, ...]  # what must be seen first: a trial, a copy
    lead: str
    rows: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    file_name: str
    dated: datetime  # of the PDF: the same ticket gives the same bytes

    def text(self) -> str:
        """Plain text."""
        with override(self.language):
            rows = "\n".join(_("%(name)s : %(value)s") % {"name": name, "value": value} for name, value in self.rows)
        return "\n\n".join([*self.marks, self.title, self.lead, rows, *self.notes]) + "\n"

    def html(self) -> str:
        """A whole page, for a program that shows e-mail."""
        return format_html(
            '<!doctype html><html lang="{}"><head><meta charset="utf-8"><title>{}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark"></head>'
            '<body style="margin:0"><div lang="{}" style="max-width:36em;margin:0 auto;padding:1em;{}">'
            '{}<h1 style="font-size:1.4rem;line-height:1.25">{}</h1><p>{}</p>'
            '<table style="border-collapse:collapse;{}">{}</table>{}</div></body></html>',
            self.language,
            self.subject,
            self.language,
            _FONT,
            format_html_join("", "<p><strong>{}</strong></p>", ((mark,) for mark in self.marks)),
            self.title,
            self.lead,
            _FONT,
            format_html_join(
                "",
                '<tr><th scope="row" style="{}">{}</th><td style="{}">{}</td></tr>',
                ((_CELL, name, _CELL, value) for name, value in self.rows),
            ),
            format_html_join("", "<p>{}</p>", ((note,) for note in self.notes)),
        )

    def data(self) -> str:
        """What the PDF is made of: data, never source."""
        told = {
            "lang": self.language,
            "town": self.sender,
            "subject": self.subject,
            "title": self.title,
            "marks": self.marks,
            "lead": self.lead,
            "rows": self.rows,
            "notes": self.notes,
        }
        return json.dumps(told, ensure_ascii=False)

    def pdf(self) -> bytes:
        """A tagged PDF (PDF/UA-1) with its fonts inside."""
        return pdf.compiled(TEMPLATE, data=self.data(), dated=self.dated)


def letter_about(ticket: Ticket) -> Letter | None:
    """What a ticket says now; None once the payer's address is purged. Call it inside `tenant()`."""
    of_town = Settlement.objects.filter(collectivite=ticket.collectivite_id)
    settlement = of_town.select_related(
        "collectivite", "attempt__account__regie", "attempt__product", "attempt__titre", "evidence"
    ).get(pk=ticket.settlement_id)
    attempt = settlement.attempt
    to = address_of(attempt)
    if not to:
        return None
    with override(attempt.language), debt_words.override(settlement.collectivite.debt_word):
        return _worded(ticket, settlement, attempt, to=to)


def _worded(ticket: Ticket, settlement: Settlement, attempt: Attempt, *, to: str) -> Letter:
    town = settlement.collectivite
    is_test = settlement.environment == Environment.TEST
    facts = facts_of(settlement, attempt)
    reversal = Reversal.objects.filter(collectivite=town.pk, settlement=settlement).first()
    told = {"amount": _euros(settlement.amount), "town": town.name, "moment": in_words.instant(settlement.occurred_at)}
    subject = (
        _("DUPLICATA du ticket de paiement : %(amount)s, %(town)s")
        if ticket.is_copy
        else _("Ticket de paiement : %(amount)s, %(town)s")
    )
    subject %= told
    marks = []
    if is_test:
        marks.append(_("Essai : aucun argent n’a été encaissé."))
        subject = _("Essai : aucun argent n’a été encaissé. %(subject)s") % {"subject": subject}
    if ticket.is_copy:
        day = in_words.instant(ticket.owed_at)
        marks.append(_("DUPLICATA du %(day)s. Ce n’est pas un second paiement.") % {"day": day})
    title, lead = _("Votre paiement est confirmé"), _("Votre paiement de %(amount)s, fait le %(moment)s, est confirmé.")
    if reversal is not None:
        title = _("Votre paiement est annulé")
        lead = _("Votre paiement de %(amount)s, fait le %(moment)s, est annulé depuis le %(day)s : il ne compte plus.")
        told["day"] = in_words.day(reversal.accounting_day)
    elif is_test:
        title, lead = _("Essai de paiement accepté"), _("Cet essai de %(amount)s, fait le %(moment)s, est accepté.")
    elif attempt.is_provisional:
        title = _("Votre paiement est accepté par la banque")
        lead = _(
            "La banque a accepté votre paiement de %(amount)s le %(moment)s. Elle le confirme d’habitude le lendemain,"
            " directement à la régie : vous n’avez rien d’autre à faire."
        )
    allocated, excess = _parts(settlement)
    several = several_of(attempt)
    return Letter(
        attempt_id=attempt.pk,
        to=to,
        sender=town.name,
        reply_to=_address_in(town.contact),
        language=attempt.language,
        subject=subject,
        title=title,
        marks=tuple(marks),
        lead=lead % told,
        rows=tuple(_rows(settlement, attempt, facts, allocated=allocated, excess=excess, several=several)),
        notes=tuple(
            _notes(
                town, attempt, facts, excess=excess, counts=reversal is None and not is_test, are_several=bool(several)
            )
        ),
        file_name=_("ticket-de-paiement-%(number)s.pdf") % {"number": attempt.pk},
        dated=settlement.recorded_at,
    )


def _rows(
    settlement: Settlement,
    attempt: Attempt,
    facts: dict[str, str],
    *,
    allocated: Money,
    excess: Money,
    several: list[Share],
) -> list[tuple[str, str]]:
    regie, titre = attempt.account.regie, attempt.titre
    is_by_card = attempt.account.gateway == BY_CARD
    means = {Means.CARD.value: _("carte bancaire"), Means.DIRECT_DEBIT.value: _("prélèvement")}
    rows = [
        (_("Collectivité"), settlement.collectivite.name),
        (_("Régie"), regie.name if regie is not None else ""),
        (_("Produit"), attempt.product.name),
        *(_rows_of_each(several) or [(debt_words.forms()["Debt"], titre.number), (_("Objet"), titre.label)]),
        (_("Montant payé"), _euros(settlement.amount)),
        (
            said(_("Compté pour ces %(debts)s")) if several else said(_("Compté pour %(the_debt)s")),
            _euros(allocated) if allocated > Money.zero else "",
        ),
        (_("Payé en trop"), _euros(excess) if excess > Money.zero else ""),
        (_("Moyen de paiement"), means.get(facts.get("means", Means.CARD.value if is_by_card else ""), "")),
        (_("Date et heure"), in_words.instant(settlement.occurred_at)),
        (_("Numéro d’autorisation"), facts.get("authorisation", "")),
    ]
    if is_by_card:
        rows.append((_("Numéro de transaction"), settlement.transaction or facts.get("transaction", "")))
    else:
        rows.append((_("Numéro d’opération PayFiP"), attempt.key))
    return [(name, value) for name, value in rows if value]


def _rows_of_each(several: list[Share]) -> list[tuple[str, str]]:
    """Of a payment of several: each with its number, what it is for, and what was paid of it."""
    named = _("%(number)s, %(label)s : %(amount)s")
    return [
        (
            debt_words.forms()["Debt"],
            named % {"number": one.titre.number, "label": one.titre.label, "amount": _euros(one.amount)},
        )
        for one in several
    ]


def _notes(
    town: Collectivite,
    attempt: Attempt,
    facts: dict[str, str],
    *,
    excess: Money,
    counts: bool,
    are_several: bool,
) -> list[str]:
    notes = []
    if excess > Money.zero and counts and are_several:
        notes.append(
            said(
                _(
                    "%(amount)s sont en trop : une partie de ces %(debts)s n’était plus à payer quand le paiement est"
                    " arrivé. La régie en est avertie, et vous dira comment cette somme vous est rendue."
                ),
                amount=_euros(excess),
            )
        )
    elif excess > Money.zero and counts:
        notes.append(
            said(
                _(
                    "%(amount)s sont en trop : %(the_debt)s n’était plus à payer de cette somme quand le paiement est"
                    " arrivé. La régie en est avertie, et vous dira comment cette somme vous est rendue."
                ),
                amount=_euros(excess),
            )
        )
    if facts.get("means") == Means.DIRECT_DEBIT and counts:
        notes.append(
            _("Votre banque fera ce prélèvement dans les jours qui viennent. Si elle le rejette, la somme reste due.")
        )
    notes.append(_("Ce ticket n’est pas une quittance."))
    if attempt.account.gateway == BY_CARD:
        notes.append(_("Le service de paiement de la banque vous envoie aussi son propre message."))
    else:
        notes.append(_("PayFiP vous envoie aussi son propre message."))
    if town.contact:
        notes.append(_("Une question ? %(contact)s") % {"contact": town.contact})
    else:
        notes.append(said(_("Une question ? Demandez au service qui a envoyé %(the_debt)s.")))
    notes.append(_("Ce message part tout seul, à l’adresse donnée pour ce paiement."))
    return notes


def _parts(settlement: Settlement) -> tuple[Money, Money]:
    """What extinguished the debt when it came, and what was too much. Test money pays nothing."""
    if settlement.environment == Environment.TEST:
        return Money.zero, Money.zero
    allocations = Allocation.objects.filter(collectivite=settlement.collectivite_id, settlement=settlement)
    allocated = allocations.aggregate(cents=Sum("amount"))["cents"] or Money.zero
    return allocated, settlement.amount - allocated


def facts_of(settlement: Settlement, attempt: Attempt) -> dict[str, str]:
    """What the evidence says of how it was paid: that which settled first, then whatever else says paid."""
    paid = Evidence.objects.filter(
        collectivite=attempt.collectivite_id, attempt=attempt, verdict=Evidence.Verdict.FITS, outcome=Outcome.PAID
    ).order_by("pk")
    told: dict[str, str] = {}
    for one in (settlement.evidence, *paid):
        for name in ("means", "authorisation", "transaction"):
            if (value := one.facts.get(name)) and name not in told:
                told[name] = str(value)
    return told


def _euros(amount: Money) -> str:
    return amount.format_en() if in_words.is_english() else amount.format_fr()


def _address_in(contact: str) -> str:
    """The e-mail address that a contact names, if it names one."""
    for word in contact.split():
        try:
            return normalise_email(word.strip("<>(),;:."))
        except UnreadableEmail:
            continue
    return ""
