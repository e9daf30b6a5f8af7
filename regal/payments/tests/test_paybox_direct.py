"""Where the contract has Paybox Direct: a signed message announces, our question settles, a lost message is seen."""

import threading
from datetime import timedelta
from functools import partial

import pytest

from regal.agenda import watches
from regal.agenda.models import Effect, Watch
from regal.cases.models import Case
from regal.cases.operations import close as close_case
from regal.cases.operations import look_at
from regal.collectivites.models import GatewayAccount
from regal.collectivites.operations import keep_secret
from regal.gateways.base import DebtKind, Environment, Misconfigured
from regal.lib import paris
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.lib.vault import Secret
from regal.payments import confirmation, steps
from regal.payments.confirmation import look_after_provisional, report_unheard
from regal.payments.models import AttemptEvent, Evidence, Settlement
from regal.people.models import Role
from tests import cast, paybox, proof
from tests.at_once import at_once
from tests.cast import MORNING
from tests.inquiries import Clock, again, check, check_until, watch_of
from tests.notices import carry_one
from tests.paybox import REFUSED, FakePaybox, come_back, give_direct, ipn, leave, speaking_to

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
    return paybox.make_paybox_product(town, direct=True)


@pytest.fixture
def titre(product):
    with tenant(product.collectivite_id):
        return cast.make_titre(product)


@pytest.fixture
def attempt(product, titre, clock):
    """Mme Leroy is on Paybox's page, and Direct may be asked about her."""
    return leave(product, titre, clock)


def kinds(attempt):
    with tenant(attempt.collectivite_id):
        cases = Case.objects.filter(subject_kind="attempt", subject_id=attempt.pk, closed_at__isnull=True)
        return sorted(cases.values_list("kind", flat=True))


def events(attempt):
    with tenant(attempt.collectivite_id):
        return list(AttemptEvent.objects.filter(attempt=attempt).order_by("number").values_list("event", flat=True))[2:]


def settlement_of(attempt):
    with tenant(attempt.collectivite_id):
        return Settlement.objects.select_related("evidence").filter(attempt=attempt).first()


def kept(attempt):
    with tenant(attempt.collectivite_id):
        rows = Evidence.objects.filter(attempt=attempt).order_by("pk")
        return [(row.source, row.rank, row.outcome) for row in rows]


class TestAPayment:
    def test_is_announced_by_the_message_and_settled_by_the_answer(self, attempt, clock, fake):
        said = ipn(attempt, clock)
        assert (again(attempt).status, again(attempt).announced) == ("handed_off", "paid")
        fake.statuses[said.facts["transaction"]] = "Capturé"
        check(clock)
        paid = again(attempt)
        assert (paid.status, paid.is_provisional, paid.standing) == ("paid", False, "confirmed")
        settled = settlement_of(attempt)
        assert (settled.rank, settled.transaction, settled.occurred_at) == (
            2,
            said.facts["transaction"],
            said.occurred_at,
        )
        assert proof.broken(clock.now) == ()

    def test_is_settled_by_the_answer_when_only_the_browser_came_back(self, attempt, clock, fake):
        said = come_back(attempt, clock)
        fake.collected(attempt, said, "Autorisé")
        check(clock)
        assert again(attempt).status == "paid"

    def test_told_at_the_attempt_s_own_address_is_settled_once_it_is_named_under_our_reference(
        self, attempt, clock, fake
    ):
        said = ipn(attempt, clock, at_own=True)
        fake.collected(attempt, said)
        check(clock)
        assert [question["TYPE"] for question in fake.asked] == ["00011", "00017"]
        settled = settlement_of(attempt)
        assert (settled.rank, settled.transaction) == (2, said.facts["transaction"])
        assert (events(attempt), kinds(attempt)) == (["announced", "settled"], [])
        assert proof.broken(clock.now) == ()

    def test_is_settled_also_where_both_questions_are_answered_in_the_same_words(self, attempt, clock, fake):
        fake.says_its_status = True
        fake.collected(attempt, ipn(attempt, clock, at_own=True))
        check(clock)
        assert (again(attempt).status, events(attempt)) == ("paid", ["announced", "settled"])
        assert proof.broken(clock.now) == ()

    def test_is_asked_about_under_a_new_number_each_time(self, attempt, clock, fake):
        ipn(attempt, clock)
        check_until(clock, MORNING + timedelta(minutes=10))
        assert len(fake.numbers) > 3
        assert len(set(fake.numbers)) == len(fake.numbers)

    def test_after_a_refusal_on_the_same_page_is_settled_too(self, attempt, clock, fake):
        ipn(attempt, clock, **REFUSED)
        said = ipn(attempt, clock)
        fake.statuses[said.facts["transaction"]] = "Capturé"
        check(clock)
        assert events(attempt) == ["refused", "announced", "settled"]

    def test_whose_window_is_over_is_still_asked_about(self, attempt, clock, fake):
        check_until(clock, MORNING + timedelta(hours=5))
        assert again(attempt).status == "expired_presumed"
        said = ipn(attempt, clock)
        fake.statuses[said.facts["transaction"]] = "Capturé"
        check(clock)
        assert (again(attempt).status, kinds(attempt)) == ("paid", ["late_payment"])

    def test_is_one_however_many_messages_come_at_once(self, attempt, clock, fake):
        body = paybox.signed(paybox.said(attempt, clock.now))
        stored = [paybox.store_ipn(attempt, clock, body) for _ in range(10)]
        fake.statuses |= {paybox.judged(stored[0], clock).facts["transaction"]: "Capturé"}
        check(clock)
        assert events(attempt) == ["announced", "settled"]


class TestAMessageThatFoolsNobody:
    @pytest.mark.parametrize("day", ["01012020", "31122999"])
    def test_chooses_no_accounting_day(self, attempt, clock, fake, day):
        true = ipn(attempt, clock)
        same = {"Trans": true.facts["transaction"], "Appel": true.facts["call"]}
        clock.pass_(seconds=1)
        ipn(attempt, clock, **same, Date=day)
        fake.statuses[same["Trans"]] = "Capturé"
        check(clock)
        settled = settlement_of(attempt)
        assert (settled.occurred_at, settled.accounting_day) == (clock.now, paris.today(MORNING))
        assert proof.broken(clock.now) == ()

    def test_is_announced_and_no_more_while_direct_does_not_know_its_transaction(self, attempt, clock, fake):
        ipn(attempt, clock)
        check_until(clock, MORNING + timedelta(minutes=30))
        assert (again(attempt).status, settlement_of(attempt)) == ("handed_off", None)
        assert kinds(attempt) == ["impossible_answer"]
        assert proof.broken(clock.now) == ()

    def test_hides_no_other_that_is_true(self, attempt, clock, fake):
        true = ipn(attempt, clock)
        ipn(attempt, clock)
        fake.statuses[true.facts["transaction"]] = "Capturé"
        check_until(clock, MORNING + timedelta(minutes=10))
        assert settlement_of(attempt).transaction == true.facts["transaction"]

    def test_does_not_settle_by_the_transaction_of_another_site(self, attempt, clock, fake):
        said = ipn(attempt, clock)
        fake.statuses[said.facts["transaction"]] = "Capturé"
        fake.site = "7654321"
        check_until(clock, MORNING + timedelta(minutes=5))
        assert settlement_of(attempt) is None
        assert kinds(attempt) == ["other_payment"]


class TestNumbersThatAnybodyHasSigned:
    """The payer writes to the attempt's own address, which his form named, whatever he had Paybox sign."""

    def test_of_another_program_on_the_contract_settle_nothing(self, attempt, clock, fake):
        fake.statuses["4242"] = "Capturé"
        ipn(attempt, clock, at_own=True, Trans="4242", Appel="77")
        check_until(clock, MORNING + timedelta(minutes=30))
        assert (again(attempt).standing, settlement_of(attempt)) == ("announced_paid", None)
        assert kinds(attempt) == ["impossible_answer"]
        assert proof.broken(clock.now) == ()

    def test_of_a_cheap_payment_whose_message_was_lost_do_not_pay_a_dear_debt(self, attempt, product, clock, fake):
        with tenant(product.collectivite_id):
            titre = cast.make_titre(product, reference="FC2026000077", amount=Money(100))
        cheap = leave(product, titre, clock)
        fake.statuses["4242"] = "Capturé"
        fake.existing[cheap.reference] = ("4242", "77")
        ipn(attempt, clock, at_own=True, Trans="4242", Appel="77")
        check_until(clock, MORNING + timedelta(minutes=30))
        assert (settlement_of(attempt), settlement_of(cheap)) == (None, None)
        assert (kinds(attempt), kinds(cheap)) == (["impossible_answer"], ["not_notified"])

    @pytest.mark.parametrize("named", [("4243", "78"), ("4242", "78"), ("", "")])
    def test_that_are_not_those_under_our_reference_settle_nothing(self, attempt, clock, fake, named):
        fake.statuses["4242"] = "Capturé"
        fake.existing[attempt.reference] = named
        ipn(attempt, clock, at_own=True, Trans="4242", Appel="77")
        check_until(clock, MORNING + timedelta(minutes=30))
        assert (again(attempt).standing, settlement_of(attempt)) == ("announced_paid", None)
        assert kinds(attempt) == ["not_notified"]

    def test_hide_no_true_ones(self, attempt, clock, fake):
        true = ipn(attempt, clock, at_own=True)
        ipn(attempt, clock, at_own=True, Trans="4242", Appel="77")
        fake.statuses["4242"] = "Capturé"
        fake.collected(attempt, true)
        check_until(clock, MORNING + timedelta(minutes=10))
        assert settlement_of(attempt).transaction == true.facts["transaction"]

    def test_of_another_phase_of_the_same_contract_are_not_even_asked_about(self, town, clock, fake):
        product = paybox.make_paybox_product(town, direct=True)
        with tenant(town.collectivite):
            cheap, dear = (
                cast.make_titre(product, reference="FC2026000077", amount=Money(100)),
                cast.make_titre(product),
            )
            activation = GatewayAccount.objects.create(
                collectivite=town.collectivite,
                gateway="paybox",
                debt_kind=DebtKind.REGIE,
                environment=Environment.ACTIVATION,
                identifier=product.account.identifier,
                regie=product.account.regie,
            )
            keep_secret(account=activation, name="hmac", value=Secret.of_text(paybox.HMAC))
        give_direct(activation)
        one, two = leave(product, cheap, clock, contract=activation), leave(product, dear, clock)
        said = ipn(one, clock)
        fake.collected(one, said)
        check(clock)
        ipn(two, clock, Trans=said.facts["transaction"], Appel=said.facts["call"])
        check_until(clock, clock.now + timedelta(minutes=5))
        assert (again(one).status, again(two).standing, settlement_of(two)) == ("paid", "announced_paid", None)
        assert kinds(two) == ["same_transaction"]


class TestALostMessage:
    def test_waits_in_a_case_within_five_minutes_and_settles_nothing(self, attempt, clock, fake):
        check_until(clock, MORNING + timedelta(minutes=12))
        fake.existing[attempt.reference] = ("987654", "77")
        check_until(clock, clock.now + timedelta(minutes=5))
        assert (again(attempt).status, settlement_of(attempt), kinds(attempt)) == ("handed_off", None, ["not_notified"])
        assert proof.broken(clock.now) == ()

    def test_that_comes_after_all_ends_the_case(self, attempt, clock, fake):
        fake.existing[attempt.reference] = ("987654", "77")
        check_until(clock, MORNING + timedelta(minutes=5))
        fake.statuses["987654"] = "Capturé"
        ipn(attempt, clock, at_own=True, Trans="987654", Appel="77")
        check(clock)
        assert (again(attempt).status, kinds(attempt)) == ("paid", [])

    def test_is_not_lost_while_it_may_still_be_under_way(self, attempt, clock, fake):
        fake.existing[attempt.reference] = ("987654", "77")
        check_until(clock, MORNING + timedelta(seconds=31))
        assert kinds(attempt) == []

    def test_is_none_where_what_exists_is_the_refusal_that_was_told(self, attempt, clock, fake):
        refused = ipn(attempt, clock, **REFUSED)
        fake.existing[attempt.reference] = (refused.facts["transaction"], refused.facts["call"])
        check_until(clock, MORNING + timedelta(minutes=30))
        assert kinds(attempt) == []


class TestAPaymentNeverMade:
    def test_is_presumed_dead_after_the_page_and_ends_without_a_case(self, attempt, clock, fake):
        check_until(clock, MORNING + timedelta(hours=2))
        assert again(attempt).status == "expired_presumed"
        check_until(clock, MORNING + timedelta(days=8))
        assert watch_of(attempt).closed_at is not None
        assert kinds(attempt) == []
        assert proof.broken(clock.now) == ()


class TestDirectGivenLater:
    def test_confirms_what_a_signature_settled(self, town, clock, fake):
        product = paybox.make_paybox_product(town, identifier="2718281-02-314159267", slug="musee")
        with tenant(town.collectivite):
            titre = cast.make_titre(product)
        attempt = leave(product, titre, clock)
        said = ipn(attempt, clock)
        assert again(attempt).is_provisional
        fake.statuses[said.facts["transaction"]] = "Capturé"
        fake.rank = "02"
        give_direct(product.account)
        assert look_after_provisional(collectivite=town.collectivite, now=clock.pass_(hours=1)) == 0
        check(clock)
        paid = again(attempt)
        assert (paid.is_provisional, paid.standing, events(attempt)) == (False, "confirmed", ["settled", "confirmed"])
        assert watch_of(attempt).closed_at is not None
        assert proof.broken(clock.now) == ()


class TestAProvisionalPayment:
    def test_waits_in_a_case_after_two_working_days(self, town, clock, fake):
        product = paybox.make_paybox_product(town, identifier="2718281-02-314159267", slug="musee")
        with tenant(town.collectivite):
            titre = cast.make_titre(product)
        attempt = leave(product, titre, clock)
        ipn(attempt, clock)
        for hours, late in ((47, []), (24, ["not_confirmed"])):
            clock.pass_(hours=hours)
            look_after_provisional(collectivite=town.collectivite, now=clock.now)
            assert kinds(attempt) == late
        assert proof.broken(clock.now) == ()

    def test_that_an_answer_denies_is_asked_about_no_more(self, town, clock, fake):
        product = paybox.make_paybox_product(town)
        with tenant(town.collectivite):
            titre = cast.make_titre(product)
        attempt = leave(product, titre, clock)
        said = ipn(attempt, clock)
        give_direct(product.account)
        fake.statuses[said.facts["transaction"]] = "Annulé"
        for _ in range(12):
            look_after_provisional(collectivite=town.collectivite, now=clock.now)
            check_until(clock, clock.now + timedelta(hours=1))
        assert (len(fake.asked), events(attempt)) == (1, ["settled", "contradicted"])
        assert (kinds(attempt), again(attempt).is_provisional) == (["contradiction"], True)

    def test_of_a_contract_that_cannot_be_opened_starves_no_other(self, town, clock, fake):
        broken = paybox.make_paybox_product(town)
        sound = paybox.make_paybox_product(town, identifier="2718282-01-314159266", slug="musee")
        with tenant(town.collectivite):
            titres = [cast.make_titre(one, reference=f"FC20260001{n:02d}") for n, one in enumerate((broken, sound))]
        attempts = [leave(broken, titres[0], clock), leave(sound, titres[1], clock)]
        for attempt in attempts:
            ipn(attempt, clock)
        with tenant(town.collectivite):
            GatewayAccount.objects.filter(pk=broken.account_id).update(options={"nonsense": 1})
        with pytest.raises(Misconfigured):
            look_after_provisional(collectivite=town.collectivite, now=clock.pass_(days=8))
        assert [kinds(attempt) for attempt in attempts] == [["not_confirmed"], ["not_confirmed"]]


class TestTheSameAnswerAgain:
    def test_is_no_news_and_reopens_no_case_that_a_person_has_closed(self, town, attempt, clock, fake):
        fake.statuses[ipn(attempt, clock).facts["transaction"]] = "Annulé"
        check_until(clock, MORNING + timedelta(hours=1))
        assert (kinds(attempt), events(attempt)) == (["unknown_outcome"], ["announced", "outcome_unknown"])
        close(town, attempt, clock)
        asked = len(fake.asked)
        check_until(clock, clock.now + timedelta(hours=3))
        assert len(fake.asked) > asked
        assert (kinds(attempt), events(attempt)) == ([], ["announced", "outcome_unknown"])

    def test_about_what_no_message_told_of_reopens_none_either(self, town, attempt, clock, fake):
        fake.existing[attempt.reference] = ("7777777", "8888888")
        check_until(clock, MORNING + timedelta(minutes=30))
        assert kinds(attempt) == ["not_notified"]
        close(town, attempt, clock)
        check_until(clock, clock.now + timedelta(hours=3))
        assert kinds(attempt) == []


def close(town, attempt, clock):
    """A person has looked, and decided."""
    with tenant(town.collectivite):
        for case in Case.objects.filter(subject_id=attempt.pk, closed_at__isnull=True):
            look_at(case=case, user=town.agent, now=clock.now)
            why = "Vu chez Paybox ce matin."
            close_case(case=case, by=town.agent, role=Role.REGISSEUR, decision="other", reason=why, now=clock.now)


class TestAPaymentThatNobodyHeardOf:
    def test_after_a_refusal_waits_in_a_case_when_direct_names_no_number(self, attempt, clock, fake):
        ipn(attempt, clock, **REFUSED)
        fake.existing[attempt.reference] = ("7777777", "8888888")
        fake.without_numbers = True
        check_until(clock, MORNING + timedelta(minutes=30))
        assert kinds(attempt) == ["not_notified"]

    def test_that_only_the_browser_brought_waits_in_a_case_after_two_working_days(self, town, clock, fake):
        product = paybox.make_paybox_product(town)
        with tenant(town.collectivite):
            titre = cast.make_titre(product)
        attempt = leave(product, titre, clock)
        come_back(attempt, clock)
        for hours, waiting in ((47, []), (24, ["not_notified"])):
            report_unheard(collectivite=town.collectivite, now=clock.pass_(hours=hours))
            assert kinds(attempt) == waiting
        close(town, attempt, clock)
        report_unheard(collectivite=town.collectivite, now=clock.pass_(hours=1))
        assert kinds(attempt) == []

    def test_is_the_checker_s_where_direct_can_be_asked(self, town, attempt, clock):
        come_back(attempt, clock)
        assert report_unheard(collectivite=town.collectivite, now=clock.pass_(hours=100)) == 0
        assert kinds(attempt) == []


class TestASignedMessageThatWeCannotRead:
    def test_waits_in_a_case_once(self, town, attempt, clock, fake):
        assert ipn(attempt, clock, at_own=True, Erreur="0").verdict == "unreadable"
        assert kinds(attempt) == ["unknown_outcome"]
        close(town, attempt, clock)
        ipn(attempt, clock, at_own=True, Erreur="1")
        assert kinds(attempt) == []
        assert proof.broken(clock.now) == ()

    def test_at_the_account_s_own_address_is_about_the_account(self, town, product, clock, fake):
        paybox.ipn_of_account(product.account, paybox.signed(b"Montant=100"), clock)
        with tenant(town.collectivite):
            case = Case.objects.get()
        assert (case.kind, case.subject_kind, case.subject_id) == ("unknown_outcome", "account", product.account_id)

    def test_opens_none_where_nobody_proved_to_have_written_it(self, attempt, clock, fake):
        ipn(attempt, clock, b"Erreur=0&Sign=AAAA", at_own=True)
        assert kinds(attempt) == []


class TestAtOnce:
    def test_the_duty_and_the_end_of_an_outage_wait_for_each_other_in_order(self, town, clock, fake, monkeypatch):
        """The duty holds one attempt's watch; the checker, with the other attempt, makes every watch due again."""
        product = paybox.make_paybox_product(town)
        with tenant(town.collectivite):
            titres = [cast.make_titre(product, reference=f"FC20260001{n:02d}") for n in range(2)]
        first, second = (leave(product, titre, clock) for titre in titres)
        said = [ipn(attempt, clock) for attempt in (first, second)]
        give_direct(product.account)
        fake.is_down = True
        look_after_provisional(collectivite=town.collectivite, now=clock.now)
        check(clock)
        clock.pass_(minutes=5)
        check(clock)
        clock.pass_(minutes=10)
        fake.is_down = False
        fake.statuses |= {one.facts["transaction"]: "Capturé" for one in said}
        Watch.objects.filter(attempt_id=second.pk).update(due_at=clock.now - timedelta(hours=1))
        duty_wants_second, checker_has_second = threading.Event(), threading.Event()
        lock_attempt, note_answer = steps.lock_attempt, watches.note_answer

        def lock_when_taken(**which):
            if which["attempt_id"] == second.pk:
                duty_wants_second.set()
                checker_has_second.wait(20)
            return lock_attempt(**which)

        def note_when_wanted(**what):
            if not checker_has_second.is_set():
                duty_wants_second.wait(20)
                checker_has_second.set()
            return note_answer(**what)

        monkeypatch.setattr(confirmation, "lock_attempt", lock_when_taken)
        monkeypatch.setattr(watches, "note_answer", note_when_wanted)
        duty = partial(look_after_provisional, collectivite=town.collectivite, now=clock.now)
        assert not any(isinstance(done, Exception) for done in at_once(duty, partial(check, clock)))
        assert (again(first).is_provisional, again(second).is_provisional) == (False, False)

    def test_the_same_bytes_fifty_times_have_one_effect(self, town, clock, fake):
        product = paybox.make_paybox_product(town, identifier="2718281-02-314159267", slug="musee")
        with tenant(town.collectivite):
            titre = cast.make_titre(product)
        attempt = leave(product, titre, clock)
        body = paybox.signed(paybox.said(attempt, clock.now))
        for _ in range(50):
            paybox.store_ipn(attempt, clock, body)
        due = list(Effect.objects.filter(kind="judge_message").values_list("pk", flat=True))
        done: list[object] = []
        for start in range(0, 50, 10):
            done += at_once(*[partial(carry_one, effect) for effect in due[start : start + 10]])
        assert done == [True] * 50
        assert events(attempt) == ["settled"]
        assert proof.broken(clock.now) == ()
