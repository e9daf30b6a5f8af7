"""Imports: what a file proposes, what confirming writes, and what never happens."""

import dataclasses
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from datetime import UTC, date, datetime
from typing import Any, BinaryIO

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from regal.agenda.models import Effect
from regal.agenda.operations import Handlers, Long, carry
from regal.collectivites.models import Budget, Product
from regal.gateways.base import DebtKind, Rank
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Allocation, Settlement
from regal.payments.queries import look_up, paid_of, settled_titres, titres_being_paid
from regal.proof import operations as operations_of_proof
from regal.proof.files import FILES
from regal.proof.findings import Snapshot
from regal.proof.states_and_messages import STATES_AND_MESSAGES
from regal.proof.titres import TITRES
from regal.receipts.names import erase_names
from regal.titres import import_queries, import_refusals, import_tables, imports, operations
from regal.titres.import_judging import Judge
from regal.titres.import_states import ImportState, Verdict
from regal.titres.importers.base import (
    FiledDebtor,
    FiledTitre,
    FileFormat,
    Head,
    Line,
    Nature,
    NotThisFile,
    Reduced,
    Trouble,
    Weight,
)
from regal.titres.models import (
    Collector,
    Debtor,
    Direction,
    Import,
    ImportLine,
    ImportPiece,
    ImportSource,
    Titre,
    TitreEvent,
)
from regal.titres.queries import amount_due
from regal.titres.states import State
from tests import cast, notices, proof
from tests.at_once import at_once
from tests.cast import MORNING, Town, later

NUMBER, OTHER = "FC2026000101", "FC2026000102"


class FakeReader:
    """One debt a line: number;cents;key=value… Lines that begin with « - » reduce the number after it."""

    def __init__(self, stream: BinaryIO, *, options: Mapping[str, object]) -> None:
        self.stream, self.head = stream, Head(format=FileFormat.CSV)
        if stream.read(6) == b"broken":
            raise NotThisFile(Trouble("F501", Weight.ERROR))
        stream.seek(0)

    def lines(self) -> Iterator[Line]:
        for number, text in enumerate(self.stream.read().decode().splitlines(), start=1):
            name, cents, *more = text.split(";")
            told: dict[str, Any] = dict(one.split("=") for one in more)
            if name == "wrong":
                yield Line(number, f"ligne {number}", None, (Trouble("L101", Weight.ERROR, "MONTANT"),))
                continue
            if name == "total":
                yield Line(number, f"ligne {number}", None)
                continue
            reduces = told.pop("reduces", None)
            dates: dict[str, Any] = {
                field: date.fromisoformat(told.pop(field)) for field in ("issued_on", "due_on") if field in told
            }
            usual: dict[str, Any] = {
                "nature": Nature.REDUCTION if reduces else Nature.DEBT,
                "number": name,
                "exercice": int(told.pop("exercice", 2026)),
                "cents": int(cents),
                "label": told.pop("label", "Cantine, octobre 2026"),
                "issued_on": date(2026, 11, 2),
                "reduces": Reduced(2026, reduces) if reduces else None,
                "debtor": FiledDebtor(name=told.pop("debtor", "Mme Leroy"), address=("1 rue Haute", "Bourg")),
            }
            yield Line(number, f"ligne {number}", FiledTitre(**(usual | dates | told)))


@pytest.fixture
def town(db: None) -> Town:
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town: Town) -> Product:
    return cast.make_canteen(town)


@pytest.fixture
def source(canteen: Product) -> ImportSource:
    return make_source(canteen)


def make_source(product: Product, name: str = "Cantine", **more: Any) -> ImportSource:
    with tenant(product.collectivite_id):
        return imports.add_source(
            collectivite=product.collectivite,
            name=name,
            collector=Collector.REGIE if product.account.regie else Collector.COMPTABLE,
            regie=product.account.regie,
            budget=product.account.budget,
            default_product=product,
            now=MORNING,
            **more,
        )


def keep(source: ImportSource, *lines: str, now: Any = MORNING) -> Import:
    with tenant(source.collectivite_id):
        return imports.keep(source=source, name="octobre.csv", chunks=["\n".join(lines).encode()], now=now)


HANDLERS: Handlers = {
    imports.READ_IMPORT: Long(
        lambda c, i, now, turn: imports.read(
            c, i, now, turn, settled=settled_titres, paying=titres_being_paid, open_file=FakeReader
        )
    ),
    imports.WRITE_IMPORT: lambda c, i, now: imports.write(c, i, now, settled=settled_titres, paying=titres_being_paid),
    imports.UNDO_IMPORT: lambda c, i, now: imports.undo_asked(
        c, i, now, settled=settled_titres, paying=titres_being_paid
    ),
    imports.FORGET_LINES: imports.forget_lines,
}


def work(now: Any = MORNING) -> None:
    """Carry out what is due of imports."""
    for effect in Effect.objects.filter(kind__in=HANDLERS, done_at__isnull=True).order_by("pk"):
        carry(effect_id=effect.pk, handlers=HANDLERS, now=now)


def read(source: ImportSource, *lines: str, now: Any = MORNING) -> Import:
    """The import of these lines, read."""
    import_ = keep(source, *lines, now=now)
    work(now)
    return again(import_)


def again(import_: Import) -> Import:
    with tenant(import_.collectivite_id):
        return Import.objects.select_related("source", "collectivite").get(pk=import_.pk)


def confirm(import_: Import, *, only_valid: bool = False, now: Any = MORNING) -> Import:
    with tenant(import_.collectivite_id):
        imports.confirm(import_=import_, only_valid=only_valid, now=now)
    work(now)
    return again(import_)


def brought(source: ImportSource, *lines: str, now: Any = MORNING, only_valid: bool = False) -> Import:
    """Read and confirmed."""
    return confirm(read(source, *lines, now=now), now=now, only_valid=only_valid)


def undo(import_: Import, now: Any = MORNING) -> Import:
    with tenant(import_.collectivite_id):
        return imports.undo(import_=import_, settled=settled_titres, paying=titres_being_paid, now=now)


def ask_undoing(import_: Import, now: Any = MORNING) -> Import:
    with tenant(import_.collectivite_id):
        return imports.ask_undoing(import_=import_, now=now)


def verdicts(import_: Import) -> list[tuple[str, list[str]]]:
    with tenant(import_.collectivite_id):
        lines = import_queries.lines_of(import_)
    return [(line.verdict.value, [one.code for one in line.troubles]) for line in lines]


def titre(source: ImportSource, number: str = NUMBER) -> Titre:
    with tenant(source.collectivite_id):
        return Titre.objects.exclude(status="withdrawn").get(number=number)


def due(one: Titre) -> int:
    with tenant(one.collectivite_id):
        return amount_due(one).cents


def in_base(source: ImportSource) -> int:
    with tenant(source.collectivite_id):
        return Titre.objects.exclude(status="withdrawn").count()


class TestReading:
    def test_proposes_what_is_new_and_writes_nothing(self, source):
        import_ = read(source, f"{NUMBER};4200", f"{OTHER};1830")
        assert import_.state == ImportState.PROPOSED
        assert verdicts(import_) == [("new", []), ("new", [])]
        with tenant(source.collectivite_id):
            totals = import_queries.totals_of(import_)
            assert (totals.lines[Verdict.NEW], totals.new_total) == (2, Money(6030))
            assert import_queries.lines_of(import_)[0].debtor == "Mme Leroy"
        assert in_base(source) == 0

    def test_refuses_a_file_that_is_none_of_ours(self, source):
        import_ = read(source, "broken")
        assert import_.state == ImportState.REFUSED
        with tenant(source.collectivite_id):
            assert [one.code for one in import_queries.troubles_of(import_)] == ["F501"]
            assert not ImportPiece.objects.exists()

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ("FC2025000101;4200", "L305"),
            (f"{NUMBER};99", "L306"),
            (f"{NUMBER};60001", "L306"),
            (f"{NUMBER};0", "L307"),
            (f"{NUMBER};4200;exercice=2024", "L308"),
            (f"{NUMBER};4200;issued_on=2026-12-24", "L309"),
            (f"{NUMBER};4200;due_on=2026-10-01", "L310"),
            (f"{NUMBER};4200;debtor=", "L317"),
            (f"{NUMBER};4200;label=4970 1000 0000 0014 carte", "L318"),
            (f"{NUMBER};4200;regie=77", "L301"),
            (f"AV1;420;reduces={NUMBER};regie=77", "L301"),
            (f"{NUMBER};4200;product=EAU", "L302"),
        ],
    )
    def test_says_what_is_wrong_with_a_line(self, canteen, line, code):
        source = make_source(canteen, products={"CANT": canteen.pk}, regie_codes=["12"])
        line = line if "regie=" in line else f"{line};regie=12"
        assert code in verdicts(read(source, line))[0][1]

    def test_keeps_what_its_reader_said(self, source):
        assert verdicts(read(source, "wrong;", "total;", f"{NUMBER};4200")) == [
            ("error", ["L101"]),
            ("left_out", []),
            ("new", []),
        ]

    def test_shows_two_lines_of_one_number_or_of_one_reference(self, source):
        assert verdicts(read(source, f"{NUMBER};4200", f"{NUMBER};4300", "FC-2026-000102;100", f"{OTHER};100")) == [
            ("error", ["L314"]),
            ("error", ["L314"]),
            ("error", ["L315"]),
            ("error", ["L315"]),
        ]

    def test_shows_a_reference_that_another_invoice_has(self, source):
        brought(source, f"{NUMBER};4200")
        assert verdicts(read(source, "FC-2026-000101;4200")) == [("error", ["L313"])]

    def test_shows_a_number_that_is_in_the_base_but_for_its_zeros(self, town):
        product = cast.make_product(
            town,
            DebtKind.REGIE,
            slug="piscine",
            numcli="006390",
            gateway="payfip_ws",
            reference_form={"pattern": "#{5-12}"},
        )
        source = make_source(product)
        brought(source, "000412;4200")
        assert verdicts(read(source, "00412;4200")) == [("error", ["L305"])]  # too short to be typed
        brought(source, "1000413;4200")
        assert verdicts(read(source, "01000413;4200", "0000412;100")) == [("error", ["L316"]), ("error", ["L316"])]
        with tenant(town.collectivite):
            imports.change_source(source=source, options={"numbers_without_zeros": "distinct"}, now=MORNING)
        assert verdicts(read(source, "01000413;4200")) == [("new", [])]

    def test_begins_again_after_it_was_cut(self, source, monkeypatch):
        monkeypatch.setattr(imports, "BATCH", 2)
        lines = [f"FC2026{number:06d};4200" for number in range(7)]
        import_ = keep(source, *lines)
        real, calls = import_tables.insert_lines, []

        def failing(**told: Any) -> None:
            calls.append(1)
            if len(calls) == 3:
                raise DatabaseError
            real(**told)

        monkeypatch.setattr(import_tables, "insert_lines", failing)
        with pytest.raises(DatabaseError):
            work()
        cut = again(import_)
        assert (cut.state, cut.lines_read) == (ImportState.READING, 4)
        work(later(hours=1))
        assert (again(import_).state, len(verdicts(import_))) == (ImportState.PROPOSED, 7)

    def test_is_refused_when_our_program_fails(self, source, monkeypatch, caplog):
        monkeypatch.setattr(Judge, "row", lambda judge, line: int(line.titre.debtor.name))
        import_ = read(source, f"{NUMBER};4200")
        assert (import_.state, import_.error["code"]) == (ImportState.REFUSED, "F592")
        assert "ValueError" in caplog.text
        assert "Leroy" not in caplog.text

    def test_is_refused_when_the_base_fails_three_times(self, source, monkeypatch):
        def failing(**told: Any) -> None:
            raise DatabaseError

        monkeypatch.setattr(import_tables, "insert_lines", failing)
        import_ = keep(source, f"{NUMBER};4200")
        for hour in range(2):
            with pytest.raises(DatabaseError):
                work(later(hours=hour))
        work(later(hours=3))
        assert (again(import_).state, again(import_).error["code"]) == (ImportState.REFUSED, "F592")

    def test_stops_when_somebody_discards_it(self, source, monkeypatch):
        monkeypatch.setattr(imports, "BATCH", 2)
        import_ = keep(source, *[f"FC2026{number:06d};4200" for number in range(7)])

        def meanwhile(lines: int, size: int) -> None:
            with tenant(source.collectivite_id):
                imports.discard(import_=import_, now=MORNING)

        imports.read(
            source.collectivite_id, import_.pk, MORNING, None,
            settled=settled_titres, paying=titres_being_paid, open_file=FakeReader, told=meanwhile,
        )  # fmt: skip
        assert (again(import_).state, verdicts(import_)) == (ImportState.DISCARDED, [])

    def test_keeps_uploads_in_pieces(self, source):
        line = f"{NUMBER};4200;label="
        content = (line + "x" * (imports.PIECE * 2)).encode()
        with tenant(source.collectivite_id):
            import_ = imports.keep(
                source=source, name="C:\\dossier\\été.csv", chunks=[content[:70_000], content[70_000:]], now=MORNING
            )
            assert (import_.name, ImportPiece.objects.count()) == ("été.csv", 3)
            with io.BufferedReader(imports.Pieces(import_, None)) as stream:
                assert stream.read() == content
                stream.seek(imports.PIECE - 2)
                assert stream.read(4) == b"xxxx"

    def test_refuses_what_is_empty_or_too_large(self, source, settings):
        settings.IMPORT_MEGABYTES = 1
        for content, refusal in [(b"", import_refusals.EmptyFile), (b"x" * 1_048_577, import_refusals.FileTooLarge)]:
            with pytest.raises(refusal), tenant(source.collectivite_id):
                imports.keep(source=source, name="x", chunks=[content], now=MORNING)
        with tenant(source.collectivite_id):
            assert not Import.objects.exists()


class TestConfirming:
    def test_makes_the_titres_payable(self, source, canteen):
        import_ = brought(source, f"{NUMBER};4200", f"{OTHER};1830;due_on=2026-12-15")
        assert (import_.state, import_.created, import_.skipped) == (ImportState.CONFIRMED, 2, 0)
        with tenant(source.collectivite_id):
            found = look_up(product=canteen, reference=NUMBER, amount=Money(4200), now=MORNING)
            assert found.titre is not None
            assert found.titre.origin_id == import_.pk
            debtor = Debtor.objects.get(titre=found.titre)
            assert (debtor.name, debtor.address) == ("Mme Leroy", ["1 rue Haute", "Bourg"])
            assert list(TitreEvent.objects.filter(titre=found.titre).values_list("number", "event", "to_state")) == [
                (1, "imported", "open")
            ]
            assert not ImportPiece.objects.exists()

    def test_makes_drafts_where_the_source_says_so(self, canteen):
        source = make_source(canteen, as_drafts=True)
        brought(source, f"{NUMBER};4200")
        assert titre(source).status == State.DRAFT

    def test_refuses_wrong_lines_unless_the_agent_accepts_the_valid_ones(self, source):
        import_ = read(source, f"{NUMBER};4200", "wrong;")
        with pytest.raises(import_refusals.WrongLines):
            confirm(import_)
        assert in_base(source) == 0
        assert confirm(import_, only_valid=True).created == 1

    def test_refuses_to_write_nothing(self, source):
        with pytest.raises(import_refusals.NothingToWrite):
            confirm(read(source, "total;"))

    def test_happens_once(self, source):
        import_ = read(source, f"{NUMBER};4200")
        confirm(import_)
        with pytest.raises(import_refusals.OtherStep, match="«\N{NO-BREAK SPACE}confirmé\N{NO-BREAK SPACE}»"):
            confirm(import_)
        with tenant(source.collectivite_id):
            imports.write(source.collectivite_id, import_.pk, MORNING, settled=settled_titres, paying=titres_being_paid)
        assert in_base(source) == 1

    def test_of_the_same_file_changes_nothing(self, source):
        brought(source, f"{NUMBER};4200", f"{OTHER};1830")
        second = read(source, f"{NUMBER};4200", f"{OTHER};1830")
        assert verdicts(second) == [("unchanged", []), ("unchanged", [])]
        with tenant(source.collectivite_id):
            assert import_queries.same_file_before(second) is not None

    def test_of_the_same_file_names_nobody_again_whose_name_had_its_time(self, source):
        brought(source, f"{NUMBER};4200", f"{OTHER};1830")
        operations.write_off(titre=titre(source), reason="Décidé ainsi", now=MORNING)
        years_later = datetime(2037, 1, 2, 9, tzinfo=UTC)
        erase_names(
            collectivite=source.collectivite, debtor_years=10, quittance_years=10, payer_months=15, now=years_later
        )
        again_and_more = [f"{NUMBER};4200", f"{OTHER};1830", "FC2026000103;500"]
        second = read(source, *again_and_more, now=years_later)
        assert verdicts(second) == [("unchanged", []), ("unchanged", []), ("new", [])]
        assert confirm(second, now=years_later).created == 1
        with tenant(source.collectivite_id):
            named = Debtor.objects.order_by("titre").values_list("titre__reference", flat=True)
            assert list(named) == [OTHER, "FC2026000103"]

    def test_of_one_file_kept_twice_writes_it_once(self, source):
        first, second = read(source, f"{NUMBER};4200"), read(source, f"{NUMBER};4200")
        confirm(first)
        assert (confirm(second).created, again(second).skipped, in_base(source)) == (0, 1, 1)

    @pytest.mark.parametrize("nth", range(1, 12))
    def test_is_whole_or_not_at_all(self, source, nth):
        brought(source, f"{OTHER};1830")
        import_ = read(source, f"{NUMBER};4200", f"{OTHER};1900")
        with tenant(source.collectivite_id):
            imports.confirm(import_=import_, only_valid=False, now=MORNING)
        seen = 0

        def cut(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            nonlocal seen
            if sql.lstrip().startswith(("INSERT", "UPDATE", "WITH changes")):
                seen += 1
                if seen == nth:
                    raise DatabaseError
            return execute(sql, params, many, context)

        try:
            with connection.execute_wrapper(cut), transaction.atomic(), tenant(source.collectivite_id):
                imports.write(
                    source.collectivite_id, import_.pk, MORNING, settled=settled_titres, paying=titres_being_paid
                )
        except DatabaseError:
            assert (in_base(source), due(titre(source, OTHER))) == (1, 1830)
            assert again(import_).state == ImportState.WRITING
            work()
        assert (in_base(source), due(titre(source, OTHER))) == (2, 1900)

    def test_writes_nothing_once_the_report_says_too_much(self, source):
        brought(source, f"{NUMBER};4200")
        second = read(source, f"{NUMBER};3000", f"{OTHER};4000")
        operations.cancel(titre=titre(source), reason="Par erreur", paid=paid_of, now=MORNING)
        back = confirm(second, now=later(minutes=1))
        assert (back.state, in_base(source)) == (ImportState.PROPOSED, 1)
        assert verdicts(back) == [("conflict", ["L322"]), ("new", [])]
        assert back.read_at == later(minutes=1)  # whoever has the former report on his screen must read this one
        with tenant(source.collectivite_id):
            assert [one.code for one in import_queries.troubles_of(back)] == ["F593"]
            assert import_queries.totals_of(back).would_stay_out == 1
            assert ImportPiece.objects.exists()
        done = confirm(back, only_valid=True, now=later(minutes=2))
        assert (done.state, done.created, done.skipped) == (ImportState.CONFIRMED, 1, 0)
        with tenant(source.collectivite_id):
            assert import_queries.troubles_of(done) == ()

    def test_proposes_what_the_base_made_of_it_since(self, source, canteen):
        import_ = read(source, f"{NUMBER};4200", f"{OTHER};1830")
        cast.make_titre(canteen, reference=NUMBER)
        back = confirm(import_)
        assert (back.state, verdicts(back)) == (ImportState.PROPOSED, [("changed", []), ("new", [])])
        assert (confirm(back).adjusted, due(titre(source))) == (1, 4200)

    def test_never_alters_what_was_taken_out_since_the_report(self, source):
        first = brought(source, f"{NUMBER};4200")
        second = read(source, f"{NUMBER};3000", f"{OTHER};4000")
        undo(first)
        assert verdicts(confirm(second)) == [("conflict", ["L329"]), ("new", [])]

    @pytest.mark.parametrize(("failure", "tries"), [(ValueError, 1), (DatabaseError, 3)])
    def test_says_that_our_program_failed(self, source, monkeypatch, failure, tries):
        def fail(**told: Any) -> None:
            raise failure

        import_ = read(source, f"{NUMBER};4200")
        with monkeypatch.context() as broken:
            broken.setattr(import_tables, "write_new", fail)
            for hour in range(tries):
                with pytest.raises(failure) if hour < tries - 1 else nullcontext():
                    confirm(import_) if not hour else work(later(hours=hour))
                    assert hour == tries - 1
        back = again(import_)
        assert (back.state, back.error["code"]) == (ImportState.PROPOSED, "F594")
        assert confirm(back, now=later(hours=9)).created == 1

    def test_locks_what_it_changes_once(self, source):
        """A second time would take others out of the order in which everybody locks them."""
        brought(source, f"{NUMBER};4200")
        import_ = read(source, f"{NUMBER};4000", f"{OTHER};1830", f"AV1;100;reduces={OTHER}")
        with CaptureQueriesContext(connection) as asked:
            assert confirm(import_).adjusted == 2
        locks = [one["sql"] for one in asked if 'FROM "titres_titre"' in one["sql"] and "FOR NO KEY" in one["sql"]]
        assert len(locks) == 1

    def test_is_thrown_away_only_while_nobody_writes_it(self, kept_town):
        source = make_source(cast.make_canteen(kept_town))
        import_ = read(source, f"{NUMBER};4200")
        with tenant(source.collectivite_id):
            imports.confirm(import_=import_, only_valid=False, now=MORNING)

        def discard() -> None:
            with tenant(source.collectivite_id):
                imports.discard(import_=import_, now=MORNING)

        with tenant(source.collectivite_id):
            Import.objects.select_for_update().get(pk=import_.pk)
            assert [type(one) for one in at_once(discard)] == [import_refusals.OtherStep]
        discard()
        work()
        assert (again(import_).state, in_base(source)) == (ImportState.DISCARDED, 0)


class TestManyAtOnce:
    def test_whoever_counts_the_titres_meanwhile_does_not_find_them_missing(self, source, monkeypatch):
        """Autovacuum would count none, as nothing is committed; then each check of a foreign key reads them all."""
        monkeypatch.setattr(import_tables, "MANY", 20)
        brought(source, *(f"FC2026{number:06d};4200" for number in range(20)))
        with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
            owner.execute("ANALYZE (SKIP_LOCKED) titres_titre")
            counted = owner.execute("SELECT reltuples FROM pg_class WHERE oid = 'titres_titre'::regclass").fetchone()
        assert counted == (20,)


class TestComparing:
    def test_adjusts_an_amount_that_changed(self, source):
        brought(source, f"{NUMBER};4200")
        second = read(source, f"{NUMBER};3780")
        assert verdicts(second) == [("changed", [])]
        assert (confirm(second).adjusted, due(titre(source))) == (1, 3780)
        assert verdicts(read(source, f"{NUMBER};3780")) == [("unchanged", [])]
        assert (brought(source, f"{NUMBER};4300").adjusted, due(titre(source))) == (1, 4300)

    def test_leaves_alone_what_an_agent_reduced(self, source):
        brought(source, f"{NUMBER};4200")
        cast.reduce(titre(source), 420)
        assert verdicts(read(source, f"{NUMBER};4200")) == [("unchanged", [])]
        assert (brought(source, f"{NUMBER};4000").adjusted, due(titre(source))) == (1, 3580)

    def test_says_that_other_words_stay_as_they_are(self, source):
        brought(source, f"{NUMBER};4200")
        assert verdicts(read(source, f"{NUMBER};4200;label=Autre")) == [("unchanged", ["L324"])]

    def test_never_alters_what_is_paid(self, town, source):
        brought(source, f"{NUMBER};4200")
        notices.pay(town, titre(source))
        second = read(source, f"{NUMBER};3780", f"AV1;100;reduces={NUMBER}")
        assert verdicts(second) == [("conflict", ["L320"]), ("conflict", ["L320"])]
        with pytest.raises(import_refusals.WrongLines):
            confirm(second)
        assert due(titre(source)) == 4200

    def test_never_alters_what_somebody_is_paying(self, source):
        brought(source, f"{NUMBER};4200")
        cast.leave_with(titre(source))
        assert verdicts(read(source, f"{NUMBER};3780")) == [("conflict", ["L321"])]

    def test_never_alters_what_an_attempt_may_still_pay(self, source):
        brought(source, f"{NUMBER};4200")
        cast.leave_with(titre(source))
        late = later(hours=2)
        assert not titre(source).is_held(late)
        assert verdicts(read(source, f"{NUMBER};3780", f"AV1;100;reduces={NUMBER}", now=late)) == [
            ("conflict", ["L321"]),
            ("conflict", ["L321"]),
        ]

    def test_skips_what_somebody_began_to_pay_since_the_report(self, source):
        brought(source, f"{NUMBER};4200")
        second = read(source, f"{NUMBER};3780", f"{OTHER};1830")
        cast.leave_with(titre(source))
        done = confirm(second, only_valid=True)
        assert (done.created, done.adjusted, done.skipped) == (1, 0, 1)
        assert due(titre(source)) == 4200

    @pytest.mark.parametrize("act", [operations.transfer, operations.write_off])
    def test_never_alters_what_was_decided(self, source, act):
        brought(source, f"{NUMBER};4200")
        act(titre=titre(source), reason="Décidé ainsi", now=MORNING)
        assert verdicts(read(source, f"{NUMBER};3780")) == [("conflict", ["L322"])]
        assert verdicts(read(source, f"{NUMBER};4200")) == [("unchanged", [])]

    def test_takes_what_was_typed_since_the_report_for_what_it_is(self, source, canteen):
        import_ = read(source, f"{NUMBER};8470", f"{OTHER};1830")
        cast.make_titre(canteen, reference=NUMBER)
        done = confirm(import_)
        assert (done.created, done.skipped, in_base(source)) == (1, 1, 2)

    def test_never_alters_what_was_typed_otherwise_since_the_report(self, source, canteen):
        import_ = read(source, f"{NUMBER};4200", f"AV1;420;reduces={NUMBER}", f"{OTHER};1830")
        cast.make_titre(canteen, reference=NUMBER, amount=Money(8470))
        done = confirm(import_, only_valid=True)
        assert (done.created, done.adjusted, done.skipped) == (1, 1, 1)
        assert due(titre(source)) == 8050
        assert verdicts(import_)[0] == ("conflict", ["L328"])


class TestReductions:
    def test_reduce_once(self, source):
        brought(source, f"{NUMBER};4200")
        second = read(source, f"AV1;420;reduces={NUMBER}")
        assert verdicts(second) == [("reduces", [])]
        confirm(second)
        assert due(titre(source)) == 3780
        assert verdicts(read(source, f"AV1;420;reduces={NUMBER}")) == [("unchanged", [])]
        assert verdicts(read(source, f"{NUMBER};4200")) == [("unchanged", [])]

    def test_to_nothing_cancel(self, source):
        brought(source, f"{NUMBER};4200")
        brought(source, f"AV1;4200;reduces={NUMBER}")
        assert (titre(source).status, due(titre(source))) == (State.CANCELLED, 4200)
        assert verdicts(read(source, f"AV1;4200;reduces={NUMBER}")) == [("unchanged", [])]

    def test_of_the_same_file_come_after_it(self, source):
        import_ = brought(source, f"{NUMBER};4200", f"AV1;420;reduces={NUMBER}", f"AV2;100;reduces={NUMBER}")
        assert (import_.created, import_.adjusted, due(titre(source))) == (1, 2, 3680)

    def test_of_nothing_that_we_have_are_shown(self, source):
        assert verdicts(read(source, f"AV1;420;reduces={NUMBER}")) == [("left_out", ["L326"])]

    def test_beyond_what_is_due_are_a_conflict(self, source):
        brought(source, f"{NUMBER};4200")
        assert verdicts(read(source, f"AV1;4201;reduces={NUMBER}")) == [("conflict", ["L327"])]
        assert verdicts(read(source, f"AV1;2100;reduces={NUMBER}", f"AV2;2101;reduces={NUMBER}")) == [
            ("conflict", ["L327"]),
            ("conflict", ["L327"]),
        ]


class TestUndoing:
    def test_frees_the_numbers(self, source, canteen):
        import_ = brought(source, f"{NUMBER};4200")
        assert undo(import_).state == ImportState.UNDONE
        assert in_base(source) == 0
        with tenant(source.collectivite_id):
            found = look_up(product=canteen, reference=NUMBER, amount=Money(4200), now=MORNING)
        assert found.titre is None
        brought(source, f"{NUMBER};4300")
        assert due(titre(source)) == 4300

    def test_gives_back_what_it_changed(self, source):
        brought(source, f"{NUMBER};4200")
        undo(brought(source, f"{NUMBER};3780", f"AV1;100;reduces={NUMBER}"))
        assert due(titre(source)) == 4200
        assert verdicts(read(source, f"{NUMBER};3780", f"AV1;100;reduces={NUMBER}")) == [
            ("changed", []),
            ("reduces", []),
        ]

    def test_is_refused_while_a_later_import_stands_on_it(self, kept_town):
        source = make_source(cast.make_canteen(kept_town))
        brought(source, f"{NUMBER};4200")
        second, third = brought(source, f"{NUMBER};9200"), brought(source, f"{NUMBER};1000")
        with pytest.raises(import_refusals.DecidedSince):
            undo(second)
        ask_undoing(second)
        work()
        assert (again(second).error["code"], due(titre(source))) == ("F595", 1000)
        undo(third)
        undo(again(second))
        assert due(titre(source)) == 4200
        assert proof.broken() == ()

    def test_is_refused_once_an_agent_reduced_what_it_changed(self, source):
        brought(source, f"{NUMBER};4200")
        second = brought(source, f"{NUMBER};9200")
        operations.adjust(
            titre=titre(source),
            direction=Direction.DECREASE,
            amount=Money(8_000),
            reason="Erreur de tarif",
            paid=paid_of,
            now=later(hours=1),
        )
        with pytest.raises(import_refusals.DecidedSince):
            undo(second, now=later(hours=2))
        assert due(titre(source)) == 1200

    def test_is_refused_once_something_was_paid_or_is_being_paid(self, town, source):
        import_ = brought(source, f"{NUMBER};4200", f"{OTHER};1830")
        attempt = cast.leave_with(titre(source))
        assert attempt
        with pytest.raises(import_refusals.TouchedSince):
            undo(import_)
        notices.pay(town, titre(source, OTHER), key="b9b4b9a0-0000-11f1-8000-000000000043")
        with pytest.raises(import_refusals.TouchedSince):
            undo(import_, now=later(days=10))
        assert in_base(source) == 2

    def test_may_be_a_worker_s(self, source):
        import_ = brought(source, f"{NUMBER};4200", f"{OTHER};1830")
        assert not imports.takes_long_to_undo(import_)
        asked = ask_undoing(import_)
        assert (asked.state, in_base(source)) == (ImportState.UNDOING, 2)
        for act in (undo, ask_undoing):
            with pytest.raises(import_refusals.OtherStep):
                act(import_)
        work()
        assert (again(import_).state, in_base(source)) == (ImportState.UNDONE, 0)

    def test_of_a_worker_takes_nothing_out_once_something_is_being_paid(self, source):
        import_ = ask_undoing(brought(source, f"{NUMBER};4200", f"{OTHER};1830"))
        cast.leave_with(titre(source))
        work()
        kept = again(import_)
        assert (kept.state, kept.error["code"], in_base(source)) == (ImportState.CONFIRMED, "F595", 2)
        ask_undoing(kept, now=later(days=10))
        work(later(days=10))
        assert in_base(source) == 2

    @pytest.mark.parametrize(("failure", "tries"), [(ValueError, 1), (DatabaseError, 3)])
    def test_of_a_worker_says_that_our_program_failed(self, source, monkeypatch, failure, tries):
        def fail(**told: Any) -> None:
            raise failure

        import_ = ask_undoing(brought(source, f"{NUMBER};4200"))
        with monkeypatch.context() as broken:
            broken.setattr(import_tables, "withdraw", fail)
            for hour in range(tries):
                with pytest.raises(failure) if hour < tries - 1 else nullcontext():
                    work(later(hours=hour))
        kept = again(import_)
        assert (kept.state, kept.error["code"], in_base(source)) == (ImportState.CONFIRMED, "F596", 1)

    def test_is_refused_while_an_attempt_may_still_pay(self, source):
        import_ = brought(source, f"{NUMBER};4200")
        cast.leave_with(titre(source))
        with pytest.raises(import_refusals.TouchedSince):
            undo(import_, now=later(hours=2))

    def test_is_refused_once_money_came_too_much(self, town, source, canteen):
        import_ = brought(source, f"{NUMBER};4200")
        attempt = cast.leave_with(titre(source))
        operations.cancel(titre=titre(source), reason="Par erreur", paid=paid_of, now=later(hours=2))
        of_the_regie = dataclasses.replace(town, product=canteen, account=canteen.account)
        said = notices.notice(of_the_regie, attempt, rank=Rank.ASKED, occurred_at=later(hours=1))
        notices.hear(of_the_regie, attempt, said, now=later(hours=3))
        with tenant(town.collectivite):
            assert not Allocation.objects.exists()
            assert Settlement.objects.exists()
        with pytest.raises(import_refusals.TouchedSince):
            undo(import_, now=later(hours=4))

    def test_remembers_for_ever_what_it_brought_to_nothing(self, source):
        brought(source, f"{NUMBER};4200")
        second = brought(source, f"AV1;4200;reduces={NUMBER}", now=later(minutes=1))
        with tenant(source.collectivite_id):
            imports.tidy(collectivite=source.collectivite, now=later(days=40))
        with pytest.raises(import_refusals.DecidedSince):
            undo(second, now=later(days=40))

    def test_is_refused_once_somebody_decided_otherwise(self, source):
        import_ = brought(source, f"{NUMBER};4200")
        operations.transfer(titre=titre(source), reason="Décidé ainsi", now=MORNING)
        with pytest.raises(import_refusals.DecidedSince):
            undo(import_)


class TestSources:
    def test_of_a_regie_take_no_product_of_the_comptable(self, town, canteen, source):
        with pytest.raises(import_refusals.BadSource), tenant(town.collectivite):
            imports.change_source(source=source, products={"T": town.product.pk}, now=MORNING)
        with pytest.raises(import_refusals.BadSource), tenant(town.collectivite):
            imports.add_source(
                collectivite=town.collectivite,
                name="Titres",
                collector=Collector.COMPTABLE,
                budget=Budget.objects.get(),
                default_product=canteen,
                now=MORNING,
            )

    @pytest.mark.parametrize("options", [{"encoding": "klingon"}, {"columns": {"number": "N"}}, {"several_years": 1}])
    def test_are_read_as_files_can_be(self, canteen, source, options):
        with pytest.raises(import_refusals.BadOptions):
            make_source(canteen, "Autre", options=options)
        with pytest.raises(import_refusals.BadOptions), tenant(source.collectivite_id):
            imports.change_source(source=source, options=options, now=MORNING)

    def test_whose_product_moved_are_still_named_and_closed(self, town, canteen, source):
        other = cast.make_canteen(town, slug="autre", numcli="006390")
        with tenant(town.collectivite):
            Product.objects.filter(pk=canteen.pk).update(account=other.account)
            imports.change_source(source=source, name="Ancienne", is_active=False, now=MORNING)
            with pytest.raises(import_refusals.BadSource):
                imports.change_source(source=source, default_product=canteen, now=MORNING)

    def test_are_held_as_they_are_now(self, source):
        with tenant(source.collectivite_id):
            stale = ImportSource.objects.get(pk=source.pk)
            imports.change_source(source=source, options={"sums_lines": True}, now=MORNING)
            imports.hold_source(stale)
        assert stale.options == {"sums_lines": True}

    def test_have_names_of_their_own(self, source, canteen):
        with pytest.raises(import_refusals.SourceNameTaken):
            make_source(canteen)
        for name in ["", "x" * 81]:
            with pytest.raises(import_refusals.BadSourceName):
                make_source(canteen, name)

    def test_of_the_comptable_give_the_reference_that_his_payers_type(self, town):
        source = make_source(town.product)
        brought(source, "412;4200")
        assert (titre(source, "412").reference, titre(source, "412").document_kind) == (cast.REFDET, "titre")

    def test_of_a_role_need_its_code(self, town):
        without = cast.make_product(town, DebtKind.ORMC, slug="eau", numcli="006391")
        assert verdicts(read(make_source(without), "12345;4200")) == [("error", ["L312"])]
        water = cast.make_product(
            town, DebtKind.ORMC, slug="eau-2", numcli="006392", reference_form={"code": "EA", "number_digits": 9}
        )
        source = make_source(water, "Eau")
        brought(source, "12345;4200")
        assert (titre(source, "12345").reference, titre(source, "12345").document_kind) == ("2026EA00000012345", "role")


class TestForgetting:
    def test_throws_away_what_nobody_confirmed(self, source):
        import_ = read(source, f"{NUMBER};4200")
        with tenant(source.collectivite_id):
            imports.tidy(collectivite=source.collectivite, now=later(days=31))
            assert not ImportLine.objects.exists()
            assert not ImportPiece.objects.exists()
        assert again(import_).state == ImportState.DISCARDED

    def test_throws_away_what_nobody_wrote(self, source):
        import_ = read(source, f"{NUMBER};4200")
        with tenant(source.collectivite_id):
            imports.confirm(import_=import_, only_valid=False, now=later(days=20))
            imports.tidy(collectivite=source.collectivite, now=later(days=40))
            assert again(import_).state == ImportState.WRITING
            imports.tidy(collectivite=source.collectivite, now=later(days=60))
        assert again(import_).state == ImportState.DISCARDED

    def test_keeps_what_an_import_did_and_forgets_whom_it_named(self, source):
        import_ = brought(source, f"{NUMBER};4200")
        with tenant(source.collectivite_id):
            imports.tidy(collectivite=source.collectivite, now=later(days=31))
            assert not ImportLine.objects.exists()
            assert import_queries.totals_of(again(import_)).lines[Verdict.NEW] == 1
        assert in_base(source) == 1

    def test_forgets_whom_an_undone_import_named(self, source):
        kept = brought(source, f"{NUMBER};4200")
        undone = brought(source, f"{OTHER};4200")
        undo(undone)
        with tenant(source.collectivite_id):
            imports.tidy(collectivite=source.collectivite, now=later(days=29))
            assert Debtor.objects.count() == 2
            imports.tidy(collectivite=source.collectivite, now=later(days=31))
            assert Debtor.objects.get().titre.origin_id == kept.pk


@pytest.fixture
def kept_town(committed_db: None) -> Town:
    return cast.make_saint_aubin()


class TestProof:
    """What `regal verify` says of imports."""

    def test_finds_nothing_wrong_with_all_of_this(self, kept_town):
        source = make_source(cast.make_canteen(kept_town))
        brought(source, f"{NUMBER};4200", f"{OTHER};1830", "wrong;", only_valid=True)
        brought(source, f"{NUMBER};4200", f"{OTHER};1900", f"AV1;100;reduces={NUMBER}")
        brought(source, f"AV2;4100;reduces={NUMBER}", now=later(minutes=1))
        undone = brought(source, "FC2026000103;5000", f"{OTHER};2000", f"AV3;200;reduces={OTHER}")
        undo(undone)
        brought(source, "FC2026000103;5100", "FC2026000104;5200", "AV4;100;reduces=FC2026000104")
        notices.pay(kept_town, titre(source, "FC2026000104"))
        read(source, "FC2026000105;5200")
        assert (due(titre(source, OTHER)), due(titre(source, "FC2026000104"))) == (1900, 5100)
        assert proof.broken() == ()

    def test_lets_drafts_be_edited(self, kept_town):
        canteen = cast.make_canteen(kept_town)
        source = make_source(canteen, as_drafts=True)
        brought(source, f"{NUMBER};4200")
        draft = titre(source)
        operations.edit_draft(
            titre=draft, product=canteen, number=NUMBER, label=draft.label, debtor="Mme Leroy",
            amount=Money(9_000), issued_on=draft.issued_on, now=MORNING,
        )  # fmt: skip
        assert proof.broken() == ()

    @pytest.mark.parametrize(
        "tamper",
        [
            "UPDATE titres_titre SET origin_line = 77 WHERE number = 'FC2026000101'",
            "UPDATE titres_titre SET origin_id = NULL, origin_line = NULL WHERE number = 'FC2026000101'",
            "UPDATE titres_titre SET origin_line = 2 WHERE number = 'FC2026000101'",
            "UPDATE titres_import SET created = 3",
            "UPDATE titres_import SET adjusted = 3",
            "UPDATE titres_import SET state = 'proposed'",
            "UPDATE titres_import SET state = 'undone'",
            "UPDATE titres_titreevent SET event = 'recorded', to_state = 'draft' WHERE event = 'imported'",
            "UPDATE titres_titre SET status = 'withdrawn' WHERE number = 'FC2026000101'",
            "UPDATE titres_titre SET amount_cents = 4300 WHERE number = 'FC2026000101'",
            "INSERT INTO titres_importpiece (collectivite_id, of_import_id, number, content)"
            " SELECT collectivite_id, id, 0, '' FROM titres_import",
        ],
    )
    def test_finds_tampering(self, kept_town, tamper):
        source = make_source(cast.make_canteen(kept_town))
        brought(source, f"{NUMBER};4200", f"{OTHER};1830")
        assert proof.broken() == ()
        with connections["owner"].cursor() as cursor, transaction.atomic(using="owner"):
            for table in ("titres_titre", "titres_titreevent", "titres_import"):
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            for constraint in ("who_collects", "origin"):
                cursor.execute(f"ALTER TABLE titres_titre DROP CONSTRAINT titres_titre_{constraint}")
            cursor.execute(tamper)
            snapshot = Snapshot(
                using="owner", now=later(seconds=1), parameters=operations_of_proof._parameters(MORNING)
            )
            broken = [row for one in (*FILES, *TITRES, *STATES_AND_MESSAGES) for row in one.broken_rows(snapshot)]
            transaction.set_rollback(True, using="owner")
        assert broken, tamper


class TestAtOnce:
    def test_two_agents_confirm_one_import_once(self, kept_town):
        source = make_source(cast.make_canteen(kept_town))
        import_ = read(source, f"{NUMBER};4200")

        def ask() -> None:
            with tenant(source.collectivite_id):
                imports.confirm(import_=import_, only_valid=False, now=MORNING)

        said = at_once(ask, ask)
        assert [type(one) for one in said if one is not None] == [import_refusals.OtherStep]
        at_once(work, work)
        assert in_base(source) == 1

    def test_two_imports_of_one_file_write_it_once(self, kept_town):
        source = make_source(cast.make_canteen(kept_town))
        lines = [f"FC2026{number:06d};4200" for number in range(200)]
        for import_ in (read(source, *lines), read(source, *lines)):
            with tenant(source.collectivite_id):
                imports.confirm(import_=import_, only_valid=False, now=MORNING)
        first, second = Effect.objects.filter(kind=imports.WRITE_IMPORT).values_list("pk", flat=True)
        at_once(
            lambda: carry(effect_id=first, handlers=HANDLERS, now=MORNING),
            lambda: carry(effect_id=second, handlers=HANDLERS, now=MORNING),
        )
        with tenant(source.collectivite_id):
            assert sorted(Import.objects.values_list("created", "skipped")) == [(0, 200), (200, 0)]
        assert proof.broken() == ()

    @pytest.mark.parametrize("turn", range(3))
    def test_a_payer_begins_or_his_invoice_changes(self, kept_town, turn):
        source = make_source(cast.make_canteen(kept_town))
        brought(source, f"{NUMBER};4200")
        import_ = read(source, f"{NUMBER};3780")
        with tenant(source.collectivite_id):
            imports.confirm(import_=import_, only_valid=False, now=MORNING)
        payable = titre(source)
        left, _ = at_once(lambda: cast.leave_with(payable, amount=Money(4200)), work)
        done = again(import_)
        if isinstance(left, Exception):
            assert (done.adjusted, due(titre(source))) == (1, 3780)
        else:
            assert (done.state, due(titre(source))) == (ImportState.PROPOSED, 4200)
        assert proof.broken() == ()

    def test_two_workers_read_one_file_once(self, kept_town):
        source = make_source(cast.make_canteen(kept_town))
        import_ = keep(source, *[f"FC2026{number:06d};4200" for number in range(500)])
        at_once(work, work)
        assert (again(import_).state, again(import_).counts["new"]) == (ImportState.PROPOSED, 500)

    @pytest.mark.parametrize("state", [ImportState.WRITING, ImportState.UNDOING])
    def test_discarding_waits_for_no_worker(self, kept_town, state):
        source = make_source(cast.make_canteen(kept_town))
        import_ = brought(source, f"{NUMBER};4200") if state == ImportState.UNDOING else read(source, f"{NUMBER};4200")
        with tenant(source.collectivite_id):
            if state == ImportState.UNDOING:
                imports.ask_undoing(import_=import_, now=MORNING)
            else:
                imports.confirm(import_=import_, only_valid=False, now=MORNING)

        def discard() -> None:
            with tenant(source.collectivite_id), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '2s'")
                imports.discard(import_=import_, now=MORNING)

        with tenant(source.collectivite_id):
            Import.objects.select_for_update(no_key=True).get(pk=import_.pk)
            (said,) = at_once(discard)
        assert isinstance(said, import_refusals.OtherStep)
        assert again(import_).state == state

    def test_two_changes_of_what_a_source_remembers_are_both_kept(self, kept_town):
        source = make_source(cast.make_canteen(kept_town))

        def change(**told: object) -> None:
            with tenant(source.collectivite_id):
                mine = ImportSource.objects.get(pk=source.pk)
                imports.hold_source(mine)
                imports.change_source(source=mine, options=mine.options | told, now=MORNING)

        for _ in range(3):
            with tenant(source.collectivite_id):
                imports.change_source(source=source, options={}, now=MORNING)
            said = at_once(lambda: change(sums_lines=True), lambda: change(accepts_units=True))
            assert list(said) == [None, None]
            with tenant(source.collectivite_id):
                kept = ImportSource.objects.get(pk=source.pk).options
            assert kept == {"sums_lines": True, "accepts_units": True}


class TestNeighbours:
    def test_never_see_an_import_nor_bring_into_each_other(self, kept_town):
        source = make_source(cast.make_canteen(kept_town))
        next_town = cast.make_next_town()
        theirs = make_source(cast.make_canteen(next_town, numcli="006399"))
        import_ = brought(source, f"{NUMBER};4200")
        with tenant(next_town.collectivite):
            for model in (Import, ImportLine, ImportPiece, Titre):
                assert not model.objects.exists()
            assert list(import_queries.sources_of(next_town.collectivite)) == [theirs]
            with pytest.raises(Import.DoesNotExist):
                Import.objects.get(pk=import_.pk)
        assert verdicts(read(theirs, f"{NUMBER};9900")) == [("new", [])]
