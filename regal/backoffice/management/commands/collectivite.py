from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from regal.backoffice import administration
from regal.backoffice.management.commands.operator import LINK
from regal.backoffice.refusals import Refusal
from regal.collectivites.models import Collectivite
from regal.gateways.base import DebtKind, Environment
from regal.lib.pictures import HEAVIEST
from regal.people.models import Role


class Command(BaseCommand):
    help = "Crée une collectivité avec ce qu’il faut pour payer ses titres, l’habille, ou y invite quelqu’un."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="créer une collectivité, tout ou rien")
        create.add_argument("--slug", required=True, help="son adresse au guichet, par exemple saint-aubin")
        create.add_argument("--name", required=True, help="son nom")
        create.add_argument("--siret", required=True, help="le SIRET de son budget principal")
        create.add_argument("--site-url", default="", help="son site internet")
        create.add_argument("--contact", default="", help="le service à contacter, montré aux payeurs")
        create.add_argument("--numcli", default="", help="numéro de client PayFiP (6 chiffres) pour ses titres")
        create.add_argument(
            "--environment",
            default=Environment.TEST.value,
            choices=[environment.value for environment in Environment],
            help="environnement de ce contrat",
        )
        create.add_argument("--product-slug", default="titres", help="adresse de son premier produit")
        create.add_argument("--product-name", default="Avis des sommes à payer", help="nom de ce produit")
        create.add_argument(
            "--origin", action="append", default=[], help="site qui affiche ses pages, https://… (répétable)"
        )
        create.add_argument("--administrator", default="", help="identifiant de son administrateur")
        create.add_argument("--administrator-email", default="", help="adresse de son administrateur")
        invite = verbs.add_parser("invite", help="inviter quelqu’un dans une collectivité")
        invite.add_argument("--slug", required=True, help="la collectivité")
        invite.add_argument("--identifier", required=True, help="identifiant de connexion")
        invite.add_argument("--email", required=True, help="adresse e-mail")
        invite.add_argument("--name", default="", help="nom affiché")
        invite.add_argument(
            "--role", default=Role.AGENT.value, choices=Role.values, help="ce que la personne pourra faire"
        )

        look = verbs.add_parser("look", help="changer le logo et les couleurs de ses pages")
        look.add_argument("--slug", required=True, help="la collectivité")
        look.add_argument("--main-colour", help="couleur des boutons et des liens, #rrggbb ; '' la retire")
        look.add_argument("--accent-colour", help="couleur d’un filet décoratif, #rrggbb ; '' la retire")
        look.add_argument("--logo", help="fichier PNG, JPEG ou WebP, 2 Mo au plus ; '' le retire")
        look.add_argument("--alt", help="ce que le logo dit de plus que le nom, écrit à côté de lui ; souvent rien")

    def handle(self, *args: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        verbs = {"create": self._create, "invite": self._invite, "look": self._look}
        try:
            with transaction.atomic():
                lines = verbs[options["verb"]](options, now)
        except Refusal as refusal:
            raise CommandError(f"{refusal.code} : {refusal}") from refusal
        for line in lines:
            self.stdout.write(line)

    def _create(self, options: dict[str, Any], now: datetime) -> list[str]:
        if bool(options["administrator"]) is not bool(options["administrator_email"]):
            raise CommandError("--administrator et --administrator-email vont ensemble.")
        collectivite = administration.create_collectivite(
            slug=options["slug"],
            name=options["name"],
            siret=options["siret"],
            site_url=options["site_url"],
            contact=options["contact"],
            now=now,
        )
        if options["numcli"]:
            account = administration.add_account(
                collectivite=collectivite,
                debt_kind=DebtKind.TITRE,
                environment=options["environment"],
                identifier=options["numcli"],
                now=now,
            )
            administration.add_product(
                collectivite=collectivite,
                slug=options["product_slug"],
                name=options["product_name"],
                account=account,
                now=now,
            )
        for origin in options["origin"]:
            administration.allow_origin(collectivite=collectivite, origin=origin, now=now)
        lines = [f"Collectivité créée : {collectivite.name}."]
        if options["administrator"]:
            lines += self._member(
                collectivite,
                identifier=options["administrator"],
                email=options["administrator_email"],
                role=Role.ADMINISTRATOR.value,
                name="",
                now=now,
            )
        return lines

    def _invite(self, options: dict[str, Any], now: datetime) -> list[str]:
        return self._member(
            self._called(options["slug"]),
            identifier=options["identifier"],
            email=options["email"],
            role=options["role"],
            name=options["name"],
            now=now,
        )

    def _look(self, options: dict[str, Any], now: datetime) -> list[str]:
        given = {
            "main_colour": options["main_colour"],
            "accent_colour": options["accent_colour"],
            "logo": self._read(options["logo"]) if options["logo"] is not None else None,
            "logo_text": options["alt"],
        }
        if all(value is None for value in given.values()):
            raise CommandError("Rien à changer : donnez --main-colour, --accent-colour, --logo ou --alt.")
        collectivite = administration.set_look(collectivite=self._called(options["slug"]), **given, now=now)
        return [f"Les pages de {collectivite.name} ont changé."]

    def _read(self, path: str) -> bytes:
        """The logo's file, no more of it than tells that it is too heavy; nothing of no file."""
        if not path:
            return b""
        try:
            with open(path, "rb") as file:
                return file.read(HEAVIEST + 1)
        except OSError:
            raise CommandError(f"Le fichier « {path} » ne se lit pas.") from None

    def _called(self, slug: str) -> Collectivite:
        collectivite = Collectivite.objects.filter(slug=slug).first()
        if collectivite is None:
            raise CommandError(f"Aucune collectivité n’a l’adresse « {slug} ».")
        return collectivite

    def _member(
        self, collectivite: Collectivite, *, identifier: str, email: str, role: str, name: str, now: datetime
    ) -> list[str]:
        """Bring somebody in; whoever already has a password needs no link."""
        user = administration.create_agent(
            collectivite=collectivite, identifier=identifier, email=email, role=role, display_name=name, now=now
        )
        if user.has_usable_password():
            return [f"{user} entre avec son mot de passe habituel."]
        return [LINK, administration.invitation_link(user=user, now=now)]
