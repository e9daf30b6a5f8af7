"""Several invoices of one product in one payment: the list, which travels sealed in the recap's token, and its recap.

Each was looked up before it came in (`several.py`), and is looked up again before its payer leaves. Each is paid whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from regal.checkout.flow import BadToken, ExpiredToken, Recap, unseal
from regal.checkout.forms import DebtForm, OneMoreForm
from regal.checkout.town import Town, situation_of
from regal.checkout.ways import Again, ByForm, as_typed, may_pay_several, notice_of
from regal.collectivites.models import Product
from regal.collectivites.reference_forms import read_reference
from regal.gateways.base import DebtKind
from regal.lib import paris
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt
from regal.payments.operations import PaymentOrder
from regal.payments.queries import LookUp, Situation, look_up
from regal.payments.refusals import CannotHandOff
from regal.payments.shares import MOST_AT_ONCE, Part, own_reference, several_of, shares_of
from regal.titres.models import Titre

WITH = "avec"  # the field that carries the sealed list while its payer mends the first invoice or his address


@dataclass(frozen=True, kw_only=True)
class Line:
    """One invoice of the list."""

    place: int
    reference: str  # as printed
    amount: Money
    found: LookUp | None = None  # why it cannot be paid now
    since: datetime | None = None  # paid
    until: datetime | None = None  # held


class Together(ByForm):
    """By the form, with others: what is confirmed is the list."""

    def __init__(self, town: Town, request: HttpRequest, product: Product, *, form: DebtForm, recap: Recap) -> None:
        super().__init__(town, request, product, form=form, recap=recap)
        self.amount = recap.total
        self.one_more = OneMoreForm(product=product, latest=paris.exercice(town.now))
        self.found: list[LookUp] = []

    def look_up(self, *, now: datetime) -> LookUp:
        """What our own base says of each; the first that cannot be paid, or the first of them."""
        with tenant(self.town.collectivite):
            self.found = [
                look_up(product=self.product, reference=reference, amount=Money(cents), now=now)
                for reference, cents in self.recap.every
            ]
        refused = (found for found in self.found if found.situation is not Situation.PAYABLE)
        return next(refused, self.found[0])

    def order(self, titre: Titre | None) -> PaymentOrder:
        """Of what was just looked up; of none, for the second click of one press."""
        order = super().order(titre)
        parts = [
            Part(titre=found.titre, amount=Money(cents))
            for found, (_reference, cents) in zip(self.found, self.recap.every, strict=False)
            if found.titre is not None
        ]
        return replace(
            order,
            debt_reference=own_reference(self.flow_token),
            amount=self.amount,
            several=tuple(parts) if titre is not None else (),
        )

    def context(self) -> dict[str, Any]:
        address = reverse("several", args=[self.town.collectivite.slug, self.product.slug])
        return super().context() | {
            "amount": self.amount,
            "shown_reference": ", ".join(line.reference for line in self.lines()),
            "again": {"action": address, "hidden": self.hidden(is_fresh=True)},
            "correct": {"action": address, "hidden": self.hidden()},
            "languages": {"name": "several", "argument": self.product.slug, "hidden": self.hidden()},
        }

    def lines(self) -> list[Line]:
        """The list as its page and its recap show it."""
        kind = DebtKind(self.product.debt_kind)
        refused: list[LookUp | None] = [None if one.situation is Situation.PAYABLE else one for one in self.found] or [
            None
        ] * len(self.recap.every)
        return [
            Line(
                place=place,
                reference=read_reference(kind, reference).printed,
                amount=Money(cents),
                found=found,
                since=self.paid_since(found) if found else None,
                until=self.held_until(found) if found else None,
            )
            for place, ((reference, cents), found) in enumerate(zip(self.recap.every, refused, strict=True), start=1)
        ]

    def list_page(self, *, notice: str = "", status: int = 200) -> HttpResponse:
        """The list, and the form for one more; `notice` is "added", "removed", "expired", "refused", "contract",
        "too_much", "not_together" or nothing."""
        form = self.one_more
        lines = self.lines()
        context = {
            "lines": lines,
            "total": self.amount,
            "is_full": len(lines) >= MOST_AT_ONCE,
            "most": MOST_AT_ONCE,
            "are_several": len(lines) > 1,
            "form": form,
            "wrong": form.wrong,
            "refused": [line for line in lines if line.found is not None],
            "notice": notice,
            "hidden": self.hidden(),
            "action_of_list": reverse("several", args=[self.town.collectivite.slug, self.product.slug]),
        }
        return self._page("checkout/several.html", context, status=status)

    def recap_page(self, titre: Titre | None, *, wrong: str = "", part: str = "") -> HttpResponse:
        """All of them and what they come to; it tells of an earlier attempt on any."""
        titre_ids = [found.titre.pk for found in self.found if found.titre is not None]
        earlier = self._earlier(*titre_ids)
        self.recap = replace(self.recap, told_of_earlier=earlier is not None)
        about = []
        if earlier is not None:
            with tenant(self.town.collectivite):
                on = {share.titre_id for share in shares_of(earlier)}
            about = [
                line
                for line, found in zip(self.lines(), self.found, strict=True)
                if found.titre and found.titre.pk in on
            ]
        context = {
            "recap": self.recap,
            "lines": self.lines(),
            "total": self.amount,
            "hidden": self.hidden(),
            "recap_hidden": self.hidden() | {"continuer": "1"},
            "earlier": earlier,
            "earlier_situation": situation_of(earlier) if earlier else "",
            "about": about,
        }
        return self._page("checkout/several_recap.html", context)

    def answer_to(self, found: LookUp) -> HttpResponse:
        """The recap, or the list with what cannot be paid now: the others stay."""
        if found.situation is Situation.PAYABLE:
            return self.recap_page(found.titre)
        return self.list_page(status=409)

    def is_well_typed(self) -> bool:
        """Each suits the product's terms, and all may be paid together: both may have changed meanwhile."""
        references = {reference for reference, _cents in self.recap.every}
        if not len(references) == len(self.recap.every) <= MOST_AT_ONCE:
            return False
        return may_pay_several(self.town, self.product) and all(
            self.town.form(self.product, as_typed(replace(self.recap, **_as_first(one)), self.product)).is_valid()
            for one in self.recap.every
        )

    def mend_page(self) -> HttpResponse:
        return self.list_page(notice="not_together", status=422)

    def expired_page(self) -> HttpResponse:
        return self.list_page(notice="expired", status=409)

    def refused_page(self, refusal: CannotHandOff) -> HttpResponse:
        """Each alone was accepted: it is their sum, or the address, or our contract."""
        if refusal.reason in ("amount_out_of_bounds", "payfip_M1", "payfip_M5"):
            return self.list_page(notice="too_much", status=422)
        if self.form.accuse(refusal.reason):
            self.form.carried = {WITH: self.hidden()["token"]}
            return self.town.form_page(self.request, self.product, self.form, status=422)
        return self.list_page(notice=notice_of(refusal), status=422)

    def not_found_page(self) -> HttpResponse:
        return self.list_page(status=409)


class AgainTogether(Again):
    """Again, the same several: each is looked up as if it were typed."""

    found: list[LookUp]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        with tenant(self.town.collectivite):
            self.shares = several_of(self.attempt)
        self.found = []

    def look_up(self, *, now: datetime) -> LookUp:
        with tenant(self.town.collectivite):
            self.found = [
                look_up(product=self.product, reference=share.titre.reference, amount=share.amount, now=now)
                for share in self.shares
            ]
        refused = (found for found in self.found if found.situation is not Situation.PAYABLE)
        return next(refused, self.found[0])

    def order(self, titre: Titre | None) -> PaymentOrder:
        parts = [
            Part(titre=found.titre, amount=share.amount)
            for found, share in zip(self.found, self.shares, strict=False)
            if found.titre is not None
        ]
        return replace(
            super().order(titre),
            debt_reference=own_reference(self.flow_token),
            several=tuple(parts) if titre is not None else (),
        )

    def context(self) -> dict[str, Any]:
        tails = ", ".join(f"…{share.reference_tail}" for share in self.shares)
        return super().context() | {"shown_reference": tails, "shares": self.shares}

    def page(self, *, notice: str = "", status: int = 200) -> HttpResponse:
        """Its régie may have stopped taking several together since they were paid the first time."""
        if may_pay_several(self.town, self.product):
            return super().page(notice=notice, status=status)
        return super().page(notice="not_together", status=409)

    def answer_to(self, found: LookUp) -> HttpResponse:
        """One that cannot be paid any more stops all: its payer begins a list without it."""
        if found.situation is Situation.PAYABLE:
            return super().answer_to(found)
        place = next(place for place, one in enumerate(self.found) if one is found)
        self.reference, self.amount = self.attempt.debt_reference, self.shares[place].amount
        tail = self.shares[place].reference_tail
        return self._not_payable_page(found, shown_reference=f"…{tail}", amount=self.amount)


def again_of(attempt: Attempt) -> type[Again]:
    """The way of one debt, or of several together. Call it inside `tenant()`."""
    return AgainTogether if several_of(attempt) else Again


def _as_first(one: tuple[str, int]) -> dict[str, Any]:
    reference, cents = one
    return {"debt_reference": reference, "amount_cents": cents, "due_cents": None, "key": "", "more": []}


def way_of(town: Town, request: HttpRequest, product: Product, *, form: DebtForm, recap: Recap) -> ByForm:
    """The way of one debt, or of several together."""
    way = Together if recap.more else ByForm
    return way(town, request, product, form=form, recap=recap)


def more_in(request: HttpRequest, product: Product, *, now: datetime) -> list[tuple[str, int]]:
    """The other invoices that a form carries unseen; none where it carries nothing that we sealed."""
    return _unsealed(request.POST, product, now=now)


def _unsealed(posted: Mapping[str, str], product: Product, *, now: datetime) -> list[tuple[str, int]]:
    try:
        recap = unseal(posted.get(WITH, ""), product=product, now=now)
    except ExpiredToken as expired:
        recap = expired.recap
    except BadToken:
        return []
    return [(reference, cents) for reference, cents in recap.more]


def alone(recap: Recap) -> Recap:
    """The first of them, and no other: what the form and its recap speak of."""
    return replace(recap, more=[])


def without(recap: Recap, place: int) -> Recap:
    """The list less one, if another stays."""
    kept = [one for number, one in enumerate(recap.every, start=1) if number != place]
    return with_list(recap, kept) if kept else recap


def with_list(recap: Recap, every: list[tuple[str, int]]) -> Recap:
    """The same payer, for these invoices."""
    (reference, cents), *more = every
    return replace(recap, **(_as_first((reference, cents)) | {"more": more}))
