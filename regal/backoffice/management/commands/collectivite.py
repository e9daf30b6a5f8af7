from argparse import ArgumentTypeError, BooleanOptionalAction
from dataclasses import replace
from datetime import UTC, date, datetime
from getpass import getpass
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from regal.backoffice import administration, paybox
from regal.backoffice.management.commands.operator import LINK
from regal.backoffice.refusals import Refusal
from regal.collectivites.models import Collectivite, DebtWord, GatewayAccount, Product, Regie
from regal.gateways.base import DebtKind, Environment
from regal.gateways.payfip_url.gateway import PayfipUrl
from regal.gateways.registry import PAYFIP
from regal.lib.check_keys import CheckKey
from regal.lib.money import Money, UnreadableAmount
from regal.lib.pictures import HEAVIEST
from regal.lib.tenancy import tenant
from regal.people.models import Role

NOTHING = "-"
KINDS = {"titre": DebtKind.TITRE, "role": DebtKind.ORMC, "facture": DebtKind.REGIE}


class Command(BaseCommand):
    help = "Crée une collectivité avec ce qu’il faut pour payer ses titres ; ajoute produits, couleurs, invités."

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
        word = verbs.add_parser("word", help="dire comment la collectivité appelle les dettes de ses régies")
        word.add_argument("--slug", required=True, help="la collectivité")
        word.add_argument("word", choices=DebtWord.values, help="facture, avis ou titre")
        product = verbs.add_parser("product", help="ajouter un produit payable, avec son contrat PayFiP")
        product.add_argument("--slug", required=True, help="la collectivité")
        product.add_argument("--product-slug", required=True, help="adresse du produit")
        product.add_argument("--product-name", required=True, help="nom du produit")
        product.add_argument("--introduction", default="", help="une phrase pour le payeur")
        product.add_argument(
            "--kind",
            required=True,
            choices=list(KINDS),
            help="ce que le payeur tient : titre, rôle ou facture de régie",
        )
        product.add_argument("--numcli", default="", help="numéro de client PayFiP (6 chiffres), relié avec le produit")
        product.add_argument(
            "--contract", default="", help="ou un contrat déjà relié, par exemple 1234567-01-123456789"
        )
        product.add_argument(
            "--environment",
            default=Environment.TEST.value,
            choices=[environment.value for environment in Environment],
            help="environnement de ce contrat",
        )
        product.add_argument(
            "--gateway",
            default=PayfipUrl.name,
            choices=PAYFIP,
            help="accès à PayFiP : payfip_url (formulaire), ou payfip_ws (web service, pour une régie)",
        )
        product.add_argument("--regie-number", default="", help="facture : numéro de la régie dans Hélios")
        product.add_argument("--regie-name", default="", help="facture : nom de la régie, si elle est nouvelle")
        self._add_terms(product)
        account = verbs.add_parser("paybox", help="relier un contrat Paybox d’une régie, dans un environnement")
        account.add_argument("--slug", required=True, help="la collectivité")
        account.add_argument("--site", required=True, help="numéro de site (TPE), 7 chiffres")
        account.add_argument("--rang", required=True, help="rang, 2 ou 3 chiffres")
        account.add_argument("--identifiant", required=True, help="identifiant, de 1 à 9 chiffres")
        account.add_argument(
            "--platform",
            default="paybox",
            choices=["paybox", "up2pay"],
            help="Paybox/Verifone, ou Up2pay e-Transactions",
        )
        account.add_argument(
            "--environment",
            default=Environment.TEST.value,
            choices=[environment.value for environment in Environment],
            help="environnement de ce contrat",
        )
        account.add_argument("--regie-number", required=True, help="numéro de la régie dans Hélios")
        account.add_argument("--regie-name", default="", help="nom de la régie, si elle est nouvelle")
        account.add_argument(
            "--hmac-file",
            default="",
            help="fichier qui contient la clé HMAC ; sinon elle est demandée, sans s’afficher",
        )
        account.add_argument("--direct-file", default="", help="fichier qui contient le mot de passe de Paybox Direct")
        terms = verbs.add_parser("terms", help="ouvrir, fermer, dater un produit, changer son formulaire")
        terms.add_argument("--slug", required=True, help="la collectivité")
        terms.add_argument("--product-slug", required=True, help="adresse du produit")
        terms.add_argument("--open", dest="is_open", action="store_true", default=None, help="ouvrir le produit")
        terms.add_argument("--closed", dest="is_open", action="store_false", help="fermer le produit")
        terms.add_argument("--no-days", action="store_true", help="ôter les deux dates")
        self._add_terms(terms)
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

    def _add_terms(self, parser: CommandParser) -> None:
        """What a product's terms are made of; what is not given stays as it is."""
        parser.add_argument("--opens-on", type=_day, default=None, help="premier jour, 2026-12-01")
        parser.add_argument("--closes-on", type=_day, default=None, help="dernier jour, 2026-12-31")
        parser.add_argument("--closed-note", default="", help="phrase montrée quand il est fermé")
        parser.add_argument("--least", type=_amount, default=None, help="montant minimal, 1,00")
        parser.add_argument("--most", type=_amount, default=None, help="montant maximal, 600,00")
        parser.add_argument(
            "--partial-payment",
            action=BooleanOptionalAction,
            default=None,
            help="une facture de notre base peut se payer en plusieurs fois",
        )
        parser.add_argument("--pattern", default="", help="facture : modèle de numéro, par exemple FC2026-#{6}")
        parser.add_argument(
            "--check-key", default="", choices=["", NOTHING, *CheckKey], help="facture : clé de contrôle"
        )
        parser.add_argument("--number-name", default="", help="rôle, facture : nom du numéro, comme imprimé")
        parser.add_argument("--code-name", default="", help="rôle : nom du code, comme imprimé")
        parser.add_argument("--period-name", default="", help="rôle : nom des deux chiffres, comme imprimé")
        parser.add_argument("--code", default="", help="rôle : le code de deux caractères de tous ces avis")
        parser.add_argument("--number-digits", type=int, default=None, help="rôle : combien de chiffres, zéros compris")

    def handle(self, *args: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        try:
            with transaction.atomic():
                lines = getattr(self, f"_{options['verb']}")(options, now)
        except Refusal as refusal:
            raise CommandError(f"{refusal.code} : {refusal}") from refusal
        for line in lines:
            self.stdout.write(line)

    def _word(self, options: dict[str, Any], now: datetime) -> list[str]:
        town = _collectivite(options["slug"])
        administration.change_collectivite(
            collectivite=town,
            name=town.name,
            site_url=town.site_url,
            contact=town.contact,
            debt_word=options["word"],
            now=now,
        )
        return [f"{town.name} : les dettes de ses régies s’appellent « {options['word']} »."]

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

    def _product(self, options: dict[str, Any], now: datetime) -> list[str]:
        collectivite = _collectivite(options["slug"])
        if bool(options["numcli"]) is bool(options["contract"]):
            raise CommandError("Donnez --numcli, ou --contract si le contrat est déjà relié ; l’un des deux.")
        account = (
            _account(collectivite, options["contract"], options["environment"])
            if options["contract"]
            else administration.add_account(
                collectivite=collectivite,
                debt_kind=KINDS[options["kind"]],
                environment=options["environment"],
                identifier=options["numcli"],
                gateway=options["gateway"],
                regie=self._regie(collectivite, options, now),
                now=now,
            )
        )
        product = administration.add_product(
            collectivite=collectivite,
            slug=options["product_slug"],
            name=options["product_name"],
            introduction=options["introduction"],
            account=account,
            terms=_terms(options, administration.ProductTerms()),
            now=now,
        )
        return [f"Produit ajouté : {product.name}, {settings.GUICHET_URL}/{collectivite.slug}/{product.slug}/"]

    def _paybox(self, options: dict[str, Any], now: datetime) -> list[str]:
        """The keys come from a file or from the keyboard: never from the command line, which others can read."""
        collectivite = _collectivite(options["slug"])
        numbers = paybox.MerchantNumbers.read(
            site=options["site"], rang=options["rang"], identifiant=options["identifiant"]
        )
        typed = self._key(options["hmac_file"]) or getpass("Clé HMAC (128 caractères) : ")
        keys = {paybox.HMAC: paybox.hmac_key(typed)}
        if options["direct_file"]:
            keys[paybox.DIRECT] = paybox.direct_password(self._key(options["direct_file"]))
        regie = self._regie(collectivite, options, now)
        assert regie is not None
        account = paybox.add_contract(
            collectivite=collectivite,
            numbers=numbers,
            environment=Environment(options["environment"]),
            regie=regie,
            keys=keys,
            options={"platform": options["platform"]},
            now=now,
        )
        return [f"Contrat Paybox relié : {account.identifier} ({account.get_environment_display()})."]

    def _key(self, path: str) -> str:
        """What a file holds, without line end; nothing of no file. A key given in its place is repeated nowhere."""
        try:
            return self._read(path).decode("ascii", "replace").strip()
        except CommandError:
            raise CommandError("Le fichier de la clé ne se lit pas, ou il est vide : donnez son chemin.") from None

    def _regie(self, collectivite: Collectivite, options: dict[str, Any], now: datetime) -> Regie | None:
        """The régie of this number, created when it is new and has a name."""
        if not options["regie_number"]:
            return None
        with tenant(collectivite):
            there = Regie.objects.of(collectivite).filter(number=options["regie_number"]).first()
        return there or administration.add_regie(
            collectivite=collectivite, name=options["regie_name"], number=options["regie_number"], now=now
        )

    def _terms(self, options: dict[str, Any], now: datetime) -> list[str]:
        collectivite = _collectivite(options["slug"])
        with tenant(collectivite):
            product = Product.objects.of(collectivite).filter(slug=options["product_slug"]).first()
        if product is None:
            raise CommandError(f"Aucun produit de {collectivite.name} n’a l’adresse « {options['product_slug']} ».")
        terms = _terms(options, administration.terms_of(product))
        changed = administration.change_terms(product=product, terms=terms, now=now)
        if administration.terms_of(changed) == administration.terms_of(product):
            return [f"Rien n’a changé : {product.name}. Un tiret seul ôte un réglage, par exemple --pattern {NOTHING}"]
        return [f"Produit changé : {product.name}."]

    def _invite(self, options: dict[str, Any], now: datetime) -> list[str]:
        return self._member(
            _collectivite(options["slug"]),
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
        collectivite = administration.set_look(collectivite=_collectivite(options["slug"]), **given, now=now)
        return [f"Les pages de {collectivite.name} ont changé."]

    def _read(self, path: str) -> bytes:
        """A file, no more of it than tells that it is too heavy; nothing of no file."""
        if not path:
            return b""
        try:
            with open(path, "rb") as file:
                read = file.read(HEAVIEST + 1)
        except OSError:
            raise CommandError(f"Le fichier « {path} » ne se lit pas.") from None
        if not read:
            raise CommandError(f"Le fichier « {path} » est vide.")
        return read

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


def _collectivite(slug: str) -> Collectivite:
    collectivite = Collectivite.objects.filter(slug=slug).first()
    if collectivite is None:
        raise CommandError(f"Aucune collectivité n’a l’adresse « {slug} ».")
    return collectivite


def _account(collectivite: Collectivite, identifier: str, environment: str) -> GatewayAccount:
    with tenant(collectivite):
        found = GatewayAccount.objects.of(collectivite).filter(identifier=identifier, environment=environment).first()
    if found is None:
        raise CommandError(f"Le contrat « {identifier} » n’est pas relié en {environment} : reliez-le d’abord.")
    return found


def _terms(options: dict[str, Any], before: administration.ProductTerms) -> administration.ProductTerms:
    """The terms as they were, with what the command line gives; a dash alone takes a word away."""
    words = ("pattern", "check_key", "number_name", "code_name", "period_name", "code", "number_digits")
    form = {**before.reference_form, **{word: options[word] for word in words if options[word]}}
    given = {
        "is_open": options.get("is_open"),
        "opens_on": options["opens_on"],
        "closes_on": options["closes_on"],
        "closed_note": options["closed_note"].removeprefix(NOTHING) if options["closed_note"] else None,
        "reference_form": {word: value for word, value in form.items() if value != NOTHING},
        "min_amount": options["least"],
        "max_amount": options["most"],
        "partial_payment": options["partial_payment"],
    }
    terms = replace(before, **{name: value for name, value in given.items() if value is not None})
    return replace(terms, opens_on=None, closes_on=None) if options.get("no_days") else terms


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"« {text} » n’est pas un jour : écrivez 2026-12-31.") from None


def _amount(text: str) -> Money:
    try:
        return Money.parse(text)
    except UnreadableAmount:
        raise ArgumentTypeError(f"« {text} » n’est pas un montant : écrivez 600,00.") from None
