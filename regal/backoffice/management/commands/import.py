"""`regal import`: bring a file of debts into the base, from the command line."""  # noqa: N999 - the command's name

import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from regal.collectivites import debt_words
from regal.collectivites.models import Collectivite
from regal.lib.tenancy import tenant
from regal.payments.queries import settled_titres, titres_being_paid
from regal.people.models import User
from regal.titres import import_queries, imports
from regal.titres.import_states import ImportState, Verdict
from regal.titres.importers.base import Trouble
from regal.titres.importers.opening import open_file
from regal.titres.importers.troubles import remedy, sentence
from regal.titres.models import Import, ImportSource
from regal.titres.refusals import Refusal
from regal.titres.words import VERDICT_NAMES

FIRST = 20  # troubles shown
WIDE = 40  # characters of the bar
CHUNK = 256 * 1024


class Command(BaseCommand):
    help = "Importe un fichier de factures ou de titres. Sans --wet-run, dit seulement ce qu’il ferait."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("collectivite", help="son adresse, par exemple saint-aubin")
        parser.add_argument("source", help="le nom de la source, tel qu’il est écrit au bureau")
        parser.add_argument("file", type=_file, help="le fichier")
        parser.add_argument("--wet-run", action="store_true", help="enregistrer pour de vrai")
        parser.add_argument(
            "--only-valid", action="store_true", help="accepter que les lignes à corriger restent dehors"
        )
        parser.add_argument(
            "--by",
            default="",
            help="l’identifiant de qui importe, écrit dans le journal des actes ; obligatoire avec --wet-run",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        town = Collectivite.objects.filter(slug=options["collectivite"]).first()
        if town is None:
            raise CommandError(f"Aucune collectivité « {options['collectivite']} ».")
        if options["wet_run"] and not options["by"]:
            raise CommandError("Dites qui importe, avec --by et son identifiant : le journal des actes le garde.")
        actor_id = _actor(options["by"])
        with tenant(town):
            source = ImportSource.objects.of(town).filter(name=options["source"]).first()
            if source is None:
                known = ", ".join(import_queries.sources_of(town).values_list("name", flat=True))
                raise CommandError(f"Aucune source « {options['source']} ». Celles de {town} : {known or 'aucune'}.")
        if not source.is_active:
            raise CommandError(f"La source « {source.name} » est fermée : rouvrez-la sur sa page, au bureau.")
        with debt_words.override(town.debt_word):
            self._import(source, actor_id, now, options)

    def _import(self, source: ImportSource, actor_id: int | None, now: datetime, options: dict[str, Any]) -> None:
        try:
            import_ = self._read(source, options["file"], actor_id, now)
            self._tell(import_)
            if options["wet_run"]:
                self._write(import_, only_valid=options["only_valid"], actor_id=actor_id)
                return
            self._forget(import_, actor_id)
        except Refusal as refusal:
            raise CommandError(f"{refusal.code}. {refusal}") from refusal
        self.stdout.write("Rien n’a été enregistré. Pour enregistrer, ajoutez --wet-run.")

    def _read(self, source: ImportSource, file: Path, actor_id: int | None, now: datetime) -> Import:
        with file.open("rb") as stream, tenant(source.collectivite_id):
            chunks: Iterator[bytes] = iter(lambda: stream.read(CHUNK), b"")
            import_ = imports.keep(source=source, name=file.name, chunks=chunks, now=now, actor_id=actor_id, ask=False)
        bar = _bar(import_.size)
        try:
            imports.read(
                source.collectivite_id,
                import_.pk,
                now,
                None,
                settled=settled_titres,
                paying=titres_being_paid,
                open_file=open_file,
                told=bar,
            )
        except BaseException:  # also an interruption: nobody will confirm it
            self._forget(import_, actor_id)
            raise
        finally:
            if sys.stderr.isatty():
                sys.stderr.write("\n")
        return self._again(import_)

    def _tell(self, import_: Import) -> None:
        with tenant(import_.collectivite_id):
            if import_.state == ImportState.REFUSED:
                trouble = import_queries.troubles_of(import_)[0]
                raise CommandError(_in_words(trouble))
            totals = import_queries.totals_of(import_)
            before = import_queries.same_file_before(import_)
            lines = import_queries.lines_of(import_, warned=True, limit=FIRST)
        for verdict in Verdict:
            if totals.lines[verdict]:
                self.stdout.write(f"{totals.lines[verdict]:>9} {VERDICT_NAMES[verdict]}")
        self.stdout.write(f"Total des nouvelles : {totals.new_total}")
        if before is not None:
            self.stdout.write("Ce même fichier a déjà été enregistré : il ne change rien deux fois.")
        for line in lines:
            for trouble, cell in zip(line.troubles, line.cells, strict=True):
                self.stdout.write(f"{cell or line.place} — {_in_words(trouble)}")
        if totals.would_stay_out + totals.warnings > len(lines):
            self.stdout.write("… et d’autres encore.")

    def _write(self, import_: Import, *, only_valid: bool, actor_id: int | None) -> None:
        """In one transaction: asked and written, so that no worker comes in between."""
        now = datetime.now(UTC)
        try:
            with tenant(import_.collectivite_id):
                imports.confirm(import_=import_, only_valid=only_valid, now=now, actor_id=actor_id)
                imports.write(
                    import_.collectivite_id, import_.pk, now, settled=settled_titres, paying=titres_being_paid
                )
        except BaseException:  # also an interruption: it is PROPOSED again, and nobody will confirm it
            self._forget(import_, actor_id)
            raise
        done = self._again(import_)
        if done.state != ImportState.CONFIRMED:
            with tenant(import_.collectivite_id):
                trouble = import_queries.troubles_of(done)[0]
            self._forget(import_, actor_id)
            raise CommandError(_in_words(trouble))
        self.stdout.write(
            f"Enregistré : {done.created} nouvelles, {done.adjusted} changées, {done.skipped} laissées telles quelles."
        )

    def _forget(self, import_: Import, actor_id: int | None) -> None:
        with tenant(import_.collectivite_id):
            imports.discard(import_=import_, now=datetime.now(UTC), actor_id=actor_id, at_once=True)

    def _again(self, import_: Import) -> Import:
        with tenant(import_.collectivite_id):
            return Import.objects.select_related("source", "collectivite").get(
                collectivite=import_.collectivite_id, pk=import_.pk
            )


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise ArgumentTypeError(f"{text} n’est pas un fichier")
    return path


def _actor(identifier: str) -> int | None:
    if not identifier:
        return None
    user = User.objects.filter(identifier=identifier).first()
    if user is None:
        raise CommandError(f"Personne ne s’identifie « {identifier} ».")
    return int(user.pk)


def _in_words(trouble: Trouble) -> str:
    return f"{trouble.code}. {sentence(trouble)} {remedy(trouble)}".rstrip()


def _bar(size: int) -> Callable[[int, int], None]:
    """Shows how far the reading is, where somebody looks at it."""

    def show(lines: int, done: int) -> None:
        if sys.stderr.isatty():
            full = min(WIDE, done * WIDE // max(1, size))
            sys.stderr.write(f"\r[{'█' * full}{'·' * (WIDE - full)}] {lines} lignes")
            sys.stderr.flush()

    return show
