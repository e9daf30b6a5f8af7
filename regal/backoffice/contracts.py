"""A contract as the assistant shows it: what was tried in each phase, what came of it, and what comes next.

Call everything here inside `tenant()`, with rows of one collectivité.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.backoffice import paybox
from regal.backoffice.gateway_names import service_of
from regal.backoffice.routing import accounts_of, is_closed, products_of
from regal.backoffice.standing import standing_of
from regal.collectivites.models import Adhesion, GatewayAccount, Product, RoutingChange
from regal.gateways.base import DebtKind, Environment, Means, Outcome
from regal.gateways.paybox.account import PUBLISHED_TEST_SITES
from regal.gateways.payfip_ws.gateway import PayfipWs
from regal.lib import paris
from regal.lib.money import Money
from regal.lib.tenancy import HasKey
from regal.payments.models import Attempt, Evidence
from regal.payments.standing import Standing
from regal.payments.states import State

MOST_SHOWN = 10  # payments tried, in each phase

COLLECTS: dict[DebtKind, Promise] = {
    DebtKind.TITRE: _("des titres (avis des sommes à payer)"),
    DebtKind.ORMC: _("des rôles"),
    DebtKind.REGIE: _("des factures de régie"),
}
MEANS_NAMES = {Means.CARD: _("carte bancaire"), Means.DIRECT_DEBIT: _("prélèvement")}


class Came(StrEnum):
    """What came of a payment that was tried."""

    PAID = "paid"
    REFUSED = "refused"
    ABANDONED = "abandoned"
    CONTRADICTORY = "contradictory"  # a message that speaks of another payment
    UNCLEAR = "unclear"
    WAITING = "waiting"
    SILENT = "silent"
    NOT_STARTED = "not_started"  # the gateway said no, or gave no answer


CAME_NAMES: dict[Came, Promise] = {
    Came.PAID: _("réussi"),
    Came.REFUSED: _("refusé"),
    Came.ABANDONED: _("abandonné"),
    Came.CONTRADICTORY: _("message qui ne correspond pas"),
    Came.UNCLEAR: _("résultat inconnu"),
    Came.WAITING: _("en attente"),
    Came.SILENT: _("sans nouvelles"),
    Came.NOT_STARTED: _("pas commencé"),
}
CAME_LOOKS = {Came.PAID: "badge-good", Came.CONTRADICTORY: "badge-bad", Came.UNCLEAR: "badge-warn"}
CAME_ADVICE: dict[Came, Promise] = {
    Came.PAID: _("PayFiP l’annonce payé : cette phase fonctionne."),
    Came.REFUSED: _("PayFiP l’annonce refusé : le message nous arrive bien. Recommencez et choisissez de payer."),
    Came.ABANDONED: _("Vous avez quitté la page de PayFiP : le message nous arrive bien. Recommencez jusqu’au bout."),
    Came.CONTRADICTORY: _(
        "Le message reçu n’a pas le numéro de client, la référence, le montant ou la phase de ce paiement. Comparez-les"
        " dans le détail, puis appelez votre correspondant : PayFiP a peut-être rattaché le numéro à un autre contrat."
    ),
    Came.UNCLEAR: _("PayFiP annonce un résultat que REGAL ne connaît pas : écrivez à l’exploitant de REGAL."),
    Came.WAITING: _(
        "Le message de PayFiP arrive en quelques secondes après la fin du paiement. Finissez-le dans son onglet, puis"
        " actualisez. Si PayFiP a affiché une erreur, elle dit ce qu’il refuse : rien n’est alors envoyé ici."
    ),
    Came.SILENT: _(
        "Rien n’est venu : paiement jamais fini, erreur affichée par PayFiP, ou message qui n’atteint pas REGAL."
        " Recommencez ; si PayFiP affiche un ticket et que rien n’arrive, écrivez à l’exploitant de REGAL."
    ),
    Came.NOT_STARTED: _("PayFiP n’a pas ouvert ce paiement : personne n’a pu le payer. Recommencez."),
}
# Of a gateway that is asked: it needs no message, and its answer proves.
ASKED_ADVICE: dict[Came, Promise] = {
    Came.PAID: _("PayFiP, interrogé, répond que ce paiement est fait : cette phase fonctionne."),
    Came.REFUSED: _("PayFiP répond que ce paiement est refusé. Recommencez et choisissez de payer."),
    Came.ABANDONED: _("PayFiP répond que vous avez quitté sa page. Recommencez jusqu’au bout."),
    Came.CONTRADICTORY: _(
        "La réponse de PayFiP n’a pas le numéro de client, la référence, le montant ou la phase de ce paiement."
        " Comparez-les dans le détail, puis appelez votre correspondant : PayFiP a peut-être rattaché le numéro à un"
        " autre contrat."
    ),
    Came.WAITING: _(
        "REGAL demande à PayFiP où en est ce paiement, jusqu’à le savoir : PayFiP peut mettre deux heures à répondre."
        " Finissez-le dans son onglet, puis actualisez."
    ),
    Came.SILENT: _(
        "PayFiP n’a rien su de ce paiement : sa page n’a pas été ouverte en quinze minutes, ou il n’a pas été fini."
        " Recommencez."
    ),
}
# Of Paybox: its messages are signed, and it brings its payers back.
PAYBOX_ADVICE: dict[Came, Promise] = {
    Came.PAID: _("Paybox le dit payé, par un message signé : cette phase fonctionne."),
    Came.REFUSED: _("Paybox le dit refusé : le message nous arrive bien. Recommencez avec une carte qui est acceptée."),
    Came.ABANDONED: _(
        "Vous avez quitté la page de Paybox : le retour nous arrive bien. Recommencez et allez jusqu’au bout."
    ),
    Came.CONTRADICTORY: _(
        "Le message reçu n’a pas la référence, le montant ou la phase de ce paiement : il parle d’un autre."
        " Comparez-les dans le détail, puis écrivez à l’exploitant de REGAL."
    ),
    Came.UNCLEAR: _(
        "Paybox a répondu par un code que REGAL ne connaît pas : écrivez à l’exploitant de REGAL, avec ce code, qui est"
        " dans le détail."
    ),
    Came.WAITING: _(
        "Le message de Paybox arrive en quelques secondes après la fin du paiement. Finissez-le dans son onglet, puis"
        " actualisez. Si Paybox affiche une page d’erreur au lieu de la carte, la clé HMAC n’est pas la bonne, n’a pas"
        " été confirmée par le courriel de Paybox, ou un des trois numéros est faux : rien n’est alors envoyé ici."
    ),
    Came.SILENT: _(
        "Rien n’est venu : paiement jamais fini, page d’erreur de Paybox, ou message qui n’atteint pas REGAL. Vérifiez"
        " la clé et les trois numéros, puis recommencez ; si Paybox affiche « paiement accepté » et que rien n’arrive,"
        " écrivez à l’exploitant de REGAL."
    ),
    Came.NOT_STARTED: _("Paybox n’a pas ouvert ce paiement : personne n’a pu le payer. Recommencez."),
}
_CAME_OF = {
    Standing.PROVISIONAL: Came.PAID,
    Standing.CONFIRMED: Came.PAID,
    Standing.REVERSED: Came.PAID,
    Standing.ANNOUNCED_PAID: Came.PAID,
    Standing.ANNOUNCED_REFUSED: Came.REFUSED,
    Standing.REFUSED: Came.REFUSED,
    Standing.ANNOUNCED_ABANDONED: Came.ABANDONED,
    Standing.ABANDONED: Came.ABANDONED,
    Standing.ANNOUNCED_UNCLEAR: Came.UNCLEAR,
    Standing.UNKNOWN: Came.UNCLEAR,
    Standing.SILENT: Came.SILENT,
    Standing.NEVER_STARTED: Came.NOT_STARTED,
}


_ADVICE = {PayfipWs.name: ASKED_ADVICE, paybox.NAME: PAYBOX_ADVICE}


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One payment that was tried with a contract, and everything that was heard of it."""

    key: int
    at: datetime
    amount: Money
    reference_tail: str
    environment: Environment
    came: Came
    means: Means | None
    authorisation: str
    digests: tuple[str, ...]  # SHA-256 of each message, as received
    is_confirmed: bool  # by something that proves it
    gateway: str

    @classmethod
    def of(cls, attempt: Attempt, heard: Iterable[Evidence]) -> "Trial":
        told = list(heard)
        came = _CAME_OF.get(standing_of(attempt), Came.WAITING)
        if came is not Came.PAID and any(one.verdict == Evidence.Verdict.DIFFERS for one in told):
            came = Came.CONTRADICTORY
        paid = [one.facts for one in told if one.verdict == Evidence.Verdict.FITS and one.outcome == Outcome.PAID]
        facts: dict[str, Any] = paid[0] if paid else {}
        usual = Means.CARD if paid and attempt.account.gateway == paybox.NAME else None  # it takes nothing else
        return cls(
            key=attempt.pk,
            at=attempt.announced_at or attempt.created_at,
            amount=attempt.amount,
            reference_tail=attempt.reference_tail,
            environment=Environment(attempt.environment),
            came=came,
            means=Means(facts["means"]) if facts.get("means") else usual,
            authorisation=facts.get("authorisation", ""),
            digests=tuple(one.digest for one in told),
            is_confirmed=attempt.status == State.PAID and not attempt.is_provisional,
            gateway=attempt.account.gateway,
        )

    @property
    def name(self) -> Promise:
        return CAME_NAMES[self.came]

    @property
    def look(self) -> str:
        return CAME_LOOKS.get(self.came, "badge-quiet")

    @property
    def advice(self) -> Promise:
        return _ADVICE.get(self.gateway, {}).get(self.came) or CAME_ADVICE[self.came]

    @property
    def means_name(self) -> Promise | str:
        return MEANS_NAMES[self.means] if self.means else ""


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Every account of one number, and how far the collectivité has come with it."""

    identifier: str
    accounts: dict[Environment, GatewayAccount]
    products: list[Product]
    adhesion: Adhesion | None
    tests: list[Trial]
    activations: list[Trial]
    paid_tests: list[Trial]
    paid_activations: list[Trial]  # by each means, the first
    first_real: Trial | None
    changes: list[RoutingChange]  # the newest first

    @property
    def gateway(self) -> str:
        """One for all phases."""
        return str(next(iter(self.accounts.values())).gateway)

    @property
    def is_of_the_web_service(self) -> bool:
        """PayFiP is asked for a key first, then what became of it."""
        return self.gateway == PayfipWs.name

    @property
    def is_of_paybox(self) -> bool:
        """The régie's own card contract with its bank."""
        return self.gateway == paybox.NAME

    @property
    def is_published(self) -> bool:
        """Of Paybox: the one that everybody may try, which never collects anything."""
        return self.is_of_paybox and self.numbers.site in PUBLISHED_TEST_SITES

    @property
    def service(self) -> str:
        """What its agents call the other side."""
        return service_of(next(iter(self.accounts.values())))

    @property
    def numbers(self) -> paybox.MerchantNumbers:
        """Of Paybox: what the bank's letter says. Raises BadMerchantNumbers."""
        return paybox.MerchantNumbers.parse(self.identifier)

    @property
    def kind(self) -> DebtKind:
        return DebtKind(next(iter(self.accounts.values())).debt_kind)

    @property
    def collects(self) -> Promise:
        """Its kind of debt, in the plural."""
        return COLLECTS[self.kind]

    @property
    def regie_name(self) -> str:
        regie = next(iter(self.accounts.values())).regie
        return str(regie.name) if regie is not None else ""

    @property
    def is_closed(self) -> bool:
        return is_closed(self.accounts.values())

    @property
    def test(self) -> GatewayAccount | None:
        return self.accounts.get(Environment.TEST)

    @property
    def activation(self) -> GatewayAccount | None:
        return self.accounts.get(Environment.ACTIVATION)

    @property
    def production(self) -> GatewayAccount | None:
        return self.accounts.get(Environment.PRODUCTION)

    @property
    def tested(self) -> Trial | None:
        """The first test payment that succeeded."""
        return self.paid_tests[0] if self.paid_tests else None

    def activated(self, means: Means) -> Trial | None:
        """The first activation payment that succeeded by these means."""
        return next((trial for trial in self.paid_activations if trial.means is means), None)

    @property
    def by_card(self) -> Trial | None:
        return self.activated(Means.CARD)

    @property
    def by_direct_debit(self) -> Trial | None:
        return self.activated(Means.DIRECT_DEBIT)

    @property
    def opens_on(self) -> date | None:
        """The working day from which PayFiP takes production payments; it alone knows for certain. Paybox: at once."""
        if self.is_of_paybox:
            return None
        return paris.add_working_days(paris.today(self.by_card.at), 1) if self.by_card else None

    @property
    def wants_direct_debit(self) -> bool:
        return self.adhesion is not None and self.adhesion.has_direct_debit

    @property
    def pending(self) -> RoutingChange | None:
        """The change that waits for an approval, or for its hour."""
        return next((change for change in self.changes if change.is_pending), None)

    @property
    def past_changes(self) -> list[RoutingChange]:
        return [change for change in self.changes if not change.is_pending]

    @property
    def is_adhesion_known(self) -> bool:
        """Whether the three dates of the adhesion are noted."""
        noted = self.adhesion
        return noted is not None and all((noted.convention_on, noted.form_sent_on, noted.identifier_received_on))

    @property
    def products_to_move(self) -> list[Product]:
        """What does not collect real payments yet."""
        return [
            product for product in self.products if self.production is None or product.account_id != self.production.pk
        ]

    @property
    def step(self) -> int:
        """The number of the step to take now; 6 when all is done."""
        if self.production is not None:
            return 6 if self.first_real else 5
        if self.tested is None:
            return 2 if self.is_of_paybox or self.is_adhesion_known or self.tests else 1
        return 3 if self.by_card is None else 4


def contracts(*, collectivite: HasKey) -> list[Contract]:
    """All of a collectivité's, by number."""
    numbers = GatewayAccount.objects.of(collectivite).values_list("identifier", flat=True)
    found = (contract(collectivite=collectivite, identifier=identifier) for identifier in sorted(set(numbers)))
    return [one for one in found if one is not None]


def contract(*, collectivite: HasKey, identifier: str) -> Contract | None:
    """One contract; None for a number that the collectivité does not have."""
    accounts = accounts_of(collectivite=collectivite, identifier=identifier)
    if not accounts:
        return None
    changes = RoutingChange.objects.of(collectivite).filter(identifier=identifier)
    adhesions = Adhesion.objects.of(collectivite).filter(identifier=identifier)
    paid_activations = _paid(collectivite, accounts.get(Environment.ACTIVATION))
    first_by_means = {trial.means: trial for trial in reversed(paid_activations)}
    real = _paid(collectivite, accounts.get(Environment.PRODUCTION), most=1)
    return Contract(
        identifier=identifier,
        accounts=accounts,
        products=products_of(collectivite=collectivite, identifier=identifier),
        adhesion=adhesions.first(),
        tests=_latest(collectivite, accounts.get(Environment.TEST)),
        activations=_latest(collectivite, accounts.get(Environment.ACTIVATION)),
        paid_tests=_paid(collectivite, accounts.get(Environment.TEST), most=1),
        paid_activations=list(reversed(first_by_means.values())),
        first_real=real[0] if real else None,
        changes=list(changes.select_related("asked_by", "approved_by", "cancelled_by").order_by("-asked_at", "-pk")),
    )


def _attempts(collectivite: HasKey, account: GatewayAccount) -> Any:
    return Attempt.objects.of(collectivite).select_related("account").filter(account=account)


def _latest(collectivite: HasKey, account: GatewayAccount | None) -> list[Trial]:
    if account is None:
        return []
    return _trials(collectivite, _attempts(collectivite, account).order_by("-created_at", "-pk")[:MOST_SHOWN])


def _paid(collectivite: HasKey, account: GatewayAccount | None, *, most: int = 50) -> list[Trial]:
    """Announced or proved, the oldest first."""
    if account is None:
        return []
    paid = _attempts(collectivite, account).filter(Q(announced=Outcome.PAID) | Q(status=State.PAID))
    return _trials(collectivite, paid.order_by("created_at", "pk")[:most])


def _trials(collectivite: HasKey, attempts: Iterable[Attempt]) -> list[Trial]:
    found = list(attempts)
    heard: dict[int | None, list[Evidence]] = {}
    for evidence in Evidence.objects.of(collectivite).filter(attempt__in=[one.pk for one in found]).order_by("pk"):
        heard.setdefault(evidence.attempt_id, []).append(evidence)
    return [Trial.of(attempt, heard.get(attempt.pk, ())) for attempt in found]
