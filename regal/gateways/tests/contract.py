"""What every gateway must do with what comes in; each gateway's tests inherit this class and fill in the first part."""

import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from regal.gateways.base import (
    AskableGateway,
    Claims,
    Environment,
    Gateway,
    GatewayFailure,
    Message,
    NotAuthentic,
    Notice,
    Nudge,
    Outcome,
    PaymentRequest,
    Rank,
    Unreadable,
    Verdict,
)


def claims_of(gateway: Gateway, request: PaymentRequest) -> Claims:
    """What an honest message about that request claims."""
    return Claims(
        account_identifier=gateway.account_identifier,
        debt_reference=request.debt_reference,
        exercice=request.exercice,
        amount=request.amount,
        environment=gateway.environment,
    )


class GatewayContract:
    """Inherit, and give the gateway, a request, and messages about that request."""

    def gateway(self) -> Gateway:
        """The account of Saint-Aubin."""
        raise NotImplementedError

    def request_to_pay(self) -> PaymentRequest:
        """What Mme Leroy wants to pay."""
        raise NotImplementedError

    def paid(self) -> Message:
        """The gateway says that this request was paid."""
        raise NotImplementedError

    def altered(self) -> Message:
        """The same, one digit of the amount changed on the way."""
        raise NotImplementedError

    def foreign(self) -> Message:
        """The gateway says that a payment of the next town was paid."""
        raise NotImplementedError

    def unknown_code(self) -> Message:
        """The gateway says something that is in no table."""
        raise NotImplementedError

    def unreadable(self) -> Sequence[Message]:
        """Messages that mean nothing."""
        raise NotImplementedError

    def read(self, message: Message) -> Notice | Nudge:
        return self.gateway().read(message)

    # What it says of itself

    def test_has_a_name_and_an_account_number(self) -> None:
        assert self.gateway().name
        assert self.gateway().account_identifier

    def test_can_be_asked_only_if_it_says_so(self) -> None:
        assert isinstance(self.gateway(), AskableGateway) == self.gateway().can_ask

    def test_is_of_one_environment(self) -> None:
        assert self.gateway().environment in Environment

    # Leaving

    def test_gives_a_key_only_if_it_needs_one(self) -> None:
        if not self.gateway().needs_key:
            assert self.gateway().open(self.request_to_pay()) is None

    def test_hands_off_to_one_of_its_origins_only(self) -> None:
        gateway, request = self.gateway(), self.request_to_pay()
        destination = urlsplit(gateway.hand_off(request, gateway.open(request)).url)
        assert f"{destination.scheme}://{destination.netloc}" in gateway.hand_off_origins

    # Hearing

    def test_reads_that_the_request_was_paid(self) -> None:
        notice = self.read(self.paid())
        if isinstance(notice, Notice):
            assert notice.outcome is Outcome.PAID
            assert notice.claims.differences_from(claims_of(self.gateway(), self.request_to_pay())) == ()

    def test_never_calls_signed_what_is_not(self) -> None:
        notice = self.read(self.paid())
        if isinstance(notice, Notice) and not self.gateway().signed:
            assert notice.rank is Rank.UNPROVEN

    def test_lets_an_altered_amount_be_seen(self) -> None:
        try:
            notice = self.read(self.altered())
        except NotAuthentic:
            return
        assert isinstance(notice, Nudge) or "amount" in notice.claims.differences_from(
            claims_of(self.gateway(), self.request_to_pay())
        )

    def test_reads_a_repeated_message_the_same(self) -> None:
        assert self.read(self.paid()) == self.read(self.paid())

    def test_reads_a_late_message_the_same(self) -> None:
        on_time = self.paid()
        late = dataclasses.replace(on_time, received_at=on_time.received_at + timedelta(days=400))
        assert self.read(late) == self.read(on_time)

    def test_lets_a_foreign_payment_be_seen(self) -> None:
        """By its account's number; where the gateway never says it, by a reference that cannot be ours."""
        try:
            notice = self.read(self.foreign())
        except NotAuthentic:
            return
        request = self.request_to_pay()
        assert (
            isinstance(notice, Nudge)
            or "account_identifier" in notice.claims.differences_from(claims_of(self.gateway(), request))
            or notice.reference not in (None, request.reference)
        )

    def test_calls_a_code_it_does_not_know_unknown(self) -> None:
        notice = self.read(self.unknown_code())
        assert isinstance(notice, Nudge) or notice.outcome is Outcome.UNKNOWN

    def test_says_unreadable_and_nothing_else(self) -> None:
        assert self.unreadable()
        for message in self.unreadable():
            with pytest.raises((Unreadable, NotAuthentic)):
                self.read(message)

    def test_keeps_nothing_personal(self) -> None:
        email = self.request_to_pay().payer_email
        assert email
        assert email not in repr(self.read(self.paid()))

    def test_repeats_nothing_personal_when_it_fails(self) -> None:
        for message in self.unreadable():
            with pytest.raises(GatewayFailure) as failure:
                self.read(message)
            assert "@" not in str(failure.value)

    # Answering

    @pytest.mark.parametrize("verdict", list(Verdict))
    def test_answers_briefly_and_never_with_a_server_error_or_a_redirect(self, verdict: Verdict) -> None:
        answer = self.gateway().acknowledge(self.paid(), verdict)
        assert answer.status in (200, 403)
        assert answer.body == b""
