"""The words of the screens: one standing for every attempt, one explanation for everything that can happen."""

import itertools

import pytest

from regal.backoffice import explanations
from regal.backoffice.raw_messages import DOTS, LONGEST_SHOWN, raw_message
from regal.backoffice.standing import NAMES, standing_of, where
from regal.collectivites.models import GatewayAccount
from regal.gateways.base import DebtKind, Outcome, Rank
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, AttemptEvent, Evidence, InboxMessage
from regal.payments.standing import ANNOUNCED, Standing
from regal.payments.states import Event, State
from tests import cast
from tests.cast import MORNING

EVERY = list(itertools.product(State, ["", *ANNOUNCED]))


def of(kind, **fields):
    """An attempt on an account of this kind."""
    return Attempt(account=GatewayAccount(debt_kind=kind), **fields)


class TestStanding:
    @pytest.mark.django_db
    def test_is_the_same_in_a_list_as_on_a_page_and_is_one(self):
        town = cast.make_saint_aubin()
        with tenant(town.collectivite):
            Attempt.objects.bulk_create(
                Attempt(
                    collectivite=town.collectivite,
                    account=town.account,
                    product=town.product,
                    environment="test",
                    reference=tokens.new_token(),
                    debt_reference="202600000001000001",
                    amount=Money(100),
                    label="",
                    status=status,
                    announced=announced,
                    flow_digest=tokens.digest(tokens.new_token()),
                    handle_digest=tokens.digest(tokens.new_token()),
                    notification_digest=tokens.digest(tokens.new_token()),
                    created_at=MORNING,
                )
                for status, announced in EVERY
            )
            listed = {
                standing: {
                    (a.status, a.announced) for a in Attempt.objects.of(town.collectivite).filter(where(standing))
                }
                for standing in Standing
            }
        expected: dict[Standing, set[tuple[str, str]]] = {standing: set() for standing in Standing}
        for status, announced in EVERY:
            expected[standing_of(Attempt(status=status, announced=announced))].add((status, announced))
        assert listed == expected
        assert sum(map(len, listed.values())) == len(EVERY)

    @pytest.mark.parametrize(
        ("status", "announced", "standing"),
        [
            (State.PAID, Outcome.REFUSED, Standing.CONFIRMED),
            (State.HANDED_OFF, Outcome.PAID, Standing.ANNOUNCED_PAID),
            (State.REFUSED, Outcome.PAID, Standing.REFUSED),
            (State.EXPIRED_PRESUMED, Outcome.REFUSED, Standing.ANNOUNCED_REFUSED),
            (State.EXPIRED_PRESUMED, "", Standing.SILENT),
            (State.HANDED_OFF, "", Standing.UNDER_WAY),
        ],
    )
    def test_puts_proof_before_announcement_before_silence(self, status, announced, standing):
        assert standing_of(Attempt(status=status, announced=announced)) is standing

    def test_confirmed_is_paid_and_nothing_else(self):
        confirmed = {
            status for status, said in EVERY if standing_of(Attempt(status=status, announced=said)) == "confirmed"
        }
        assert confirmed == {State.PAID}

    def test_has_a_name(self):
        assert set(NAMES) == set(Standing)


class TestExplanations:
    @pytest.mark.parametrize(("status", "announced"), EVERY)
    @pytest.mark.parametrize("kind", list(DebtKind))
    def test_answer_for_every_attempt(self, status, announced, kind):
        answer = explanations.answer_about(of(kind, status=status, announced=announced))
        assert all(text and "%(" not in text for text in (answer.where, answer.why, answer.to_do))

    def test_send_a_regisseur_to_his_own_statement(self):
        announced = {"status": State.HANDED_OFF, "announced": Outcome.PAID}
        answer = explanations.answer_about(of(DebtKind.REGIE, **announced))
        assert "relevé de votre régie" in answer.why
        assert "comptable" not in answer.why + answer.to_do
        assert "comptable" in explanations.answer_about(of(DebtKind.TITRE, **announced)).why

    @pytest.mark.parametrize("event", list(Event))
    @pytest.mark.parametrize("outcome", ["", *ANNOUNCED])
    @pytest.mark.parametrize("evidence", [None, *(Evidence(rank=rank) for rank in Rank)])
    def test_tell_every_event(self, event, outcome, evidence):
        row = AttemptEvent(event=event, outcome=outcome, evidence=evidence, occurred_at=MORNING, recorded_at=MORNING)
        step = explanations.step_of(row)
        assert step.title
        assert "%(" not in step.title + step.why

    def test_call_a_gateway_that_fails_broken_and_not_unreadable(self):
        assert explanations.failure_in_words("http_503") == "PayFiP est en panne"
        assert explanations.failure_in_words("http_404") == "réponse illisible de PayFiP (http_404)"

    def test_have_words_for_every_rank_verdict_and_outcome(self):
        assert set(explanations.RANKS) == set(Rank)
        assert set(explanations.VERDICTS) == set(Evidence.Verdict)
        assert set(explanations.OUTCOMES) == set(Outcome)

    def test_never_call_an_announcement_a_confirmation(self):
        for status, announced in EVERY:
            where_it_stands = explanations.answer_about(of(DebtKind.TITRE, status=status, announced=announced)).where
            assert ("est confirmé" in where_it_stands) is (status is State.PAID)


class TestRawMessage:
    SECRET = frozenset({"mel", "objet"})

    def body(self, raw, secret=SECRET):
        shown = raw_message(InboxMessage(method="POST", content_type="x", body=raw), secret_fields=secret)
        return shown.body

    @pytest.mark.parametrize(
        "raw",
        [
            b"mel=leroy%40example.org&numcli=1",
            b"MEL=leroy@example.org",
            b"%6Del=leroy%40example.org",
            b"+mel =leroy%40example.org",
            b"autre=leroy@example.org",
            b"autre=leroy%40example.org",
            b"leroy@example.org",
            b'{"mel": "leroy@example.org"}',
            b"objet=leroy",
            b"a=1;mel=leroy",
            b"leroy%40example.org=1",
            b"mel=a=leroy",
        ],
    )
    def test_hides_the_payer(self, raw):
        shown = self.body(raw)
        assert "leroy" not in shown
        assert DOTS in shown

    def test_shows_the_rest_as_it_came(self):
        assert self.body(b"numcli=1&montant=99&x=%C3%A9\xff") == "numcli=1&montant=99&x=%C3%A9\\xff"

    def test_writes_out_what_shows_nothing_or_turns_the_text_round(self):
        assert self.body("a=\0\x1b[31m‮é".encode()) == "a=\\x00\\x1b[31m\\u202eé"

    def test_hides_every_value_when_the_contract_cannot_be_opened(self):
        assert self.body(b"numcli=1&montant=99", secret=None) == f"numcli={DOTS}&montant={DOTS}"

    def test_is_cut(self):
        shown = raw_message(
            InboxMessage(method="POST", content_type="", body=b"x" * 70_000, query=b""), secret_fields=self.SECRET
        )
        assert shown.body == "x" * LONGEST_SHOWN
        assert shown.is_cut
        assert shown.query == ""

    def test_says_nothing_of_what_was_purged(self):
        assert self.body(None) is None
