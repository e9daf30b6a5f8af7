"""Many notices by a worker: each titre once, whatever kills it; what is not to be paid is counted; files go."""

from datetime import timedelta

import pytest

from regal.agenda.models import Effect
from regal.agenda.operations import LEASE, carry
from regal.agenda.operations import Long as LongWork
from regal.config import jobs
from regal.gateways.base import Environment
from regal.lib.tenancy import tenant
from regal.notices import operations
from regal.notices.models import NoticeBatch, NoticePiece
from regal.notices.operations import KEPT, MAKE_BATCH, ask_for, freeze, tidy
from regal.notices.refusals import TooManyNotices, Why
from regal.titres import operations as titre_operations
from regal.titres.models import Titre
from regal.titres.refusals import NothingChosen
from tests import cast, proof
from tests.cast import MORNING, later

pytestmark = pytest.mark.usefixtures("committed_db")


class Killed(BaseException):
    """The process dies here."""


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(operations, "PIECE", 3)


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    return cast.make_canteen(town, environment=Environment.PRODUCTION)


@pytest.fixture
def titres(canteen):
    return [cast.make_titre(canteen, reference=f"FC20260002{place:02d}") for place in range(8)]


@pytest.fixture
def batch(town, titres):
    with tenant(town.collectivite):
        keys = freeze(Titre.objects.of(town.collectivite))
        return ask_for(collectivite=town.collectivite, titre_ids=keys, now=MORNING)


class Maker:
    """Makes a small PDF, notes what it was made of, and dies when told."""

    def __init__(self, dies_at=()):
        self.dies_at, self.made = set(dies_at), []

    def __call__(self, notices, **_told):
        if len(self.made) in self.dies_at:
            self.dies_at.remove(len(self.made))
            raise Killed
        self.made.append([notice.subtitle[-2:] for notice in notices])
        return b"%PDF " + " ".join(self.made[-1]).encode()


def work(maker, now=MORNING):
    def run(collectivite_id, batch_id, at, turn):
        operations.make_batch(collectivite_id, batch_id, at, turn, make=maker)

    effect = Effect.objects.get(kind=MAKE_BATCH)
    return carry(effect_id=effect.pk, handlers={MAKE_BATCH: LongWork(run)}, now=now)


def stored(batch):
    with tenant(batch.collectivite_id):
        fresh = NoticeBatch.objects.get(pk=batch.pk)
        pieces = [
            (piece.number, piece.first, piece.titres, bytes(piece.pdf).decode("latin-1")[5:])
            for piece in NoticePiece.objects.filter(batch=batch).order_by("number")
        ]
    return fresh, pieces


WHOLE = [(1, 0, 3, "00 01 02"), (2, 3, 3, "03 04 05"), (3, 6, 2, "06 07")]


class TestBatch:
    def test_holds_each_titre_once_in_pieces(self, batch):
        assert work(Maker())
        fresh, pieces = stored(batch)
        assert pieces == WHOLE
        assert (fresh.done, fresh.notices, fresh.left_out) == (8, 8, {})
        assert fresh.ended_at == MORNING
        assert proof.broken() == ()

    @pytest.mark.parametrize("dies_at", [{0}, {1}, {2}, {0, 1, 2}])
    def test_goes_on_where_a_killed_worker_was(self, batch, dies_at):
        maker, now = Maker(dies_at), MORNING
        for _death in range(len(dies_at)):
            with pytest.raises(Killed):
                work(maker, now=now)
            assert stored(batch)[0].ended_at is None
            assert proof.broken() == ()
            now += LEASE + timedelta(seconds=1)
        assert work(maker, now=now)
        assert stored(batch)[1] == WHOLE
        assert maker.made == [["00", "01", "02"], ["03", "04", "05"], ["06", "07"]]

    def test_is_made_once_though_a_worker_taken_for_dead_comes_back(self, batch):
        def slow(notices, **told):
            if not others.made:
                assert work(others, now=MORNING + LEASE + timedelta(seconds=1))
            return b"%PDF late"

        others = Maker()
        assert not work(slow)
        assert stored(batch)[1] == WHOLE

    def test_leaves_out_what_is_not_to_be_paid_any_more_and_counts_why(self, town, titres, batch):
        titre_operations.suspend(titre=titres[1], reason="Réclamation", now=MORNING)
        for titre in titres[3:6]:
            titre_operations.write_off(titre=titre, reason="Prescrite", now=MORNING)
        work(Maker())
        fresh, pieces = stored(batch)
        assert pieces == [(1, 0, 3, "00 02"), (2, 6, 2, "06 07")]  # no file of nothing
        assert fresh.left_out == {Why.SUSPENDED: 1, Why.WRITTEN_OFF: 3}
        assert (fresh.done, fresh.notices) == (8, 4)
        assert proof.broken() == ()

    def test_is_of_the_selection_as_it_was_when_it_was_asked(self, canteen, batch):
        cast.make_titre(canteen, reference="FC2026000299")
        work(Maker())
        assert stored(batch)[1] == WHOLE

    def test_ends_though_nothing_of_it_is_to_be_paid(self, titres, batch):
        for titre in titres:
            titre_operations.write_off(titre=titre, reason="Prescrite", now=MORNING)
        assert work(Maker())
        fresh, pieces = stored(batch)
        assert pieces == []
        assert fresh.ended_at is not None

    def test_makes_a_real_pdf(self, batch):
        work(operations.compile_pdf)
        assert stored(batch)[0].notices == 8
        with tenant(batch.collectivite_id):
            assert bytes(NoticePiece.objects.get(number=1).pdf).startswith(b"%PDF-1.7")


class TestFreeze:
    def test_refuses_nothing_and_too_many(self, town, titres, monkeypatch):
        monkeypatch.setattr(operations, "MOST", 7)
        with tenant(town.collectivite):
            with pytest.raises(NothingChosen):
                freeze(Titre.objects.none())
            with pytest.raises(TooManyNotices) as refused:
                freeze(Titre.objects.of(town.collectivite))
        assert refused.value.code == "R285"
        assert "8" in str(refused.value)


class TestPurge:
    def test_takes_the_files_after_seven_days_and_keeps_the_count(self, town, batch):
        work(Maker())
        with tenant(town.collectivite):
            assert tidy(collectivite=town.collectivite, now=MORNING + KEPT) == 0
            assert tidy(collectivite=town.collectivite, now=MORNING + KEPT + timedelta(seconds=1)) == 3
        fresh, pieces = stored(batch)
        assert pieces == []
        assert fresh.purged_at == MORNING + KEPT + timedelta(seconds=1)
        assert fresh.notices == 8

    def test_comes_round(self, town, batch, monkeypatch):
        work(Maker())
        monkeypatch.setattr(jobs, "clock", lambda: later(days=8))
        jobs.tidy_notices(0)
        assert stored(batch)[1] == []
