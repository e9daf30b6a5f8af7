"""What Paybox's signature is worth where nobody can be asked.

Anybody has any text signed: only at the account's own address, which no payer sees, does it settle, provisionally.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from regal.cases.models import Case
from regal.gateways.base import Environment, PostForm
from regal.journal.models import Entry
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.departure import depart, go_again
from regal.payments.models import Attempt, AttemptEvent, Settlement
from regal.payments.refusals import AlreadyStarted, EarlierAttempt, GatewayAway, TitreNotPayable
from regal.titres.models import Titre
from tests import cast, notices, paybox, proof
from tests.cast import MORNING
from tests.inquiries import Clock, again
from tests.paybox import ABANDONED, PENDING, REFUSED, FakePaybox, come_back, ipn, ipn_of_account, leave, speaking_to
from tests.several import allow, make_titres, together

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def fake():
    with speaking_to(FakePaybox()) as fake:
        yield fake


@pytest.fixture
def town(committed_db, fake):
    return cast.make_saint_aubin()


@pytest.fixture
def product(town):
    return paybox.make_paybox_product(town)


@pytest.fixture
def titre(product):
    return titre_of(product)


@pytest.fixture
def attempt(product, titre, clock):
    """Mme Leroy is on Paybox's page."""
    return leave(product, titre, clock)


def titre_of(product, **changes):
    with tenant(product.collectivite_id):
        return cast.make_titre(product, **changes)


def unsigned(hand_off):
    """All that a form says but when it was signed."""
    assert isinstance(hand_off, PostForm)
    return {name: value for name, value in hand_off.fields.items() if name not in ("PBX_TIME", "PBX_HMAC")}


def kinds(attempt):
    with tenant(attempt.collectivite_id):
        cases = Case.objects.filter(subject_kind="attempt", subject_id=attempt.pk, closed_at__isnull=True)
        return sorted(cases.values_list("kind", flat=True))


def events(attempt):
    with tenant(attempt.collectivite_id):
        return list(AttemptEvent.objects.filter(attempt=attempt).order_by("number").values_list("event", flat=True))[2:]


def held(titre):
    with tenant(titre.collectivite_id):
        titre = Titre.objects.get(pk=titre.pk)
        return titre.held_by is not None


def settlements(attempt):
    with tenant(attempt.collectivite_id):
        return list(Settlement.objects.filter(attempt=attempt))


def moved_nothing(attempt):
    now = again(attempt)
    return (now.status, now.announced, settlements(attempt)) == ("handed_off", "", [])


class TestDeparture:
    def test_hands_off_a_signed_form_that_names_the_stored_reference(self, product, titre, clock):
        left = paybox.departs(product, titre, clock)
        assert isinstance(left.hand_off, PostForm)
        assert left.hand_off.url == "https://main.paybox.test/php/"
        assert left.hand_off.fields["PBX_CMD"] == left.attempt.reference
        assert left.attempt.reference.startswith(f"{titre.reference}-")
        assert events(left.attempt) == []
        assert again(left.attempt).status == "handed_off"

    def test_holds_the_titre_until_the_page_is_over(self, product, titre, clock, attempt):
        with tenant(titre.collectivite_id):
            assert Titre.objects.get(pk=titre.pk).held_until == MORNING + timedelta(minutes=20)
        with pytest.raises(TitreNotPayable):
            leave(product, titre, clock)

    def test_goes_to_the_backup_host_while_the_main_one_sleeps(self, product, titre, clock, fake):
        fake.asleep = {"main"}
        assert paybox.departs(product, titre, clock).hand_off.url == "https://backup.paybox.test/php/"

    def test_begins_nothing_while_both_sleep(self, product, titre, clock, fake):
        fake.asleep = {"main", "backup"}
        with pytest.raises(GatewayAway):
            leave(product, titre, clock)
        with tenant(titre.collectivite_id):
            assert not Attempt.objects.exists()
        assert not held(titre)

    def test_gives_the_same_form_to_the_second_click_of_one_press(self, product, titre, clock):
        order = paybox.order(product, titre, flow_token=tokens.new_token())
        first = depart(order=order, clock=clock)
        with pytest.raises(AlreadyStarted):
            depart(order=order, clock=clock)
        second = go_again(order=order, attempt=first.attempt, now=clock.pass_(seconds=5))
        assert unsigned(first.hand_off) == unsigned(second)
        assert go_again(order=order, attempt=first.attempt, now=clock.pass_(seconds=30)) is None

    @pytest.mark.parametrize("change", [{"amount": Money(4_000)}, {"debt_reference": "FC2026000043"}])
    def test_gives_no_form_to_a_click_that_is_of_something_else(self, product, titre, clock, change):
        order = paybox.order(product, titre, flow_token=tokens.new_token())
        first = depart(order=order, clock=clock)
        other = replace(order, **change)
        assert go_again(order=other, attempt=first.attempt, now=clock.pass_(seconds=5)) is None

    def test_gives_no_form_to_a_click_that_shares_the_same_sum_otherwise(self, product, clock):
        allow(product)
        several = together(*make_titres(product, 2))
        order = paybox.order(product, several["several"][0].titre, **several)
        first = depart(order=order, clock=clock)
        parts = [
            replace(part, amount=part.amount + Money(cents)) for part, cents in zip(order.several, (1, -1), strict=True)
        ]
        now = clock.pass_(seconds=5)
        assert go_again(order=replace(order, several=tuple(parts)), attempt=first.attempt, now=now) is None
        assert go_again(order=order, attempt=first.attempt, now=now) is not None


class TestASignedPayment:
    def test_settles_provisionally(self, attempt, titre, clock):
        evidence = ipn(attempt, clock)
        assert (evidence.verdict, evidence.rank) == ("fits", 1)
        paid = again(attempt)
        assert (paid.status, paid.is_provisional, paid.standing) == ("paid", True, "provisional")
        (settlement,) = settlements(attempt)
        assert (settlement.rank, settlement.amount, settlement.transaction) == (
            1,
            titre.amount,
            evidence.facts["transaction"],
        )
        with tenant(titre.collectivite_id):
            assert Titre.objects.get(pk=titre.pk).paid_at is not None
            assert Entry.objects.filter(attempt_id=attempt.pk).count() == 1
        assert proof.broken(clock.now) == ()

    def test_is_confirmed_by_better_evidence(self, attempt, town, product, clock):
        ipn(attempt, clock)
        of_regie = cast.Town(collectivite=town.collectivite, account=product.account, product=product, agent=town.agent)
        notices.hear(of_regie, attempt, notices.notice(of_regie, attempt), now=clock.pass_(hours=20))
        paid = again(attempt)
        assert (paid.is_provisional, paid.standing, events(attempt)) == (False, "confirmed", ["settled", "confirmed"])

    def test_is_no_news_the_second_time(self, attempt, clock):
        body = paybox.signed(paybox.said(attempt, clock.now))
        ipn(attempt, clock, body)
        assert ipn(attempt, clock, body).verdict == "repeated"
        assert events(attempt) == ["settled"]

    def test_at_the_address_that_its_payer_knows_only_announces(self, attempt, titre, product, clock):
        body = paybox.signed(paybox.said(attempt, clock.now))
        assert ipn(attempt, clock, body, at_own=True).verdict == "fits"
        came = again(attempt)
        assert (came.status, came.standing, settlements(attempt)) == ("handed_off", "announced_paid", [])
        assert held(titre)
        with pytest.raises(TitreNotPayable):
            leave(product, titre, clock)
        clock.pass_(minutes=21)
        with pytest.raises(EarlierAttempt):  # the hold is over, the warning is not
            leave(product, titre, clock, told_of_earlier=False)
        assert proof.broken(clock.now) == ()

    def test_settles_at_the_account_s_address_after_it_was_announced_elsewhere(self, attempt, clock):
        body = paybox.signed(paybox.said(attempt, clock.now))
        ipn(attempt, clock, body, at_own=True)
        ipn(attempt, clock, body)
        assert (events(attempt), len(settlements(attempt))) == (["announced", "settled"], 1)

    def test_brought_by_the_browser_only_announces(self, attempt, clock):
        assert come_back(attempt, clock).verdict == "fits"
        came = again(attempt)
        assert (came.status, came.standing, settlements(attempt)) == ("handed_off", "announced_paid", [])

    def test_settles_after_the_browser_announced_it(self, attempt, clock):
        body = paybox.signed(paybox.said(attempt, clock.now))
        come_back(attempt, clock, body)
        ipn(attempt, clock, body)
        assert events(attempt) == ["announced", "settled"]

    def test_brought_by_the_browser_after_it_settled_changes_nothing(self, attempt, clock):
        body = paybox.signed(paybox.said(attempt, clock.now))
        ipn(attempt, clock, body)
        come_back(attempt, clock, body)
        assert events(attempt) == ["settled"]
        assert kinds(attempt) == []


class TestASignedRefusal:
    def test_leaves_the_titre_held_for_another_try_on_the_page(self, attempt, titre, clock):
        ipn(attempt, clock, **REFUSED)
        assert (again(attempt).status, held(titre)) == ("refused", True)
        assert proof.broken(clock.now) == ()

    def test_may_become_a_payment_there(self, attempt, titre, clock):
        ipn(attempt, clock, **REFUSED)
        ipn(attempt, clock)
        assert (again(attempt).status, held(titre), events(attempt)) == ("paid", False, ["refused", "settled"])

    def test_ends_the_hold_once_the_payer_is_back(self, attempt, titre, clock):
        ipn(attempt, clock, **REFUSED)
        come_back(attempt, clock, **REFUSED)
        assert not held(titre)

    @pytest.mark.parametrize("says", [(ipn, come_back), (come_back, ipn)], ids=["called_first", "back_first"])
    def test_of_one_call_is_told_once_whoever_brings_it(self, attempt, titre, clock, says):
        one_call = {**REFUSED, "Trans": "5329117", "Appel": "9771188"}
        for say in says:
            assert say(attempt, clock, **one_call).verdict == "fits"
            clock.pass_(seconds=2)
        assert (again(attempt).status, events(attempt), held(titre)) == ("refused", ["refused"], False)
        assert proof.broken(clock.now) == ()

    def test_of_another_try_is_told_apart(self, attempt, clock):
        ipn(attempt, clock, **REFUSED)
        come_back(attempt, clock, **REFUSED)
        assert events(attempt) == ["refused", "refused"]

    def test_comes_back_after_the_payer_gave_up(self, attempt, clock):
        one_call = {**REFUSED, "Trans": "5329117", "Appel": "9771188"}
        ipn(attempt, clock, **one_call)
        come_back(attempt, clock, **ABANDONED)
        come_back(attempt, clock, **one_call)
        assert events(attempt) == ["refused", "abandoned", "refused"]
        assert proof.broken(clock.now) == ()

    def test_said_after_the_payment_of_a_later_try_changes_nothing(self, attempt, clock):
        ipn(attempt, clock)
        ipn(attempt, clock, **REFUSED)
        assert (again(attempt).status, events(attempt), kinds(attempt)) == ("paid", ["settled"], [])

    def test_of_the_very_transaction_that_settled_waits_in_a_case(self, attempt, clock):
        paid = ipn(attempt, clock)
        ipn(attempt, clock, **REFUSED, Trans=paid.facts["transaction"], Appel=paid.facts["call"])
        assert (again(attempt).status, kinds(attempt)) == ("paid", ["contradiction"])

    def test_an_abandon_lets_the_titre_go(self, attempt, titre, clock):
        come_back(attempt, clock, **ABANDONED)
        assert (again(attempt).status, held(titre)) == ("abandoned", False)

    def test_pending_is_told_once_whoever_brings_it(self, attempt, clock):
        one_call = {**PENDING, "Trans": "5329117", "Appel": "9771188"}
        ipn(attempt, clock, **one_call)
        come_back(attempt, clock, **one_call)
        assert (again(attempt).announced, events(attempt)) == ("pending", ["announced"])
        assert proof.broken(clock.now) == ()

    def test_pending_is_no_end(self, attempt, clock):
        ipn(attempt, clock, **PENDING)
        assert again(attempt).status == "handed_off"
        clock.pass_(days=2)
        ipn(attempt, clock)
        assert again(attempt).status == "paid"


class TestAMessageThatFoolsNobody:
    """Correctly signed, unless said otherwise, and bound to something else."""

    @pytest.mark.parametrize(
        ("changes", "differs"),
        [
            ({"Mt": "100"}, "amount"),
            ({"Ref": "FC2026000042-AAAAAAAAAAAAAAAAAAAAAA"}, "reference"),
            ({"Ref": "FC2026000043-AAAAAAAAAAAAAAAAAAAAAA"}, "debt_reference"),
            ({"Auto": "XXXXXX"}, "environment"),
        ],
    )
    def test_is_kept_and_waits_in_a_case(self, attempt, clock, changes, differs):
        evidence = ipn(attempt, clock, at_own=True, **changes)
        assert evidence.verdict == "differs"
        assert differs in evidence.facts["differs"].split()
        assert moved_nothing(attempt)
        assert kinds(attempt) == ["other_payment"]

    def test_without_authorisation_is_no_payment(self, attempt, clock):
        ipn(attempt, clock, Auto=None)
        assert (again(attempt).status, settlements(attempt)) == ("unknown", [])

    def test_about_another_attempt_moves_neither(self, product, clock):
        one = leave(product, titre_of(product), clock)
        other = leave(product, titre_of(product, reference="FC2026000043"), clock)
        ipn(one, clock, paybox.signed(paybox.said(other, clock.now)), at_own=True)
        assert moved_nothing(one)
        assert moved_nothing(other)

    def test_signed_by_another_key_is_not_even_read(self, attempt, clock):
        stranger = generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
        evidence = ipn(attempt, clock, paybox.signed(paybox.said(attempt, clock.now), by=stranger))
        assert (evidence.verdict, evidence.rank) == ("unreadable", 0)
        assert moved_nothing(attempt)

    def test_with_the_transaction_of_another_payment_waits_in_a_case(self, product, clock):
        one = leave(product, titre_of(product), clock)
        other = leave(product, titre_of(product, reference="FC2026000043"), clock)
        paid = ipn(one, clock)
        ipn(other, clock, Trans=paid.facts["transaction"], Appel=paid.facts["call"])
        assert moved_nothing(other)
        assert kinds(other) == ["other_payment"]

    def test_with_the_transaction_of_another_town_announces_and_waits_in_a_case(self, attempt, clock):
        paid = ipn(attempt, clock)
        neighbours = cast.make_next_town()
        theirs = paybox.make_paybox_product(neighbours, identifier="2718282-01-314159266")
        other = leave(theirs, titre_of(theirs), clock)
        ipn(other, clock, Trans=paid.facts["transaction"], Appel=paid.facts["call"])
        came = again(other)
        assert (came.status, came.announced, settlements(other)) == ("handed_off", "paid", [])
        assert kinds(other) == ["same_transaction"]

    def test_that_pays_twice_under_one_reference_waits_in_a_case(self, attempt, clock):
        ipn(attempt, clock)
        ipn(attempt, clock)
        assert len(settlements(attempt)) == 1
        assert kinds(attempt) == ["other_payment"]

    def test_long_after_the_page_was_over_is_kept_and_waits_in_a_case(self, attempt, clock):
        clock.pass_(hours=3)
        assert ipn(attempt, clock).facts["differs"] == "too_old"
        assert kinds(attempt) == ["other_payment"]
        assert settlements(attempt) == []


class TestTheAccountSOwnAddress:
    def test_finds_the_attempt_by_its_reference(self, attempt, product, clock):
        evidence = ipn_of_account(product.account, paybox.signed(paybox.said(attempt, clock.now)), clock)
        assert evidence.attempt_id == attempt.pk
        assert again(attempt).status == "paid"
        assert proof.broken(clock.now) == ()

    def test_keeps_what_names_no_attempt_of_the_account(self, attempt, product, clock):
        body = paybox.signed(paybox.said(attempt, clock.now, Ref="FC2026000042-AAAAAAAAAAAAAAAAAAAAAA"))
        evidence = ipn_of_account(product.account, body, clock)
        assert (evidence.attempt_id, evidence.verdict) == (None, "differs")
        assert moved_nothing(attempt)
        assert proof.broken(clock.now) == ()

    def test_is_deaf_to_another_account_s_references(self, attempt, town, clock):
        other = paybox.make_paybox_product(town, identifier="2718281-02-314159267", slug="musee")
        evidence = ipn_of_account(other.account, paybox.signed(paybox.said(attempt, clock.now)), clock)
        assert evidence.attempt_id is None
        assert moved_nothing(attempt)


class TestATestContract:
    def test_settles_and_extinguishes_nothing(self, town, clock):
        product = paybox.make_paybox_product(town, identifier="1999888-32-107904482", environment=Environment.TEST)
        titre = titre_of(product)
        attempt = leave(product, titre, clock)
        ipn(attempt, clock)
        assert again(attempt).status == "paid"
        with tenant(titre.collectivite_id):
            assert Titre.objects.get(pk=titre.pk).paid_at is None
