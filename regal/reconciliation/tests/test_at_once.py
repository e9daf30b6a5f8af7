"""Two agents, two workers, a worker killed in between: at the same time, for real, and proved afterwards."""

from functools import partial

import pytest

from regal.agenda.models import Effect
from regal.gateways.base import DebtKind, Environment
from regal.journal.models import Entry
from regal.journal.operations import record_settlement
from regal.lib.tenancy import TenantQuerySet, tenant
from regal.payments.models import Evidence, Settlement
from regal.payments.states import State
from regal.reconciliation import operations, refusals
from regal.reconciliation.models import DepositedFile, FiledLine
from regal.titres.models import Titre
from tests import cast, notices, proof
from tests.at_once import at_once
from tests.cast import REFDET, later
from tests.files import Paid, pes, statement

pytestmark = pytest.mark.usefixtures("committed_db")

OTHER_TITRE = "202600000413000001"
LINES = [Paid(reference=REFDET, cents=12_550), Paid(reference=OTHER_TITRE, cents=12_550)]
NOW = later(hours=9)


@pytest.fixture
def town(committed_db):
    return cast.make_town(
        slug="saint-aubin",
        name="Saint-Aubin",
        numcli="006382",
        agent="nadia",
        origin="https://saint-aubin.example",
        environment=Environment.PRODUCTION,
    )


@pytest.fixture
def attempts(town):
    return [cast.start(town, debt_reference=one.reference).attempt for one in LINES]


def deposit(town, content, account=""):
    with tenant(town.collectivite):
        return operations.deposit(
            collectivite=town.collectivite,
            content=content,
            name="PES2R.xml",
            account_identifier=account,
            actor_id=town.agent.pk,
            now=NOW,
        )


def confirm(town, file):
    with tenant(town.collectivite):
        return operations.confirm(
            collectivite=town.collectivite,
            file_id=file.pk,
            covers_from=file.covers_from,
            covers_to=file.covers_to,
            actor_id=town.agent.pk,
            now=NOW,
        )


def effects():
    return list(Effect.objects.filter(kind=operations.CONFIRM_FILE).order_by("pk").values_list("pk", flat=True))


def counts(town):
    with tenant(town.collectivite):
        return tuple(model.objects.count() for model in (FiledLine, Settlement, Evidence))


def statuses(town, attempts):
    with tenant(town.collectivite):
        for one in attempts:
            one.refresh_from_db()
    return [one.status for one in attempts]


class TestTwoAgents:
    def test_who_deposit_the_same_bytes_leave_one_file(self, town):
        done = at_once(*[partial(deposit, town, pes(LINES))] * 4)
        assert sorted(type(one).__name__ for one in done) == ["AlreadyDeposited"] * 3 + ["DepositedFile"]

    def test_who_confirm_at_once_confirm_once(self, town, attempts):
        file = deposit(town, pes(LINES))
        done = at_once(*[partial(confirm, town, file)] * 4)
        assert [isinstance(one, refusals.NoLongerADraft) for one in done].count(True) == 3
        assert len(effects()) == 1
        notices.run_due(NOW)
        assert counts(town) == (2, 2, 2)
        assert proof.broken(NOW) == ()


class TestTwoWorkers:
    def test_do_one_file_once(self, town, attempts):
        confirm(town, deposit(town, pes(LINES)))
        done = at_once(*[partial(notices.carry_one, effects()[0], NOW)] * 4)
        assert done.count(True) == 1
        assert counts(town) == (2, 2, 2)
        assert proof.broken(NOW) == ()

    def test_do_two_files_of_the_same_payments_as_one_after_the_other(self, town, attempts):
        for post in ("MATIN", "SOIR"):
            confirm(town, deposit(town, pes(LINES, post=post)))
        done = at_once(*(partial(notices.carry_one, effect, NOW) for effect in effects()))
        assert list(done) == [True, True]
        assert counts(town) == (4, 2, 2)
        with tenant(town.collectivite):
            assert sorted(FiledLine.objects.values_list("result", "is_repeated")) == [
                ("already_confirmed", True),
                ("already_confirmed", True),
                ("confirmed", False),
                ("confirmed", False),
            ]
        assert proof.broken(NOW) == ()

    def test_of_which_one_hears_a_notification_meanwhile_hinder_nobody(self, town, attempts):
        confirm(town, deposit(town, pes(LINES)))
        for one in attempts:
            notices.deliver(town, one, notices.form(town, one, saisie="M"), now=NOW)
        due = list(Effect.objects.filter(done_at__isnull=True, due_at__lte=NOW).values_list("pk", flat=True))
        assert len(due) == 3
        assert list(at_once(*(partial(notices.carry_one, effect, NOW) for effect in due))) == [True] * 3
        assert statuses(town, attempts) == [State.PAID] * 2
        assert proof.broken(NOW) == ()


class TestAFileOfInvoices:
    def test_takes_all_of_them_before_it_enters_the_first_in_the_books(self, town, monkeypatch):
        """Else an answer of PayFiP about another payment of the second invoice waits for us, and we for it."""
        canteen = cast.make_canteen(town, numcli="350005", environment=Environment.PRODUCTION)
        invoices = [cast.make_titre(canteen, reference=f"FC202600010{place}") for place in (2, 1)]
        for place, invoice in enumerate(reversed(invoices)):
            cast.leave_with(invoice, key=f"b9b4b9a0-0000-11f1-8000-{place:012d}")
        lines = [Paid(reference=one.reference, cents=one.amount.cents) for one in invoices]
        confirm(town, deposit(town, statement(lines, numcli="350005"), account="350005"))
        enter, free = record_settlement, []

        def look_and_enter(**told):
            free.append(at_once(partial(free_invoices, town)))
            return enter(**told)

        monkeypatch.setattr("regal.payments.settling.record_settlement", look_and_enter)
        assert notices.carry_one(effects()[0], NOW)
        assert free == [[[]], [[]]]
        assert proof.broken(NOW) == ()


def free_invoices(town):
    """Those that nobody has locked."""
    with tenant(town.collectivite):
        return list(Titre.objects.select_for_update(skip_locked=True, no_key=True).values_list("reference", flat=True))


class TestAWorkerKilledInTheMiddle:
    @pytest.mark.parametrize("after", [0, 1, 2])
    def test_leaves_nothing_and_the_next_does_it_whole(self, town, attempts, monkeypatch, after):
        file = confirm(town, deposit(town, pes(LINES)))
        (effect,) = effects()
        done = 0
        prove, create = operations._prove, TenantQuerySet.bulk_create

        def killed(*args):
            nonlocal done
            if done == after:
                raise KeyboardInterrupt
            done += 1
            return prove(*args)

        def killed_last(*args, **options):
            create(*args, **options)
            raise KeyboardInterrupt

        monkeypatch.setattr(operations, "_prove", killed)
        if after == len(LINES):
            monkeypatch.setattr(TenantQuerySet, "bulk_create", killed_last)
        with pytest.raises(KeyboardInterrupt):
            notices.carry_one(effect, NOW)
        monkeypatch.undo()
        assert counts(town) == (0, 0, 0)
        assert statuses(town, attempts) == [State.HANDED_OFF] * 2
        assert proof.broken(NOW) == ()
        assert notices.carry_one(effect, NOW)
        assert counts(town) == (2, 2, 2)
        with tenant(town.collectivite):
            file.refresh_from_db()
            assert Entry.objects.filter(kind="settlement").count() == 2
        assert file.confirmed_at == NOW
        assert proof.broken(NOW) == ()


class TestEveryResult:
    def test_leaves_books_that_hold(self, town):
        """A file with a line of each result, then the same lines in others: titres, rôles and a régie."""
        water = cast.make_product(town, DebtKind.ORMC, slug="eau", numcli="350004", environment=Environment.PRODUCTION)
        canteen = cast.make_product(
            town, DebtKind.REGIE, slug="cantine", numcli="350005", environment=Environment.PRODUCTION
        )
        titres = ["202600000412000001", "202600000413000001", "202600000414000001", "202600000415000001"]
        confirmed, other, denied, absent = (cast.start(town, debt_reference=one).attempt for one in titres)
        for attempt, letter in ((denied, "R"), (absent, "P")):
            notices.tell(town, attempt, notices.form(town, attempt, letter, saisie="M"))
        for number in ("12", "012"):
            cast.start(town, product=water, debt_reference=f"2026EA00{number}")
        role = cast.start(town, product=water, debt_reference="2026EA00000000077").attempt
        bill = cast.start(town, product=canteen, debt_reference="FC2026000412", exercice=None).attempt
        paid = [Paid(reference=one, cents=12_550) for one in (titres[0], titres[2], "202600000499000001")]
        paid.append(Paid(reference=titres[1], cents=12_500))
        roles = [Paid(reference="2026-EA-00-12", cents=12_550), Paid(reference="2026-EA--77", cents=12_550)]
        for post in ("MATIN", "SOIR"):
            confirm(town, deposit(town, pes(paid, roles=roles, post=post)))
        lines = [Paid(reference="FC2026000412", cents=12_550)]
        confirm(town, deposit(town, statement(lines, numcli="350005"), account="350005"))
        notices.run_due(NOW)
        assert statuses(town, [confirmed, denied, role, bill]) == [State.PAID] * 4
        assert statuses(town, [other, absent]) == [State.HANDED_OFF] * 2
        assert proof.broken(NOW) == ()
        much_later = later(days=6, hours=23)
        notices.run_due(much_later)
        with tenant(town.collectivite):
            assert operations.open_absences(collectivite=town.collectivite, now=much_later) == 1
            operations.tidy(collectivite=town.collectivite, now=later(days=400))
            assert not DepositedFile.objects.filter(content__isnull=False).exists()
        assert proof.broken(much_later) == ()
