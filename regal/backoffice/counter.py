"""Money received otherwise than online: its entry on an invoice, what came on one day, and a reversal."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import BigIntegerField, Count, Sum
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from regal.backoffice import pages
from regal.backoffice.counter_forms import DayForm, HiddenForm, ReceiptForm, ReversalForm
from regal.backoffice.policies import BureauRequest, may_move_money, money_is_not_for
from regal.backoffice.queries import Tally
from regal.backoffice.redirects import see_other, see_page
from regal.backoffice.titre_queries import allocations_of, debtor_of, erased_among, titre_numbered
from regal.collectivites import debt_words
from regal.collectivites.debt_words import said
from regal.collectivites.models import Product
from regal.gateways.base import Environment
from regal.lib import in_words, paris, tokens
from regal.lib.money import Money
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import HasKey, tenant
from regal.payments.counter import record_receipt
from regal.payments.models import Allocation, CounterPerson, CounterReceipt, Means, Reversal, Settlement
from regal.payments.queries import balance_of, still_counting
from regal.payments.reversing import causes_of
from regal.payments.reversing import reverse as reverse_settlement
from regal.payments.shares import several_of
from regal.receipts.quittance_queries import quittances_of
from regal.titres.models import Collector, Titre
from regal.titres.refusals import Refusal
from regal.titres.states import State
from regal.titres.words import NAMES, name_of, number_of, short_name_of, word_of

MOST_SHOWN = 500  # receipts of one day

# What the page of an invoice needs


@dataclass(frozen=True, kw_only=True)
class Move:
    """Money that came for an invoice, or went: a line of its history."""

    at: datetime
    title: str
    amount: Money  # what it extinguished; negative: what is due again
    text: str = ""
    payment: int | None = None  # the online payment it speaks of
    settlement: int | None = None  # what can be reversed still
    came_in: int | None = None  # what it speaks of, where it came in


def can_receive(titre: Titre) -> bool:
    """Whether money may be received for it at the counter."""
    is_due = titre.paid_at is None and titre.status in (State.OPEN, State.SUSPENDED)
    return is_due and titre.collector == Collector.REGIE


def moves_of(titre: Titre) -> list[Move]:
    """What payments did to an invoice, in order. Call it inside `tenant()`."""
    gone = {one.settlement_id: one for one in reversals_on(titre)}
    moves = []
    for allocation in allocations_of(titre):
        settlement = allocation.settlement
        title = _("Paiement confirmé : %(amount)s") % {"amount": in_words.euros(allocation.amount)}
        text = ""
        if (receipt := settlement.receipt) is not None:
            told = {
                "means": Means(receipt.means).label,
                "who": receipt.made_by or "REGAL",
                "amount": in_words.euros(allocation.amount),
            }
            title = _("Encaissé (%(means)s) par %(who)s : %(amount)s") % told
            text = _voucher(receipt)
        counts = settlement.pk not in gone
        moves.append(
            Move(
                at=allocation.recorded_at,
                title=title,
                amount=allocation.amount,
                text=text,
                payment=settlement.attempt_id,
                settlement=settlement.pk if counts else None,
                came_in=settlement.pk,
            )
        )
        if not counts:
            reversal = gone[settlement.pk]
            told = {
                "who": reversal.made_by or "REGAL",
                "cause": reversal.get_cause_display(),
                "amount": in_words.euros(allocation.amount),
            }
            moves.append(
                Move(
                    at=reversal.made_at,
                    title=_("Annulé par %(who)s, %(cause)s : − %(amount)s") % told,
                    amount=-allocation.amount,
                    text=reversal.reason,
                )
            )
    return moves


def reversals_on(titre: Titre) -> list[Reversal]:
    """The reversals of what had extinguished it, in order."""
    allocated = Allocation.objects.filter(collectivite=titre.collectivite_id, titre=titre)
    found = Reversal.objects.filter(collectivite=titre.collectivite_id, settlement__in=allocated.values("settlement"))
    return list(found.select_related("made_by").order_by("pk"))


def count_of_moves(titre: Titre) -> int:
    """How many lines payments have in its history: it only grows."""
    return allocations_of(titre).count() + len(reversals_on(titre))


def _voucher(receipt: CounterReceipt) -> str:
    """What was kept with the money, in one line."""
    told = [
        _("reçu le %(day)s") % {"day": in_words.day(receipt.received_on)},
        receipt.bank,
        _("pièce %(number)s") % {"number": receipt.piece} if receipt.piece else "",
        _("quittance %(number)s") % {"number": receipt.book_number} if receipt.book_number else "",
    ]
    return ", ".join(one for one in told if one)


# The entry


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG, is_the_town_s=True)
@require_http_methods(["GET", "HEAD", "POST"])
def receive_money(request: BureauRequest, slug: str, titre_id: int) -> HttpResponse:
    """Enter what was received for an invoice, with its voucher; sent twice it is entered once."""
    town, now = request.collectivite, pages.clock()
    with tenant(town):
        titre = titre_numbered(collectivite=town, titre_id=titre_id)
        if titre is None:
            raise Http404
        left = balance_of(titre)
    is_held = titre.is_held(now)
    data = request.POST if request.method == "POST" else None
    initial = {"jour": paris.today(now), "montant": _plain(left)}
    form = ReceiptForm(data, is_held=is_held, initial=initial)
    if data is not None:
        hidden = HiddenForm(data)
        if not hidden.is_valid():
            raise BadRequest("not what the page showed")
        if form.is_valid():
            try:
                record_receipt(
                    titre=titre,
                    form_token=hidden.cleaned_data["jeton"],
                    left_shown=Money(hidden.cleaned_data["reste"]),
                    now=now,
                    actor_id=request.user.pk,
                    **form.told,
                )
            except Refusal as refusal:
                with tenant(town):  # somebody may have begun or ended a payment since
                    titre = titre_numbered(collectivite=town, titre_id=titre.pk) or titre
                    left = balance_of(titre)
                if titre.is_held(now) and not is_held:
                    form = ReceiptForm(data, is_held=True)
                    form.is_valid()
                form.refuse(refusal)
            else:
                messages.success(request, _("%(amount)s encaissés.") % {"amount": in_words.euros(form.told["amount"])})
                return see_page("titre", slug, titre.pk)
    with tenant(town):
        debtor = debtor_of(titre)
        erased_at = erased_among([titre], collectivite=town).get(titre.pk)
    context = {
        "form": form,
        "titre": titre,
        "name": name_of(titre),
        "number": number_of(titre),
        "why_not": _why_not(titre) or money_is_not_for(request),
        "debtor": debtor,
        "erased_at": erased_at,
        "left": left,
        "held_until": titre.held_until if titre.is_held(now) else None,
        "can_receive": can_receive(titre) and may_move_money(request),
        "in_parts": titre.product.partial_payment,
        "token": data["jeton"] if data is not None else tokens.new_token(),
    }
    context["Debts"] = debt_words.forms()["Debts"]  # the menu's, whatever this one is
    with debt_words.override(word_of(titre)):
        return render(request, "backoffice/receive_money.html", context, status=422 if form.errors else 200)


def _why_not(titre: Titre) -> str:
    """Why nothing is received for it, and what to do instead; "" where money may be received."""
    if can_receive(titre):
        return ""
    if titre.collector != Collector.REGIE or titre.status == State.TRANSFERRED:
        return _("Le comptable public encaisse cette dette : adressez-lui le payeur.")
    if titre.paid_at is not None:
        return said(_("%(The_debt)s est payé%(e)s : rien ne s’y encaisse plus."))
    if titre.status == State.DRAFT:
        return said(_("%(The_debt)s est un brouillon : émettez-le, puis encaissez."))
    state = NAMES[State(titre.status)]
    return said(_("%(The_debt)s est « %(state)s » : rien ne s’y encaisse."), state=state)


def _plain(amount: Money) -> str:
    euros, cents = divmod(max(amount.cents, 0), 100)
    return f"{euros},{cents:02d}"


# What came on one day


@dataclass(frozen=True, kw_only=True)
class ReceiptLine:
    """One receipt as the list shows it."""

    settlement: int
    titre: Titre
    name: str
    means: str
    amount: Money
    voucher: str
    who: str
    reversal: Reversal | None
    quittance: str  # its number


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def receipts(request: BureauRequest, slug: str) -> HttpResponse:
    """What was received on one day otherwise than online, by means; what was reversed is shown, and not counted."""
    town, today = request.collectivite, paris.today(pages.clock())
    form = DayForm({"jour": today.isoformat()} | request.GET.dict())
    form.is_valid()
    day: date = form.cleaned_data.get("jour") or today
    means = form.cleaned_data.get("moyen") or ""
    with tenant(town):
        lines, totals = _received(town, day, means)
        regies = Product.objects.of(town).filter(debt_kind="regie").exists()
    address = reverse("receipts", args=[slug])

    def at(other: date) -> str:
        return address + "?" + urlencode({"jour": other.isoformat()} | ({"moyen": means} if means else {}))

    first, last = date(2000, 1, 2), today
    context = {
        "receipts": address,
        "form": form,
        "wrong": [(form[name].id_for_label, str(one)) for name, told in form.errors.items() for one in told],
        "day": day,
        "means": means,
        "lines": lines[:MOST_SHOWN],
        "has_more": len(lines) > MOST_SHOWN,
        "totals": totals,
        "whole": sum((tally for _name, tally in totals), Tally()),
        "has_regies": regies or bool(lines),
        "earlier": at(day - timedelta(days=1)) if first < day else "",
        "later": at(day + timedelta(days=1)) if day < last else "",
        "may_issue": may_move_money(request),
    }
    return render(request, "backoffice/receipts.html", context)


def _received(town: HasKey, day: date, means: str) -> tuple[list[ReceiptLine], list[tuple[str, Tally]]]:
    found = Settlement.objects.of(town).filter(receipt__received_on=day)
    if means:
        found = found.filter(receipt__means=means)
    shown = list(found.select_related("receipt__titre", "receipt__made_by").order_by("-pk")[: MOST_SHOWN + 1])
    keys = [one.pk for one in shown]
    gone = {one.settlement_id: one for one in Reversal.objects.of(town).filter(settlement__in=keys)}
    given = quittances_of(keys, collectivite=town)
    lines = [
        ReceiptLine(
            settlement=one.pk,
            titre=one.receipt.titre,
            name=short_name_of(one.receipt.titre),
            means=str(Means(one.receipt.means).label),
            amount=one.amount,
            voucher=_voucher(one.receipt),
            who=str(one.receipt.made_by or "REGAL"),
            reversal=gone.get(one.pk),
            quittance=given[one.pk].printed if one.pk in given else "",
        )
        for one in shown
    ]
    summed = still_counting(found).order_by().values_list("receipt__means")
    by_means = {
        name: Tally(count=count, amount=Money(int(cents)))
        for name, count, cents in summed.annotate(count=Count("*"), cents=Sum("amount", output_field=BigIntegerField()))
    }
    return lines, [(str(one.label), by_means[one]) for one in Means if one in by_means]


# The reversal


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG, is_the_town_s=True)
@require_http_methods(["GET", "HEAD", "POST"])
def reverse_money(request: BureauRequest, slug: str, settlement_id: int) -> HttpResponse:
    """Record that money counts no more: what it was, why, one button."""
    town, now = request.collectivite, pages.clock()
    with tenant(town):
        found = Settlement.objects.of(town).select_related(
            "receipt__made_by", "receipt__titre", "attempt__titre", "attempt__account"
        )
        settlement = found.filter(pk=settlement_id).first()
        if settlement is None or settlement.environment == Environment.TEST:
            raise Http404
        reversal = Reversal.objects.of(town).select_related("made_by").filter(settlement=settlement).first()
        person = CounterPerson.objects.of(town).filter(receipt=settlement.receipt_id or 0).first()
        shares = several_of(settlement.attempt) if settlement.attempt is not None else []
    receipt, attempt = settlement.receipt, settlement.attempt
    titre = receipt.titre if receipt is not None else attempt.titre
    back = reverse("titre", args=[slug, titre.pk]) if titre is not None else reverse("payment", args=[slug, attempt.pk])
    form = ReversalForm(request.POST if request.method == "POST" else None, causes=causes_of(settlement))
    if request.method == "POST" and form.is_valid():
        try:
            reverse_settlement(
                settlement=settlement,
                cause=form.cleaned_data["cause"],
                reason=form.cleaned_data["motif"],
                now=now,
                actor_id=request.user.pk,
            )
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            messages.success(
                request, _("Encaissement annulé : %(amount)s.") % {"amount": in_words.euros(settlement.amount)}
            )
            return see_other(back)
    context = {
        "form": form,
        "settlement": settlement,
        "means": Means(receipt.means).label if receipt is not None else _("paiement en ligne"),
        "voucher": _voucher(receipt) if receipt is not None else "",
        "person": person,
        "titre": titre,
        "shares": shares,
        "name": name_of(titre) if titre is not None else "",
        "reversal": reversal,
        "why_not": money_is_not_for(request),
        "back": back,
    }
    return render(request, "backoffice/reverse_money.html", context, status=422 if form.errors else 200)
