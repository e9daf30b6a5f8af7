"""How a payer leaves for the gateway: by the form and its recap, or again from an attempt's own page.

`set_off` is one for both; each way has its own pages. Whatever goes wrong, what was typed is kept, and the page says
whether something was paid.
"""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.log import log_response
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from regal.checkout.address import LINES, address_in, billing_of
from regal.checkout.by_card import display_of, is_by_card
from regal.checkout.flow import AgainToken, Recap, seal, seal_again, seal_ticket
from regal.checkout.forms import FORMS, OUR_CONTRACT, DebtForm, EmailForm, InvoiceForm
from regal.checkout.town import Town, situation_of
from regal.collectivites.models import Product
from regal.collectivites.reference_forms import read_reference
from regal.gateways.base import AskableGateway, DebtKind, PostForm, Redirect
from regal.lib import tokens
from regal.lib.money import Money, UnreadableAmount
from regal.lib.tenancy import tenant
from regal.payments.departure import depart, go_again
from regal.payments.models import Attempt
from regal.payments.operations import PaymentOrder
from regal.payments.queries import (
    LookUp,
    Situation,
    are_paid_together,
    attempt_by_flow,
    fits_balance,
    gravest_earlier_attempt,
    is_opening,
    look_up,
    never_left,
    paid_online,
    taken_back_on,
)
from regal.payments.refusals import AlreadyStarted, CannotHandOff, EarlierAttempt, GatewayAway, TitreNotPayable
from regal.payments.shares import shares_of
from regal.reconciliation.comptable import (
    Comparison,
    Verdict,
    compare,
    is_compared,
    left_of,
    standing_of,
    typed_elsewhere,
)
from regal.titres.models import Titre
from regal.titres.payment_keys import printed

logger = logging.getLogger("regal.checkout")

_PERSONAL = {"email", *LINES}
_ALMOST_A_MINUTE = timedelta(seconds=59)  # an hour shown without its seconds has passed


class BadPart(Exception):
    """What the payer chose to pay of a debt cannot be paid alone; the message is for the payer."""


class Way(ABC):
    """Where « Payer » leads from, what it carries, and what is shown when it does not lead away."""

    def __init__(self, town: Town, request: HttpRequest, product: Product) -> None:
        self.town, self.request, self.product = town, request, product

    flow_token: str
    handle: str
    reference: str
    amount: Money
    email = ""  # as typed on a form before

    @property
    @abstractmethod
    def action(self) -> str:
        """Where « Payer » is sent."""

    @abstractmethod
    def hidden(self, *, is_fresh: bool = False) -> dict[str, str]:
        """What « Payer » carries: the same token, or one for another payment."""

    @abstractmethod
    def order(self, titre: Titre | None) -> PaymentOrder:
        """What the payer confirms."""

    @abstractmethod
    def recap_page(self, titre: Titre | None) -> HttpResponse:
        """What there is to confirm; it tells of an earlier attempt, and its token then says that it was told."""

    @abstractmethod
    def refused_page(self, refusal: CannotHandOff) -> HttpResponse:
        """What the contract's rules or the gateway itself forbid: beside the field that can mend it, if one can."""

    @abstractmethod
    def not_found_page(self) -> HttpResponse:
        """Our base has no such invoice, or it is of another amount."""

    @abstractmethod
    def context(self) -> dict[str, Any]:
        """What the pages below need of this way: how the debt is named, where « Réessayer » and the languages lead."""

    def look_up(self, *, now: datetime) -> LookUp:
        """What our own base says of the debt."""
        with tenant(self.town.collectivite):
            asked: dict[str, Any] = {"amount": self.amount} | self.asked()
            return look_up(product=self.product, reference=self.reference, now=now, **asked)

    def asked(self) -> dict[str, Any]:
        """What else of the debt this way knows."""
        return {}

    def started(self) -> Attempt | None:
        """The payment that this very press, or one before it, opened."""
        with tenant(self.town.collectivite):
            return attempt_by_flow(collectivite=self.town.collectivite, flow_token=self.flow_token)

    def answer_to(self, found: LookUp) -> HttpResponse:
        """The page of what was found."""
        if found.situation is Situation.UNKNOWN:
            return self.not_found_page()
        if found.situation is Situation.PAYABLE:
            return self.recap_page(found.titre)
        if found.situation is Situation.COMPTABLE:
            return self._elsewhere_page(found)
        return self._not_payable_page(found)

    def _not_payable_page(self, found: LookUp, **also: object) -> HttpResponse:
        context = {
            "situation": found.situation,
            "ticket": self._ticket_of(found),
            "since": self.paid_since(found),
            "until": self.held_until(found),
            "is_pending": found.is_pending,
            "note": found.note,
        }
        return self._page("checkout/not_payable.html", context | also, status=409)

    def paid_since(self, found: LookUp) -> datetime | None:
        """Never of tomorrow: whoever told it may have a clock ahead of ours."""
        return found.since and min(found.since, self.town.now)

    def held_until(self, found: LookUp) -> datetime | None:
        """By an hour that is shown without its seconds."""
        return found.until and found.until + _ALMOST_A_MINUTE

    def _ticket_of(self, found: LookUp) -> dict[str, str]:
        """What « Recevoir le ticket à nouveau » carries; nothing where no payment online still counts."""
        if found.situation is not Situation.PAID or found.titre is None:
            return {}
        with tenant(self.town.collectivite):
            if not paid_online(found.titre):
                return {}
        return {"token": seal_ticket(titre_id=found.titre.pk, product=self.product, now=self.town.now)}

    def _elsewhere_page(self, found: LookUp) -> HttpResponse:
        """The comptable collects it: to the form of his product, filled in; unless he does not ask for it now."""
        titre = found.titre
        assert titre is not None
        assert found.due is not None
        other = next(one for one in self.town.products if one.pk == titre.product_id)
        reference = read_reference(DebtKind(other.debt_kind), titre.reference)
        recap = Recap(
            exercice=reference.exercice,
            debt_reference=reference.digits,
            amount_cents=found.due.cents,
            email=self.email,
            flow_token=tokens.new_token(),
            handle=tokens.new_token(),
            told_of_earlier=False,
        )
        standing = standing_of(titre)
        if standing is not Verdict.NOTHING:
            form = self.town.form(other, as_typed(recap, other))
            there = ByForm(self.town, self.request, other, form=form, recap=recap)
            return there.compared_page(Comparison(verdict=standing))
        context = {
            "other": other,
            "is_open": self.town.is_open(other),
            "hidden": {"token": seal(recap, product=other, now=self.town.now)},
            "shown_reference": reference.printed,
            "amount": found.due,
        }
        return self._page("checkout/elsewhere.html", context, status=409)

    def away_page(self) -> HttpResponse:
        """The gateway gave no usable answer: nothing was begun that could be paid."""
        page = self._page("checkout/away.html", {"hidden": self.hidden(is_fresh=True)}, status=503)
        # A gateway's outage is no error of ours: said here, it is not said again as one.
        log_response(
            "account %s: its gateway is away, a payer was told so",
            self.product.account_id,
            request=self.request,
            response=page,
            logger=logger,
            level="warning",
        )
        return page

    def already_started_page(self, *, is_opening: bool = False) -> HttpResponse:
        """This was sent before: see the payment that it opened, or begin again without retyping."""
        context = {
            "handle": self.handle,
            "hidden": self.hidden(),
            "is_opening": is_opening,
            "can_start_again": self.town.is_open(self.product),
        }
        return self._page("checkout/already_started.html", context, status=409)

    def _page(self, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
        """A page whose button may lead to the gateway."""
        gateway = self.town.gateway(self.product)
        usual: dict[str, Any] = {"action": self.action, "opens_new_tab": gateway.opens_new_tab}
        if is_by_card(self.product.account):
            usual["opening_minutes"] = display_of(self.product.account) // timedelta(minutes=1)
        elif isinstance(gateway, AskableGateway):
            usual["opening_minutes"] = gateway.timing.opening // timedelta(minutes=1)
        return self.town.page(
            self.request,
            template,
            usual | self.context() | context,
            product=self.product,
            status=status,
            form_action=gateway.hand_off_origins,
        )

    def leaving(self, hand_off: Redirect | PostForm) -> HttpResponse:
        """Away to the gateway: by its address, or by the page that holds the form it wants.

        That page is in no frame, and « Back » from the gateway must find the attempt's own page instead of it.
        """
        if isinstance(hand_off, Redirect):
            return HttpResponseRedirect(hand_off.url, status=303)
        context = {
            "hand_off": hand_off,
            "amount": self.amount,
            "handle": self.handle,
            "opening_minutes": display_of(self.product.account) // timedelta(minutes=1),
        }
        return self.town.page(
            self.request,
            "checkout/hand_over.html",
            context,
            product=self.product,
            form_action=self.town.gateway(self.product).hand_off_origins,
            is_framed=False,
        )

    def _earlier(self, *titre_ids: int) -> Attempt | None:
        with tenant(self.town.collectivite):
            return gravest_earlier_attempt(
                account=self.product.account,
                debt_reference=self.reference,
                amount=self.amount,
                titre_ids=titre_ids,
            )


def set_off(way: Way, *, clock: Callable[[], datetime]) -> HttpResponse:
    """Record the attempt, commit, and only then send the browser to the gateway. Never in a transaction."""
    titre = None
    if way.town.gateway(way.product).needs_titre:
        expected = way.amount
        found = way.look_up(now=clock())
        if found.situation is not Situation.PAYABLE:
            return way.answer_to(found)
        if way.amount != expected:  # found by its key, and adjusted since the payer read it
            return way.recap_page(found.titre)
        titre = found.titre
    try:
        departure = depart(order=way.order(titre), clock=clock)
    except EarlierAttempt:
        return way.recap_page(titre)
    except AlreadyStarted:
        started = way.started()
        return way.already_started_page() if started is None else once_more(way, started)
    except TitreNotPayable:  # since a moment ago
        return way.answer_to(way.look_up(now=clock()))
    except CannotHandOff as refusal:
        return way.refused_page(refusal)
    except GatewayAway:
        return way.away_page()
    return way.leaving(departure.hand_off)


def once_more(way: Way, started: Attempt) -> HttpResponse:
    """The same press again: a second click follows the first; later, the attempt's own page says where it stands."""
    now = way.town.now
    hand_off = go_again(order=way.order(None), attempt=started, now=now)
    with tenant(way.town.collectivite):
        opens, left_nothing = is_opening(attempt=started, now=now), never_left(attempt=started)
    if hand_off is not None:
        return way.leaving(hand_off)
    if left_nothing and not opens:
        return way.away_page()
    return way.already_started_page(is_opening=opens)


class ByForm(Way):
    """By the form: what was typed travels in the recap's token."""

    def __init__(self, town: Town, request: HttpRequest, product: Product, *, form: DebtForm, recap: Recap) -> None:
        super().__init__(town, request, product)
        self.form, self.recap = form, recap
        self.flow_token, self.handle = recap.flow_token, recap.handle
        self.reference, self.amount = recap.debt_reference, recap.amount
        self.email = recap.email
        self.is_new_amount = False  # another than was typed, or read on the recap before

    @property
    def action(self) -> str:
        return reverse("leave", args=[self.town.collectivite.slug, self.product.slug])

    def hidden(self, *, is_fresh: bool = False) -> dict[str, str]:
        recap = self.recap
        if is_fresh:
            recap = replace(recap, flow_token=tokens.new_token(), handle=tokens.new_token())
        return {"token": seal(recap, product=self.product, now=self.town.now)}

    def look_up(self, *, now: datetime) -> LookUp:
        """By the amount that was typed; or by the key, and then the amount is what our base says."""
        found = super().look_up(now=now)
        if found.situation is Situation.UNKNOWN and isinstance(self.form, InvoiceForm):
            found = self._look_elsewhere(self.form)
        if self.recap.key and found.due is not None:
            self._take_amount(found.due)
        return found

    def _look_elsewhere(self, form: InvoiceForm) -> LookUp:
        """Perhaps the comptable collects it."""
        recap = self.recap
        with tenant(self.town.collectivite):
            titre = typed_elsewhere(
                product=self.product, references=form.reads_elsewhere, amount=recap.due, key=recap.key
            )
            if titre is None:
                return LookUp(situation=Situation.UNKNOWN)
            return LookUp(situation=Situation.COMPTABLE, titre=titre, due=left_of(titre))

    def _take_amount(self, due: Money) -> None:
        if due != self.recap.due:
            self.is_new_amount = self.recap.due > Money.zero
            self._pay(due)

    def _pay(self, amount: Money, *, of: Money | None = None) -> None:
        """Another amount is another payment: it has a token of its own. `of`: what is due, where that is more."""
        self.recap = replace(
            self.recap,
            amount_cents=amount.cents,
            due_cents=None if of is None else of.cents,
            flow_token=tokens.new_token(),
            handle=tokens.new_token(),
            told_of_earlier=False,
        )
        self.amount, self.flow_token, self.handle = amount, self.recap.flow_token, self.recap.handle

    def asked(self) -> dict[str, Any]:
        """The balance that was typed, also where less of it is paid; and the key."""
        return {"amount": self.recap.due, "key": self.recap.key}

    def fits_terms(self) -> bool:
        """Whether what our base says is due is of the amounts that are paid here; if not, the form says so."""
        try:
            self.form.check_terms(self.recap.due)
        except ValidationError as refused:
            self.form.add_error("amount", refused)
            return False
        return True

    def pay_part(self, typed: str) -> None:
        """Pay less than what is due, or all of it again. Raises BadPart."""
        try:
            part = Money.parse(typed)
        except UnreadableAmount:
            raise BadPart(_("Ce montant ne se lit pas. Écrivez-le par exemple 40,00.")) from None
        due = self.recap.due
        if not fits_balance(product=self.product, left=due, amount=part):
            least = self.product.min_amount or Money(1)
            in_words = least.format_en() if (get_language() or "fr").startswith("en") else least.format_fr()
            told = _("Choisissez au moins %(least)s, et laissez-en au moins autant, ou payez tout (R033).")
            raise BadPart(told % {"least": in_words})
        self._pay(part, of=None if part == due else due)

    def order(self, titre: Titre | None) -> PaymentOrder:
        recap = self.recap
        return PaymentOrder(
            product=self.product,
            debt_reference=recap.debt_reference,
            exercice=titre.exercice if titre else recap.exercice,
            amount=recap.amount,
            email=recap.email,
            billing=billing_of(recap.address),
            language=get_language() or "fr",
            flow_token=recap.flow_token,
            handle=recap.handle,
            told_of_earlier=recap.told_of_earlier,
            titre=titre,
        )

    def context(self) -> dict[str, Any]:
        form_address = reverse("product", args=[self.town.collectivite.slug, self.product.slug])
        return {
            "shown_reference": read_reference(DebtKind(self.product.debt_kind), self.reference).printed,
            "amount": self.amount,
            "again": {"action": form_address, "hidden": as_typed(self.recap, self.product)},
            "correct": {"action": form_address, "hidden": self.hidden()},
            "languages": {"name": "product", "argument": self.product.slug, "hidden": self.hidden()},
        }

    def recap_page(self, titre: Titre | None, *, wrong: str = "", part: str = "") -> HttpResponse:
        """`wrong`: about the `part` that was typed. All that is due again, if a part is allowed no more."""
        if not fits_balance(product=self.product, left=self.recap.due, amount=self.recap.amount):
            self._pay(self.recap.due)
        earlier = self._earlier(*([titre.pk] if titre else []))
        with tenant(self.town.collectivite):
            gone = taken_back_on(titre=titre)
        self.recap = replace(self.recap, told_of_earlier=earlier is not None)
        typed = as_typed(self.recap, self.product)
        context = {
            "recap": self.recap,
            "is_new_amount": self.is_new_amount,
            "parts": self.town.form(self.product, initial=typed).reference_questions,
            "typed": json.dumps({name: typed[name] for name in typed if name not in _PERSONAL}),  # as in form.js
            "hidden": self.hidden(),
            "earlier": earlier,
            "earlier_situation": situation_of(earlier) if earlier else "",
            "taken_back_on": gone,
            "in_parts": titre is not None and self.product.partial_payment,
            "can_add": titre is not None and self.recap.due_cents is None and may_pay_several(self.town, self.product),
            "rest": self.recap.due - self.recap.amount if self.recap.due_cents is not None else None,
            "wrong_part": wrong,
            "part": part,
        }
        return self._page("checkout/recap.html", context, status=422 if wrong else 200)

    def is_compared(self) -> bool:
        """Whether what was typed is compared with the base that the collectivité imported."""
        with tenant(self.town.collectivite):
            return is_compared(product=self.product, exercice=self.recap.exercice)

    def compared(self) -> Comparison:
        """What that base says of a debt that the comptable collects."""
        with tenant(self.town.collectivite):
            return compare(product=self.product, reference=self.reference, amount=self.amount)

    def compared_page(self, told: Comparison) -> HttpResponse:
        """What the payer should know before the recap. He may go on, unless the comptable says that it is settled."""
        context = {
            "verdict": told.verdict,
            "left": told.left,
            "can_go_on": told.verdict is not Verdict.SETTLED,
            "hidden": self.hidden(),
        }
        return self._page("checkout/not_as_issued.html", context, status=409)

    def is_well_typed(self) -> bool:
        """Whether what was typed still suits the product's terms."""
        return self.form.is_valid()

    def mend_page(self) -> HttpResponse:
        """The form, with what is wrong."""
        return self.town.form_page(self.request, self.product, self.form, status=422)

    def expired_page(self) -> HttpResponse:
        """Half an hour has passed: what was typed, to be sent again."""
        filled = self.town.form(self.product, initial=as_typed(self.recap, self.product))
        return self.town.form_page(self.request, self.product, filled, notice="expired", status=409)

    def refused_page(self, refusal: CannotHandOff) -> HttpResponse:
        notice = "" if self.form.accuse(refusal.reason) else notice_of(refusal)
        return self.town.form_page(self.request, self.product, self.form, notice=notice, status=422)

    def not_found_page(self) -> HttpResponse:
        assert isinstance(self.form, InvoiceForm)
        self.form.say_not_found()
        return self.town.form_page(self.request, self.product, self.form, status=422)


class Again(Way):
    """Again, from the page of an attempt that failed. Its address opened this: the debt stays with us, unshown."""

    def __init__(
        self,
        town: Town,
        request: HttpRequest,
        product: Product,
        *,
        form: EmailForm,
        attempt: Attempt,
        of: str,
        token: AgainToken,
    ) -> None:
        super().__init__(town, request, product)
        self.form, self.attempt, self.of, self.token = form, attempt, of, token
        self.flow_token, self.handle = token.flow_token, token.handle
        self.reference, self.amount = attempt.debt_reference, attempt.amount

    @property
    def action(self) -> str:
        return reverse("again", args=[self.town.collectivite.slug, self.of])

    def hidden(self, *, is_fresh: bool = False) -> dict[str, str]:
        typed = {name: self.form.data[name] for name in self.form.fields if name in self.form.data}
        return self._token(is_fresh=is_fresh) | typed

    def _token(self, *, is_fresh: bool = False) -> dict[str, str]:
        token = self.token
        if is_fresh:
            token = replace(token, flow_token=tokens.new_token(), handle=tokens.new_token())
        return {"token": seal_again(token, handle=self.of, product=self.product, now=self.town.now)}

    def order(self, titre: Titre | None) -> PaymentOrder:
        typed = self.form.cleaned_data if self.form.is_valid() else {}
        return PaymentOrder(
            product=self.product,
            debt_reference=self.reference,
            exercice=titre.exercice if titre else self.attempt.exercice,
            amount=self.amount,
            email=typed.get("email", ""),  # none where nothing is sent
            billing=billing_of(address_in(typed)),
            language=get_language() or "fr",
            flow_token=self.flow_token,
            handle=self.handle,
            told_of_earlier=self.token.told_of_earlier,
            titre=titre,
        )

    def context(self) -> dict[str, Any]:
        return {
            "shown_reference": f"…{self.attempt.reference_tail}",
            "amount": self.amount,
            "again": {"action": self.action, "hidden": self._token(is_fresh=True)},
            "languages": {"name": "again", "argument": self.of, "hidden": self._token()},
        }

    def asked(self) -> dict[str, Any]:
        """Its address opened this: what was begun before may be a part of what is due."""
        return {"may_be_part": True}

    def recap_page(self, titre: Titre | None) -> HttpResponse:
        return self.page()

    def page(self, *, notice: str = "", status: int = 200) -> HttpResponse:
        """What is to be paid again, and where the ticket goes."""
        with tenant(self.town.collectivite):
            shares = shares_of(self.attempt)
        earlier = self._earlier(*(share.titre_id for share in shares))
        self.token = replace(self.token, told_of_earlier=earlier is not None)
        context = {
            "hidden": self._token(),
            "question": self.form.question,
            "form": self.form,
            "wrong": self.form.wrong,
            "notice": notice,
            "earlier": earlier,
            "earlier_situation": situation_of(earlier) if earlier else "",
            "of": self.of,
        }
        return self._page("checkout/again.html", context, status=status)

    def refused_page(self, refusal: CannotHandOff) -> HttpResponse:
        """The gateway was asked and has used up this token."""
        self.token = replace(self.token, flow_token=tokens.new_token(), handle=tokens.new_token())
        return self.page(notice="" if self.form.accuse(refusal.reason) else notice_of(refusal), status=422)

    def not_found_page(self) -> HttpResponse:
        return self._page("checkout/not_payable.html", {"situation": Situation.UNKNOWN}, status=409)


def may_pay_several(town: Town, product: Product) -> bool:
    """Whether the régie of a product lets a payer pay several of its debts in one payment."""
    with tenant(town.collectivite):
        return are_paid_together(product)


def notice_of(refusal: CannotHandOff) -> str:
    """What a page says of a refusal that no field can mend: whose fault it is."""
    return "contract" if refusal.reason.startswith(OUR_CONTRACT) else "refused"


def as_typed(recap: Recap, product: Product) -> dict[str, str]:
    """The form's fields as a payer would have typed them."""
    kind = DebtKind(product.debt_kind)
    euros, cents = divmod(recap.due.cents, 100)
    return {
        **FORMS[kind].as_typed(read_reference(kind, recap.debt_reference)),
        **({"amount": "", "key": printed(recap.key)} if recap.key else {"amount": f"{euros},{cents:02d}"}),
        "email": recap.email,
        **recap.address,
    }
