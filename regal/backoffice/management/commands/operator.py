from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from regal.backoffice.administration import create_operator, invitation_link
from regal.backoffice.refusals import Refusal
from regal.people.models import User

LINK = "Lien à transmettre, valable une fois et pendant 24 heures :"


class Command(BaseCommand):
    help = "Crée un exploitant de la plateforme, ou un nouveau lien pour choisir un mot de passe."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="créer un exploitant")
        create.add_argument("--identifier", required=True, help="identifiant de connexion")
        create.add_argument("--email", required=True, help="adresse e-mail")
        create.add_argument("--name", default="", help="nom affiché")
        invite = verbs.add_parser("invite", help="refaire un lien, pour un exploitant ou pour un agent")
        invite.add_argument("--identifier", required=True, help="identifiant de connexion")

    def handle(self, *args: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        try:
            with transaction.atomic():
                user = self._user(options, now)
                link = invitation_link(user=user, now=now)
        except Refusal as refusal:
            raise CommandError(f"{refusal.code} : {refusal}") from refusal
        self.stdout.write(LINK)
        self.stdout.write(link)

    def _user(self, options: dict[str, Any], now: datetime) -> User:
        if options["verb"] == "create":
            return create_operator(
                identifier=options["identifier"], email=options["email"], display_name=options["name"], now=now
            )
        found = User.objects.filter(identifier=options["identifier"].strip().lower(), is_active=True).first()
        if found is None:
            raise CommandError(f"Personne n’a l’identifiant « {options['identifier']} ».")
        return found
