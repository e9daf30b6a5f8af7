"""A payer in régie is sent one ticket, whatever becomes of the mail; TIPI tells the others."""

import dataclasses
import json
import re
import smtplib
from datetime import timedelta

import pytest
import typst
from django.core import mail as outbox

from regal.agenda.models import Effect
from regal.agenda.operations import LEASE
from regal.cases.models import Case
from regal.cases.models import Kind as CaseKind
from regal.collectivites.models import Regie
from regal.config import jobs
from regal.gateways.base import DebtKind, Environment, Rank
from regal.lib import mail
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, Payer, Settlement
from regal.payments.reversing import reverse
from regal.proof.operations import verify
from regal.receipts import operations, refusals, wording
from regal.receipts.models import Kind, Ticket, Why
from regal.titres import operations as titres
from tests import cast, notices
from tests.cast import MME_LEROY, MORNING
from tests.mailbox import file_of, html_of

pytestmark = pytest.mark.usefixtures("committed_db")

IDOPS = {n: f"b9b4b9a0-0000-11f1-8000-{n:012d}" for n in (1, 2)}


class Killed(BaseException):
    """The process dies here."""


def make_town(environment=Environment.PRODUCTION, gateway="payfip_ws", numcli="006383"):
    town = cast.make_saint_aubin()
    with tenant(town.collectivite):
        town.collectivite.contact = "Régie des cantines, 02 00 00 00 00, cantine@saint-aubin.example"
        town.collectivite.save(update_fields=["contact"])
    product = cast.make_product(
        town, DebtKind.REGIE, slug="restaurant", numcli=numcli, gateway=gateway, environment=environment
    )
    with tenant(town.collectivite):
        Regie.objects.filter(pk=product.account.regie_id).update(name="Régie des cantines")
    return town, product


@pytest.fixture
def town():
    return make_town()


def ticket_of(attempt, kind=Kind.FIRST):
    with tenant(attempt.collectivite_id):
        return Ticket.objects.filter(settlement__attempt=attempt, kind=kind).latest("pk")


def cases(attempt):
    with tenant(attempt.collectivite_id):
        return list(Case.objects.filter(kind=CaseKind.TICKET_NOT_SENT, subject_id=attempt.pk))


def effect(attempt):
    with tenant(attempt.collectivite_id):
        settlement = Settlement.objects.get(attempt=attempt)
    return Effect.objects.get(kind="send_ticket", subject_id=settlement.pk)


def carry(attempt, now):
    """What workers do until then; what fails is put off, as in the worker."""
    while True:
        try:
            return notices.run_due(now)
        except mail.MailFailure:
            continue


def letter_of(attempt):
    with tenant(attempt.collectivite_id):
        letter = wording.letter_about(Ticket.objects.filter(settlement__attempt=attempt).latest("pk"))
    assert letter is not None
    return letter


class TestTicket:
    def test_leaves_once_after_a_payment_in_regie(self, town):
        attempt = notices.pay(town[0], cast.make_titre(town[1]))
        carry(attempt, cast.later(seconds=1))
        carry(attempt, cast.later(days=1))
        (letter,) = outbox.outbox
        assert letter.to == [MME_LEROY]
        assert letter.from_email.startswith("Saint-Aubin <")
        assert letter.reply_to == ["cantine@saint-aubin.example"]
        assert letter.extra_headers["Auto-Submitted"] == "auto-generated"
        ticket = ticket_of(attempt)
        assert letter.extra_headers["Message-ID"] == ticket.message_id
        assert ticket.sent_at is not None
        assert (ticket.tries, ticket.uncertain, ticket.why) == (1, 0, "")
        assert ticket.owed_at == MORNING

    def test_says_what_was_paid_and_that_it_is_no_quittance(self, town):
        attempt = notices.pay(town[0], cast.make_titre(town[1]))
        carry(attempt, cast.later(seconds=1))
        (letter,) = outbox.outbox
        assert letter.subject == "Ticket de paiement\u00a0: 84,70\u00a0€, Saint-Aubin"
        html = html_of(letter)
        for text in (letter.body, html):
            for told in (
                "Votre paiement est confirmé",
                "Saint-Aubin",
                "Régie des cantines",
                "Facture",
                "FC2026000042",
                "Cantine, octobre 2026",
                "84,70\u00a0€",
                "Compté pour la facture",
                "24 novembre 2026 à 9\u00a0h\u00a000",
                "Numéro d’opération PayFiP",
                "Ce ticket n’est pas une quittance.",
                "PayFiP vous envoie aussi son propre message.",
                "cantine@saint-aubin.example",
            ):
                assert told in text, told
            assert "en trop" not in text
            assert "Essai" not in text
        assert 'lang="fr"' in html
        assert not re.search(r"<img|<script|https?://|src=|url\(|color:", html)
        assert 'content="light dark"' in html

    def test_carries_a_tagged_pdf_that_says_the_same(self, town):
        attempt = notices.pay(town[0], cast.make_titre(town[1]))
        carry(attempt, cast.later(seconds=1))
        name, content, kind = file_of(outbox.outbox[0])
        assert (name, kind) == (f"ticket-de-paiement-{attempt.pk}.pdf", "application/pdf")
        assert content.startswith(b"%PDF-1.7")
        assert b"/StructTreeRoot" in content
        assert b"/Lang" in content
        letter = letter_of(attempt)
        assert letter.pdf() == content, "the same ticket gives the same bytes"
        told = json.dumps(json.loads(typst.query(str(wording.TEMPLATE), "table", sys_inputs={"data": letter.data()})))
        assert "FC2026000042" in told
        assert json.dumps("84,70\u00a0€")[1:-1] in told

    @pytest.mark.parametrize("name", ['#panic("x")', "$x^2$ *b* `c` <a> @b \\ // /* ", '#read("/etc/passwd")', "<b>é"])
    def test_takes_a_hostile_name_as_text(self, town, name):
        titre = cast.make_titre(town[1])
        with tenant(town[0].collectivite):
            town[0].collectivite.name = name
            town[0].collectivite.save(update_fields=["name"])
        attempt = notices.pay(town[0], titre)
        carry(attempt, cast.later(seconds=1))
        letter = letter_of(attempt)
        assert letter.pdf().startswith(b"%PDF")
        headings = typst.query(str(wording.TEMPLATE), "heading", sys_inputs={"data": letter.data()})
        assert len(json.loads(headings)) == 1
        assert "<b>é" not in letter.html()

    def test_speaks_english_to_whoever_paid_in_english(self, town):
        attempt = cast.leave_with(cast.make_titre(town[1]), language="en")
        settle(town, attempt)
        carry(attempt, cast.later(seconds=1))
        (letter,) = outbox.outbox
        for told in ("Invoice", "€84.70", "24 November 2026 at 09:00"):
            assert told in letter.body, told
        assert 'lang="en"' in html_of(letter)
        assert '"lang": "en"' in letter_of(attempt).data()

    def test_uses_the_town_s_word(self, town):
        with tenant(town[0].collectivite):
            town[0].collectivite.debt_word = "avis"
            town[0].collectivite.save(update_fields=["debt_word"])
        attempt = notices.pay(town[0], cast.make_titre(town[1]))
        carry(attempt, cast.later(seconds=1))
        assert "Avis\u00a0: FC2026000042" in outbox.outbox[0].body
        assert "Compté pour l’avis" in outbox.outbox[0].body

    def test_says_what_is_too_much(self, town):
        titre = cast.make_titre(town[1])
        attempt = cast.leave_with(titre)
        cast.reduce(titre, 1_000, now=cast.later(hours=1))
        settle(town, attempt, now=cast.later(hours=2))
        carry(attempt, cast.later(hours=3))
        body = outbox.outbox[0].body
        assert "Compté pour la facture\u00a0: 74,70\u00a0€" in body
        assert "Payé en trop\u00a0: 10,00\u00a0€" in body
        assert "10,00\u00a0€ sont en trop" in body

    def test_is_sent_for_a_late_payment_too(self, town):
        titre = cast.make_titre(town[1])
        attempt = cast.leave_with(titre)
        titres.cancel(titre=titre, reason="Doublon de facture", paid=lambda _: Money.zero, now=cast.later(hours=1))
        settle(town, attempt, now=cast.later(days=3))
        carry(attempt, cast.later(days=3, seconds=1))
        body = outbox.outbox[0].body
        assert "Payé en trop\u00a0: 84,70\u00a0€" in body
        assert "Compté pour" not in body

    def test_says_first_that_a_trial_takes_no_money(self):
        town = make_town(Environment.TEST)
        attempt = notices.pay(town[0], cast.make_titre(town[1]))
        carry(attempt, cast.later(seconds=1))
        (letter,) = outbox.outbox
        assert letter.subject.startswith("Essai\u00a0: aucun argent n’a été encaissé.")
        assert letter.body.startswith("Essai\u00a0: aucun argent n’a été encaissé.")
        assert "Compté pour" not in letter.body
        assert "confirmé" not in letter.body
        assert "Essai" in letter_of(attempt).data()

    def test_is_not_ours_to_send_hors_regie(self):
        town = cast.make_saint_aubin()
        attempt = cast.start(town).attempt
        notices.hear(town, attempt)
        carry(attempt, cast.later(hours=1))
        assert outbox.outbox == []
        assert not Effect.objects.filter(kind="send_ticket").exists()

    def test_is_due_once_however_often_the_proof_comes(self, town):
        attempt = cast.leave_with(cast.make_titre(town[1]))
        for _ in range(3):
            settle(town, attempt)
        carry(attempt, cast.later(hours=1))
        assert len(outbox.outbox) == 1

    def test_is_given_up_without_a_case_when_the_address_is_purged(self, town):
        attempt = notices.pay(town[0], cast.make_titre(town[1]))
        with tenant(town[0].collectivite):
            Payer.objects.filter(attempt=attempt).delete()
        carry(attempt, cast.later(hours=1))
        assert outbox.outbox == []
        assert ticket_of(attempt).why == Why.NO_ADDRESS
        assert effect(attempt).done_at is not None
        assert cases(attempt) == []


def settle(town, attempt, *, now=MORNING):
    """PayFiP says paid, when it is asked."""
    of_the_regie = dataclasses.replace(town[0], product=town[1], account=town[1].account)
    said = notices.notice(of_the_regie, attempt, rank=Rank.ASKED, occurred_at=now)
    notices.hear(of_the_regie, attempt, said, digest="a" * 64, now=now)


class TestMailOutage:
    def test_of_hours_loses_nothing_and_ends_within_ten_minutes(self, town, monkeypatch):
        attempt = notices.pay(town[0], cast.make_titre(town[1]))
        sending, now = mail.send, cast.later(seconds=1)

        def away(**_):
            raise mail.NotTaken("ConnectionRefusedError")

        monkeypatch.setattr(mail, "send", away)
        while now < cast.later(hours=5):
            carry(attempt, now)
            assert effect(attempt).due_at - now <= timedelta(minutes=10)
            assert ticket_of(attempt).started_at is None, "it is known that nothing left"
            now += timedelta(minutes=3)
        late = [row.key for row in verify(now=now).late]
        assert f"effect {effect(attempt).pk}: a ticket waits" in late
        assert not [row for row in verify(now=now).broken if "ticket" in str(row)]
        monkeypatch.setattr(mail, "send", sending)
        carry(attempt, now + timedelta(minutes=10))
        assert len(outbox.outbox) == 1
        assert ticket_of(attempt).uncertain == 0
        assert ticket_of(attempt).tries > 10
        assert cases(attempt) == []

    def test_an_address_refused_for_good_waits_for_a_person(self, town, monkeypatch):
        attempt = notices.pay(town[0], cast.make_titre(town[1]))

        def refuse(**_):
            raise mail.BadAddress("smtp_550")

        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(mail, "send", refuse)
            carry(attempt, cast.later(seconds=1))
        assert ticket_of(attempt).why == Why.BAD_ADDRESS
        (case,) = cases(attempt)
        assert (case.facts["unsent"], case.facts["mail_code"]) == ("bad_address", "smtp_550")
        assert effect(attempt).done_at is not None
        with tenant(town[0].collectivite):
            operations.ask_again(attempt=attempt, user=town[0].agent, now=cast.later(hours=1))
        carry(attempt, cast.later(hours=2))
        (case,) = cases(attempt)
        assert case.closed_rule == "send_ticket"


class TestCrash:
    """Between the server's acceptance and our record."""

    def send_and_die(self, monkeypatch, times):
        sending, left = mail.send, [times]

        def send(**letter):
            sending(**letter)
            if left[0]:
                left[0] -= 1
                raise Killed

        monkeypatch.setattr(mail, "send", send)

    def test_sends_it_once_more_under_the_same_name_and_counts_it(self, town, monkeypatch):
        attempt = notices.pay(town[0], cast.make_titre(town[1]))
        self.send_and_die(monkeypatch, times=1)
        with pytest.raises(Killed):
            carry(attempt, cast.later(seconds=1))
        carry(attempt, cast.later(seconds=60))
        assert len(outbox.outbox) == 1, "who has the lease may still be at it"
        carry(attempt, cast.later(seconds=2) + LEASE)
        one, other = outbox.outbox
        assert one.extra_headers["Message-ID"] == other.extra_headers["Message-ID"]
        ticket = ticket_of(attempt)
        assert (ticket.sent_at is not None, ticket.uncertain, ticket.tries) == (True, 1, 2)
        assert cases(attempt) == []

    def test_never_a_third_time(self, town, monkeypatch):
        attempt = notices.pay(town[0], cast.make_titre(town[1]))
        self.send_and_die(monkeypatch, times=5)
        for minutes in (0, 3):
            with pytest.raises(Killed):
                carry(attempt, cast.later(minutes=minutes, seconds=1))
        carry(attempt, cast.later(hours=1))
        carry(attempt, cast.later(hours=2))
        assert len(outbox.outbox) == 2
        ticket = ticket_of(attempt)
        assert (ticket.sent_at, ticket.uncertain, ticket.why) == (None, 2, Why.NOT_KNOWN)
        (case,) = cases(attempt)
        assert case.facts["unsent"] == "not_known"
        assert not [row for row in verify(now=cast.later(hours=2)).broken if "ticket" in str(row)]

    def test_takes_a_connection_that_broke_while_leaving_for_the_same(self, town, monkeypatch):
        attempt = notices.pay(town[0], cast.make_titre(town[1]))
        sending = mail.send

        def break_off(**_):
            raise mail.PerhapsTaken("SMTPServerDisconnected")

        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(mail, "send", break_off)
            with pytest.raises(mail.PerhapsTaken):
                notices.run_due(cast.later(seconds=1))
        assert mail.send is sending
        carry(attempt, cast.later(hours=1))
        assert (len(outbox.outbox), ticket_of(attempt).uncertain) == (1, 1)


class TestCopy:
    def ask(self, town, attempt, **later):
        with tenant(town[0].collectivite):
            return operations.ask_again(attempt=attempt, user=town[0].agent, now=cast.later(**later))

    def test_says_that_it_is_one(self, town):
        attempt = notices.pay(town[0], cast.make_titre(town[1]))
        carry(attempt, cast.later(seconds=1))
        copy = self.ask(town, attempt, days=1)
        carry(attempt, cast.later(days=1, seconds=1))
        first, again = outbox.outbox
        assert again.subject == "DUPLICATA du ticket de paiement\u00a0: 84,70\u00a0€, Saint-Aubin"
        assert again.body.startswith("DUPLICATA du 25 novembre 2026 à 9\u00a0h\u00a000.")
        assert "<strong>DUPLICATA du 25 novembre 2026 à 9\u00a0h\u00a000." in html_of(again)
        assert "DUPLICATA du 25 novembre 2026" in letter_of(attempt).data()
        assert "DUPLICATA" not in f"{first.subject}{first.body}{html_of(first)}"
        assert again.to == first.to
        assert again.extra_headers["Message-ID"] == copy.message_id != first.extra_headers["Message-ID"]

    def test_is_refused_while_the_first_has_not_left(self, town):
        attempt = notices.pay(town[0], cast.make_titre(town[1]))
        with pytest.raises(refusals.NoTicket):
            self.ask(town, attempt, seconds=1)

    def test_is_refused_after_three_in_an_hour(self, town):
        attempt = notices.pay(town[0], cast.make_titre(town[1]))
        carry(attempt, cast.later(seconds=1))
        for minutes in (1, 2, 3):
            self.ask(town, attempt, minutes=minutes)
            with pytest.raises(refusals.StillLeaving):
                self.ask(town, attempt, minutes=minutes)
            carry(attempt, cast.later(minutes=minutes, seconds=1))
        with pytest.raises(refusals.TooManyCopies):
            self.ask(town, attempt, minutes=4)
        self.ask(town, attempt, minutes=61, seconds=1)

    def test_is_refused_once_the_address_is_purged(self, town):
        attempt = notices.pay(town[0], cast.make_titre(town[1]))
        carry(attempt, cast.later(seconds=1))
        with tenant(town[0].collectivite):
            Payer.objects.filter(attempt=attempt).delete()
        with pytest.raises(refusals.NoAddress):
            self.ask(town, attempt, hours=1)

    def test_says_that_the_payment_was_reversed_since(self, town):
        attempt = notices.pay(town[0], cast.make_titre(town[1]))
        carry(attempt, cast.later(seconds=1))
        with tenant(town[0].collectivite):
            settlement = Settlement.objects.get(attempt=attempt)
        reverse(settlement=settlement, cause="rejected", reason="Prélèvement rejeté", now=cast.later(days=2))
        self.ask(town, Attempt.objects.none().model(pk=attempt.pk, collectivite=attempt.collectivite), days=3)
        carry(attempt, cast.later(days=3, seconds=1))
        assert "est annulé depuis le 26 novembre 2026" in outbox.outbox[-1].body
        assert "est confirmé" not in outbox.outbox[-1].body


class Server:
    """A mail server's answers, as smtplib raises them."""

    def __init__(self, failure, *, letter_left=False):
        self.failure, self.connection = failure, self
        self.letter_left = letter_left

    def open(self):
        return True

    def send_messages(self, messages):
        raise self.failure

    def close(self):
        raise smtplib.SMTPServerDisconnected("gone already")


class TestMail:
    @pytest.mark.parametrize(
        ("failure", "left", "expected", "code"),
        [
            (ConnectionRefusedError(), False, mail.NotTaken, "ConnectionRefusedError"),
            (smtplib.SMTPServerDisconnected(), False, mail.NotTaken, "SMTPServerDisconnected"),
            (smtplib.SMTPServerDisconnected(), True, mail.PerhapsTaken, "SMTPServerDisconnected"),
            (TimeoutError(), True, mail.PerhapsTaken, "TimeoutError"),
            (smtplib.SMTPDataError(451, b"later"), True, mail.NotTaken, "smtp_451"),
            (smtplib.SMTPDataError(554, b"no"), True, mail.NotTaken, "smtp_554"),
            (
                smtplib.SMTPRecipientsRefused({MME_LEROY: (550, b"5.1.1 no such user")}),
                False,
                mail.BadAddress,
                "smtp_550",
            ),
            (
                smtplib.SMTPRecipientsRefused({MME_LEROY: (554, b"5.7.1 relay denied")}),
                False,
                mail.NotTaken,
                "smtp_554",
            ),
            (smtplib.SMTPRecipientsRefused({MME_LEROY: (450, b"greylisted")}), False, mail.NotTaken, "smtp_450"),
        ],
    )
    def test_says_whether_it_left_and_never_to_whom(self, monkeypatch, failure, left, expected, code):
        monkeypatch.setattr(mail, "get_connection", lambda: Server(failure, letter_left=left))
        with pytest.raises(mail.MailFailure) as raised:
            mail.send(to=MME_LEROY, subject="x", text="x")
        assert type(raised.value) is expected
        assert raised.value.code == code
        assert MME_LEROY not in str(raised.value)
        assert raised.value.__suppress_context__


class TestManyThatWait:
    def test_make_one_case_of_a_town_which_closes_by_itself(self, town, monkeypatch):
        attempts = [
            notices.pay(town[0], cast.make_titre(town[1], reference=f"FC202600004{n}"), key=IDOPS[n]) for n in (1, 2)
        ]
        sending, now = mail.send, cast.later(seconds=1)

        def away(**_):
            raise mail.NotTaken("ConnectionRefusedError")

        monkeypatch.setattr(mail, "send", away)
        while now < cast.later(hours=1):
            carry(attempts[0], now)
            now += timedelta(minutes=5)
        monkeypatch.setattr(jobs, "clock", lambda: now)
        for _ in range(2):
            jobs.report_stuck_effects(0)
        with tenant(town[0].collectivite):
            assert Case.objects.filter(kind=CaseKind.STUCK_EFFECT, closed_at=None).count() == 1
        monkeypatch.setattr(mail, "send", sending)
        carry(attempts[0], now + timedelta(minutes=10))
        jobs.report_stuck_effects(0)
        with tenant(town[0].collectivite):
            assert Case.objects.filter(kind=CaseKind.STUCK_EFFECT, closed_at=None).count() == 0
