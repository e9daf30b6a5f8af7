"""Imports in every state, as people leave them: each is read and written here, as a worker would."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import translation

from regal.agenda.operations import schedule
from regal.collectivites.models import Collectivite, Product
from regal.lib import paris
from regal.lib.tenancy import tenant
from regal.payments.queries import settled_titres, titres_being_paid
from regal.people.models import User
from regal.titres import imports
from regal.titres.import_states import ImportState
from regal.titres.importers.opening import open_file
from regal.titres.models import Collector, Import

HEADER = "Numéro;Nom;Objet;Montant;Date d’émission;Date limite"
SLUG = "restaurant-scolaire"


def rows(numbers: Iterable[int], day: datetime, *, amount: str = "38,40") -> list[str]:
    """Invoices of the school restaurant."""
    issued = f"{paris.today(day):%d/%m/%Y}"
    return [f"RS-{number:06d};MARTIN Camille;Cantine, octobre;{amount};{issued};" for number in numbers]


def table(lines: Iterable[str]) -> bytes:
    return "\r\n".join([HEADER, *lines, ""]).encode()


def _read(town: Collectivite, one: Import, now: datetime) -> None:
    with translation.override("fr"):
        imports.read(town.pk, one.pk, now, None, settled=settled_titres, paying=titres_being_paid, open_file=open_file)
    one.refresh_from_db()


def write(town: Collectivite, now: datetime) -> dict[str, int]:
    """`{state: key}`, and the keys of two sources."""
    nadia = User.objects.get(identifier="nadia").pk
    with tenant(town):
        product = Product.objects.of(town).select_related("account__regie").get(slug=SLUG)
        source = imports.add_source(
            collectivite=town,
            name="Tableau de la cantine",
            collector=Collector.REGIE,
            regie=product.account.regie,
            default_product=product,
            now=now,
            actor_id=nadia,
        )

        def keep(name: str, content: bytes) -> Import:
            return imports.keep(source=source, name=name, chunks=[content], ask=False, now=now, actor_id=nadia)

        columns = keep("septembre.csv", table(rows(range(701, 704), now)))
        source = imports.change_source(
            source=source,
            options={
                "columns": {"number": "Numéro", "name": "Nom", "label": "Objet", "amount": "Montant"}
                | {"issued_on": "Date d’émission", "due_on": "Date limite"},
                "seen": [],
            },
            now=now,
            actor_id=nadia,
        )

        def read(name: str, lines: Iterable[str]) -> Import:
            one = keep(name, table(lines))
            _read(town, one, now)
            return one

        def confirmed(name: str, lines: Iterable[str]) -> Import:
            one = read(name, lines)
            imports.confirm(import_=one, only_valid=False, now=now, actor_id=nadia)
            imports.write(town.pk, one.pk, now, settled=settled_titres, paying=titres_being_paid)
            one.refresh_from_db()
            return one

        found = {
            "columns": columns,
            "confirmed": confirmed("octobre.csv", rows(range(711, 714), now)),
            "proposed": read("novembre.csv", [*rows([711], now, amount="30,00"), *rows(range(721, 781), now)]),
            "wrong": read("décembre.csv", [*rows(range(791, 793), now), *rows([793], now, amount="12,345")]),
            "undone": confirmed("essai.csv", rows([795], now)),
            "discarded": read("brouillon.csv", rows([796], now)),
        }
        imports.undo(import_=found["undone"], settled=settled_titres, paying=titres_being_paid, now=now, actor_id=nadia)
        imports.discard(import_=found["discarded"], now=now, actor_id=nadia)
        refused = keep("capture.csv", b"%PDF-1.7\n")
        _read(town, refused, now)
        for state in (ImportState.READING, ImportState.WRITING):
            moving = keep("loyers.csv", table(rows([798], now)))
            tomorrow = now + timedelta(days=1)  # when a worker would take it up
            schedule(collectivite_id=town.pk, kind=imports.READ_IMPORT, subject_id=moving.pk, due_at=tomorrow, now=now)
            Import.objects.of(town).filter(pk=moving.pk).update(state=state)
            found[state.value] = moving
        closed = imports.add_source(
            collectivite=town,
            name="Ancien logiciel",
            collector=Collector.REGIE,
            regie=product.account.regie,
            now=now,
            actor_id=nadia,
        )
        imports.change_source(source=closed, is_active=False, now=now, actor_id=nadia)
    keys = {"refused": refused.pk, "source": source.pk, "closed source": closed.pk}
    return {state: one.pk for state, one in found.items()} | keys
