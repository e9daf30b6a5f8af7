"""`regal bench`: the benchmarks."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from regal.demo.bench import PARTS, WrongAnswers, main
from regal.demo.bench_bureau import PAYMENTS_OF_THE_TOWN, WrongPage
from regal.demo.bench_imports import WrongImport
from regal.demo.bench_lookups import WrongLookUp
from regal.demo.bench_payments import WrongPayment
from regal.demo.bench_titres import TITRES, WrongList


class Command(BaseCommand):
    help = "Mesure la vitesse de REGAL sur cette machine, à côté des limites de la machine."
    requires_system_checks = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--titres", type=int, default=TITRES, help="combien de factures chercher")
        parser.add_argument(
            "--paiements", type=int, default=PAYMENTS_OF_THE_TOWN, help="combien de paiements le bureau liste"
        )
        parser.add_argument("--seulement", choices=["", *PARTS], default="", help="une seule partie, sans le reste")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(
                main(
                    self.stderr.write,
                    titres=options["titres"],
                    payments=options["paiements"],
                    only=options["seulement"],
                )
            )
        except (WrongAnswers, WrongImport, WrongList, WrongLookUp, WrongPage, WrongPayment) as wrong:
            raise CommandError(f"Ce qui est mesuré n’est pas ce qui est annoncé : {wrong}") from wrong
        except TimeoutError as late:
            raise CommandError("Un des programmes mesurés n’a pas répondu à temps.") from late
