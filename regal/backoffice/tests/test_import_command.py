"""`regal import`: dry unless told otherwise, and it says what to do."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from regal.audit.models import AuditEntry
from regal.collectivites.models import Collectivite
from regal.lib.tenancy import tenant
from regal.titres import import_tables, imports
from regal.titres.import_states import ImportState
from regal.titres.models import Collector, Import, ImportSource, Titre
from tests import cast
from tests.cast import MORNING, Town


@pytest.fixture
def town(db: None) -> Town:
    town = cast.make_saint_aubin()
    canteen = cast.make_canteen(town)
    with tenant(town.collectivite):
        imports.add_source(
            collectivite=town.collectivite,
            name="Cantine",
            collector=Collector.REGIE,
            regie=canteen.account.regie,
            default_product=canteen,
            now=MORNING,
        )
    return town


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "octobre.csv"


def run(file: Path, *rows: str, **options: object) -> str:
    file.write_text("NUMERO;EXERCICE;MONTANT;NOM\n" + "\n".join(rows) + "\n", encoding="utf-8")
    said = StringIO()
    call_command("import", "saint-aubin", "Cantine", str(file), stdout=said, **options)
    return said.getvalue()


def states(town: Town) -> tuple[list[str], int]:
    with tenant(town.collectivite):
        return list(Import.objects.values_list("state", flat=True)), Titre.objects.count()


class TestImport:
    def test_says_what_it_would_do_and_writes_nothing(self, town, file):
        said = run(file, "FC2026000101;2026;42,00;Mme Leroy", "FC2025000102;2026;18,30;Mme Leroy")
        assert "1 nouvelle" in said
        assert "colonne A (NUMERO), ligne 3 — L305. " in said
        assert states(town) == ([ImportState.DISCARDED], 0)

    def test_calls_a_debt_as_the_town_does(self, town, file):
        with tenant(town.collectivite):
            Collectivite.objects.filter(pk=town.collectivite.pk).update(debt_word="avis")
        said = run(file, "FC2026000101;2026;42,00;Mme Leroy", "--;2026;18,30;Mme Leroy")
        assert "Écrivez le numéro imprimé sur l’avis" in said

    def test_refuses_a_source_that_was_closed(self, town, file):
        with tenant(town.collectivite):
            imports.change_source(source=ImportSource.objects.get(), is_active=False, now=MORNING)
        with pytest.raises(CommandError, match="est fermée"):
            run(file, "FC2026000101;2026;42,00;Mme Leroy")

    def test_writes_when_told(self, town, file):
        said = run(file, "FC2026000101;2026;42,00;Mme Leroy", wet_run=True, by="nadia")
        assert "Enregistré" in said
        assert states(town) == ([ImportState.CONFIRMED], 1)

    def test_refuses_wrong_lines_unless_only_the_valid_ones_are_wanted(self, town, file):
        rows = ["FC2026000101;2026;42,00;Mme Leroy", "FC2025000102;2026;18,30;Mme Leroy"]
        with pytest.raises(CommandError, match="R236"):
            run(file, *rows, wet_run=True, by="nadia")
        assert states(town) == ([ImportState.DISCARDED], 0)
        run(file, *rows, wet_run=True, only_valid=True, by="nadia")
        assert states(town)[1] == 1

    def test_writes_for_somebody(self, town, file):
        with pytest.raises(CommandError, match="--by"):
            run(file, "FC2026000101;2026;42,00;Mme Leroy", wet_run=True)
        assert states(town) == ([], 0)

    def test_says_who_threw_it_away(self, town, file):
        run(file, "FC2026000101;2026;42,00;Mme Leroy", by="nadia")
        with tenant(town.collectivite):
            assert AuditEntry.objects.get(action="discard_import").actor_id == town.agent.pk

    def test_leaves_nothing_waiting_when_writing_fails(self, town, file, monkeypatch):
        def fail(**told: object) -> None:
            raise DatabaseError

        monkeypatch.setattr(import_tables, "write_new", fail)
        with pytest.raises(DatabaseError):
            run(file, "FC2026000101;2026;42,00;Mme Leroy", wet_run=True, by="nadia")
        assert states(town) == ([ImportState.DISCARDED], 0)

    def test_says_that_our_program_failed(self, town, file, monkeypatch):
        monkeypatch.setattr(import_tables, "write_new", lambda **told: 1 // 0)
        with pytest.raises(CommandError, match="F594"):
            run(file, "FC2026000101;2026;42,00;Mme Leroy", wet_run=True, by="nadia")
        assert states(town) == ([ImportState.DISCARDED], 0)

    def test_names_the_sources_when_it_knows_none_of_that_name(self, town, file):
        file.write_text("x", encoding="utf-8")
        with pytest.raises(CommandError, match="Cantine"):
            call_command("import", "saint-aubin", "Eau", str(file))

    def test_says_what_a_strange_file_is(self, town, file):
        file.write_bytes(b"%PDF-1.7\n")
        with pytest.raises(CommandError, match="F5"):
            call_command("import", "saint-aubin", "Cantine", str(file))
