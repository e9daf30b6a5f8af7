"""A history at PayFiP's web service: what its payers do there, and what it knows of them."""

import itertools
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from regal.gateways.base import Redirect
from regal.lib.money import Money
from regal.payments.departure import Departure
from regal.payments.models import Attempt
from regal.payments.states import State
from regal_sandbox.payment_requests import Refused
from regal_sandbox.transactions import decide, enter, see
from tests.simulation.history import History, Payer
from tests.simulation.world import PayfipWorld

PAID_LETTERS = ("P", "V")


class PayfipHistory(History):
    def __init__(self, *, seed: int, loss: float | None = None) -> None:
        amounts = itertools.islice(itertools.count(8_470, 1_130), 1 + seed % 2)
        super().__init__(world=PayfipWorld(seed=seed, amounts=[*map(Money, amounts)]), loss=loss)

    def agree_on_payments(self, attempts: Sequence[Attempt]) -> None:
        truth = {one["idop"]: one for one in self.world.sandbox.idops()}
        paid = {attempt.key for attempt in attempts if attempt.status == State.PAID}
        self.same("paid", paid, {idop for idop, one in truth.items() if one["resultrans"] in PAID_LETTERS})
        for attempt in attempts:
            known = truth.get(attempt.key)
            if known:
                self.same("amount", attempt.amount.cents, known["montant"])
                self.same("reference", attempt.debt_reference, known["refdet"])
                said = {"R": State.REFUSED, "A": State.ABANDONED}.get(known["service"])  # unless forgotten
                if said:
                    self.same("outcome", attempt.status, said)

    def arrive(self, payer: Payer, departure: Departure, *, tries: int) -> None:
        """He opens PayFiP's page, or opens it again."""
        assert isinstance(departure.hand_off, Redirect)
        idop = parse_qs(urlsplit(departure.hand_off.url).query)["idop"][0]
        try:
            transaction = enter(self.world.sandbox.world, idop)
        except Refused as refused:
            self.world.note(f"{payer.name} is turned away by PayFiP: {refused.rule}")
            self.come_again(payer, (1, 10), tries=tries)
            return
        self.in_(payer.thinks, lambda: self._decide(payer, departure, transaction.token, tries=tries))

    def _decide(self, payer: Payer, departure: Departure, token: str, *, tries: int) -> None:
        decision = payer.decision(tries)
        if decision == "fermer":
            self.world.note(f"{payer.name} closes the tab")
            self.come_again(payer, (3, 20, 50), tries=tries)
            return
        means = self._draw.choice(("carte", "carte", "prelevement"))
        for _ in range(6):
            transaction = decide(self.world.sandbox.world, token, self._step(token, decision, means))
            if transaction.is_finished:
                break
        self.world.note(f"{payer.name} at PayFiP: {transaction.state}")
        if transaction.state == "abandoned" and tries < payer.patience and self._draw.random() < 0.5:
            self.in_(2, lambda: self.arrive(payer, departure, tries=tries + 1))
        elif transaction.state in ("refused", "abandoned"):
            self.come_again(payer, (1, 10, 30), tries=tries)

    def _step(self, token: str, decision: str, means: str) -> str:
        state = see(self.world.sandbox.world, token).state
        return {"recap": "continuer", "means": means, "sign_in": "identifier", "secure": "valider"}.get(state, decision)
