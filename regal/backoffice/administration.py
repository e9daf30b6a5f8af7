"""Create and change what a collectivité is made of, and who works there.

Each act is one transaction with its audit row, as the application's role, or a `Refusal` that says what to mend.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from regal.audit.operations import record, record_on_platform
from regal.backoffice import activation_refusals, paybox_refusals, refusals
from regal.backoffice.letters import tell_administrators
from regal.collectivites.models import (
    RESERVED_PRODUCT_SLUGS,
    RESERVED_SLUGS,
    AllowedOrigin,
    Budget,
    Collectivite,
    DebtWord,
    GatewayAccount,
    Logo,
    Product,
    Regie,
)
from regal.collectivites.operations import keep_secret
from regal.collectivites.reference_forms import BadReferenceForm, InvoiceWords, read_reference_form
from regal.gateways.base import DebtKind, Environment, Misconfigured
from regal.gateways.paybox.gateway import Paybox
from regal.gateways.payfip_url.gateway import PayfipUrl
from regal.gateways.payfip_ws.gateway import PayfipWs
from regal.gateways.registry import PAYFIP
from regal.lib import colours, pictures, tokens
from regal.lib.canonical import digest
from regal.lib.card_numbers import holds_card_number
from regal.lib.check_keys import CheckKey
from regal.lib.email_address import UnreadableEmail, normalise_email
from regal.lib.money import Money
from regal.lib.siret import is_siret
from regal.lib.tenancy import tenant
from regal.lib.vault import Secret
from regal.payments.accounts import gateway_of
from regal.people import invitations
from regal.people.models import Membership, Role, User
from regal.people.sessions import end_sessions

MAIN_BUDGET_CODE = "00"
ADDRESS = "notification"  # the secret part of an account's own address

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ORIGIN = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?|http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?")
_NUMCLI = re.compile(r"[0-9]{6}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_USER_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
_REGIE_NUMBER = re.compile(r"[A-Za-z0-9]{1,10}")
_LONGEST = {"collectivite": 120, "budget": 120, "regie": 120, "product": 100, "user": 80}
LONGEST_CONTACT = 200
LONGEST_SENTENCE = 300  # what a product says to payers


def create_collectivite(
    *,
    slug: str,
    name: str,
    siret: str,
    site_url: str = "",
    contact: str = "",
    now: datetime,
    actor_id: int | None = None,
) -> Collectivite:
    """A new collectivité, with its main budget.

    Raises BadSlug, ReservedSlug, SlugTaken, MissingName, BadSiret, BadWebAddress, TextTooLong, CardNumber.
    """
    if not _is_slug(slug):
        raise refusals.BadSlug(slug=slug)
    if slug in RESERVED_SLUGS:
        raise refusals.ReservedSlug(slug=slug)
    _check_name(name, "collectivite")
    _check_web_address(site_url)
    with transaction.atomic():
        with _unless_taken({"collectivites_collectivite_slug": refusals.SlugTaken(slug=slug)}):
            collectivite = Collectivite.objects.create(
                slug=slug, name=name.strip(), site_url=site_url, contact=_sentence(contact, "contact", LONGEST_CONTACT)
            )
        with tenant(collectivite):
            record(
                collectivite=collectivite,
                action="create_collectivite",
                subject=f"collectivite {collectivite.pk}",
                after={"slug": slug, "name": collectivite.name},
                now=now,
                actor_id=actor_id,
            )
        record_on_platform(
            action="create_collectivite", subject=f"collectivite {collectivite.pk}", now=now, actor_id=actor_id
        )
        add_budget(
            collectivite=collectivite,
            siret=siret,
            code=MAIN_BUDGET_CODE,
            name="Budget principal",
            now=now,
            actor_id=actor_id,
        )
    return collectivite


def version_of(collectivite: Collectivite) -> str:
    """Another one after each change of what `change_collectivite` changes."""
    return digest(_identity_told(collectivite))[:16]


def change_collectivite(
    *,
    collectivite: Collectivite,
    name: str,
    site_url: str,
    contact: str,
    debt_word: str | None = None,
    treasury_note: str | None = None,
    seen: str | None = None,
    now: datetime,
    actor_id: int | None = None,
) -> Collectivite:
    """Its name, its site, the office that payers may ask, what it calls a debt, how to pay the comptable.

    The last two are as now unless told.

    `seen` is the version that the person changes, if any.

    Raises MissingName, BadWebAddress, TextTooLong, CardNumber, ChangedMeanwhile.
    """
    _check_name(name, "collectivite")
    _check_web_address(site_url)
    chosen = {"name": name.strip(), "site_url": site_url, "contact": _sentence(contact, "contact", LONGEST_CONTACT)}
    word = {} if debt_word is None else {"debt_word": DebtWord(debt_word).value}
    if treasury_note is not None:
        word["treasury_note"] = _sentence(treasury_note, "treasury_note", LONGEST_SENTENCE)
    with tenant(collectivite):
        changed = Collectivite.objects.select_for_update().get(pk=collectivite.pk)
        if seen is not None and seen != version_of(changed):
            raise refusals.ChangedMeanwhile
        before = _identity_told(changed)
        chosen = before | chosen | word
        if before == chosen:
            return changed
        for column, value in chosen.items():
            setattr(changed, column, value)
        changed.save(update_fields=list(chosen))
        record(
            collectivite=changed,
            action="change_collectivite",
            subject=f"collectivite {changed.pk}",
            before=before,
            after=chosen,
            now=now,
            actor_id=actor_id,
        )
    return changed


def _identity_told(collectivite: Collectivite) -> dict[str, str]:
    told = ("name", "site_url", "contact", "debt_word", "treasury_note")
    return {column: getattr(collectivite, column) for column in told}


def add_budget(
    *, collectivite: Collectivite, siret: str, code: str, name: str, now: datetime, actor_id: int | None = None
) -> Budget:
    """The main budget, or one apart. Raises BadSiret, MissingName."""
    digits = "".join(siret.split())
    if not is_siret(digits):
        raise refusals.BadSiret(siret=siret)
    _check_name(name, "budget")
    with tenant(collectivite):
        budget = Budget.objects.create(collectivite=collectivite, siret=digits, code=code, name=name.strip())
        record(
            collectivite=collectivite,
            action="add_budget",
            subject=f"budget {budget.pk}",
            after={"siret": digits, "code": code, "name": budget.name},
            now=now,
            actor_id=actor_id,
        )
    return budget


def add_account(
    *,
    collectivite: Collectivite,
    debt_kind: DebtKind | str,
    environment: Environment | str,
    identifier: str,
    gateway: str = "payfip_url",
    options: Mapping[str, Any] | None = None,
    regie: Regie | None = None,
    now: datetime,
    actor_id: int | None = None,
    routing_change_id: int | None = None,
    secrets: Mapping[str, Secret] | None = None,
) -> GatewayAccount:
    """A contract with a gateway: of the comptable through the main budget, or of a régie.

    A person opens a production account through an approved `RoutingChange` only; the command line is the host's way.
    Raises BadIdentifier, BadOptions, NeedsRegie, AccountTaken, OfAnotherTown, ConnectedOtherwise, ForRegiesOnly,
    NeedsTwoPeople; of Paybox, what `paybox_refusals.refusal_of` gives.
    """
    kind, in_environment, secrets = DebtKind(debt_kind), Environment(environment), secrets or {}
    if in_environment is Environment.PRODUCTION and actor_id is not None and routing_change_id is None:
        raise activation_refusals.NeedsTwoPeople
    if gateway in PAYFIP and not _NUMCLI.fullmatch(identifier):
        raise refusals.BadIdentifier(identifier=identifier)
    if (kind is DebtKind.REGIE) is not (regie is not None):
        raise refusals.NeedsRegie
    if gateway == PayfipWs.name and kind is not DebtKind.REGIE:
        raise activation_refusals.ForRegiesOnly
    taken = {
        "collectivites_account_identity": refusals.AccountTaken(
            identifier=identifier, environment=in_environment.value
        ),
        "collectivites_account_of_one_collectivite": activation_refusals.OfAnotherTown(identifier=identifier),
        "collectivites_account_of_one_gateway": activation_refusals.ConnectedOtherwise(identifier=identifier),
        "collectivites_account_of_one_site": paybox_refusals.SharedSite(identifier=identifier),
    }
    with tenant(collectivite), _unless_taken(taken):
        budget = None if regie else Budget.objects.of(collectivite).get(code=MAIN_BUDGET_CODE)
        account = GatewayAccount.objects.create(
            collectivite=collectivite,
            gateway=gateway,
            debt_kind=kind.value,
            environment=in_environment.value,
            identifier=identifier,
            budget=budget,
            regie=regie,
            options=dict(options or {}),
            **({"notification_digest": tokens.digest(secrets[ADDRESS].reveal_text())} if ADDRESS in secrets else {}),
        )
        for name, secret in secrets.items():
            keep_secret(account=account, name=name, value=secret)
        check_account(account)
        record(
            collectivite=collectivite,
            action="add_account",
            subject=f"account {account.pk}",
            after={
                "gateway": gateway,
                "debt_kind": kind.value,
                "environment": in_environment.value,
                "identifier": identifier,
                "options": account.options,
                **({"secrets": sorted(secrets)} if secrets else {}),
                **({"routing_change": routing_change_id} if routing_change_id is not None else {}),
            },
            now=now,
            actor_id=actor_id,
        )
    return account


def check_account(account: GatewayAccount) -> None:
    """Whether its gateway can be built of what is kept. Call it inside `tenant()`. Raises as `add_account`."""
    try:
        gateway_of(account)
    except Misconfigured as wrong:
        raise paybox_refusals.refusal_of(account, wrong) or refusals.BadOptions(option=wrong.field) from wrong


def add_regie(
    *, collectivite: Collectivite, name: str, number: str, now: datetime, actor_id: int | None = None
) -> Regie:
    """A cash desk of the main budget; `number` names it in Hélios. Raises MissingName, BadRegieNumber, RegieTaken."""
    _check_name(name, "regie")
    if not _REGIE_NUMBER.fullmatch(number):
        raise refusals.BadRegieNumber(number=number)
    taken = refusals.RegieTaken(number=number)
    with tenant(collectivite), _unless_taken({"collectivites_regie_once": taken}):
        budget = Budget.objects.of(collectivite).get(code=MAIN_BUDGET_CODE)
        regie = Regie.objects.create(collectivite=collectivite, budget=budget, name=name.strip(), number=number)
        record(
            collectivite=collectivite,
            action="add_regie",
            subject=f"regie {regie.pk}",
            after={"name": regie.name, "number": number},
            now=now,
            actor_id=actor_id,
        )
    return regie


@dataclass(frozen=True, kw_only=True)
class ProductTerms:
    """When a product can be paid, how its form asks for the reference, and within what amounts.

    `compares_with_base`: of the comptable's, whether a payer is warned whose notice the imported base does not hold.
    """

    is_open: bool = True
    opens_on: date | None = None
    closes_on: date | None = None
    closed_note: str = ""
    reference_form: Mapping[str, Any] = field(default_factory=dict)
    min_amount: Money | None = None
    max_amount: Money | None = None
    compares_with_base: bool = True
    partial_payment: bool = False  # of a debt of our own base


def add_product(
    *,
    collectivite: Collectivite,
    slug: str,
    name: str,
    account: GatewayAccount,
    introduction: str = "",
    terms: ProductTerms | None = None,
    now: datetime,
    actor_id: int | None = None,
) -> Product:
    """Something payable, after those that are there.

    Raises BadProductSlug, ProductTaken, MissingName, TextTooLong, CardNumber, BadReferenceForm, BadDays, BadAmounts,
    UncheckedInvoices, ImpossibleNumbers.
    """
    _check_name(name, "product")
    if not _is_slug(slug) or slug in RESERVED_PRODUCT_SLUGS:
        raise refusals.BadProductSlug(slug=slug)
    terms = terms or ProductTerms()
    _check_terms(terms, account)
    taken = refusals.ProductTaken(slug=slug)
    with tenant(collectivite), _unless_taken({"collectivites_product_once": taken}):
        product = Product.objects.create(
            collectivite=collectivite,
            slug=slug,
            name=name.strip(),
            introduction=_sentence(introduction, "introduction", LONGEST_SENTENCE),
            account=account,
            debt_kind=account.debt_kind,
            position=Product.objects.of(collectivite).count(),
            **_as_columns(terms),
        )
        record(
            collectivite=collectivite,
            action="add_product",
            subject=f"product {product.pk}",
            after={"slug": slug, "name": product.name, "account": account.pk, **_terms_told(product)},
            now=now,
            actor_id=actor_id,
        )
    return product


def terms_of(product: Product) -> ProductTerms:
    """A product's terms as they stand."""
    return ProductTerms(**{term.name: getattr(product, term.name) for term in fields(ProductTerms)})


def change_terms(*, product: Product, terms: ProductTerms, now: datetime, actor_id: int | None = None) -> Product:
    """Open or close a product, change its days, its form, its amounts.

    Raises TextTooLong, CardNumber, BadReferenceForm, BadDays, BadAmounts, UncheckedInvoices, ImpossibleNumbers.
    """
    with tenant(product.collectivite_id):
        changed = _locked(product)
        _check_terms(terms, changed.account)
        before = _terms_told(changed)
        _set(changed, _as_columns(terms))
        after = _terms_told(changed)
        if before == after:
            return changed
        record(
            collectivite=changed.collectivite,
            action="change_terms",
            subject=f"product {changed.pk}",
            before=before,
            after=after,
            now=now,
            actor_id=actor_id,
        )
    return changed


def open_or_close(*, product: Product, is_open: bool, now: datetime, actor_id: int | None = None) -> Product:
    """Open or close a product by hand, whatever its days; all else stays as it is in the base."""
    with tenant(product.collectivite_id):
        terms = replace(terms_of(_locked(product)), is_open=is_open)
        return change_terms(product=product, terms=terms, now=now, actor_id=actor_id)


def product_version(product: Product) -> str:
    """Another one after each change that a person makes to a product; its place in the list does not count."""
    return digest(_product_told(product))[:16]


def change_product(
    *,
    product: Product,
    name: str,
    introduction: str,
    account: GatewayAccount,
    terms: ProductTerms,
    seen: str | None = None,
    now: datetime,
    actor_id: int | None = None,
) -> Product:
    """Its words, its contract and its terms, at once; `seen` is the version that the person changes, if any.

    From or to a contract in production it does not go: that is for two people to decide, elsewhere.

    Raises ChangedMeanwhile, NotThisAccount, MissingName, TextTooLong, CardNumber, BadReferenceForm, BadDays,
    BadAmounts, UncheckedInvoices, ImpossibleNumbers.
    """
    _check_name(name, "product")
    with tenant(product.collectivite_id):
        changed = _locked(product)
        if seen is not None and seen != product_version(changed):
            raise refusals.ChangedMeanwhile
        if account.pk != changed.account_id and not may_move(changed, account):
            raise refusals.NotThisAccount
        _check_terms(terms, account)
        before = _product_told(changed)
        introduction = _sentence(introduction, "introduction", LONGEST_SENTENCE)
        _set(changed, {"name": name.strip(), "introduction": introduction, "account": account, **_as_columns(terms)})
        after = _product_told(changed)
        if before == after:
            return changed
        record(
            collectivite=changed.collectivite,
            action="change_product",
            subject=f"product {changed.pk}",
            before=before,
            after=after,
            now=now,
            actor_id=actor_id,
        )
    return changed


def may_move(product: Product, account: GatewayAccount) -> bool:
    """Whether a product may go to another contract by one person's decision: no real money comes or goes by it."""
    is_real = Environment.PRODUCTION in (product.account.environment, account.environment)
    is_alike = (account.collectivite_id, account.debt_kind) == (product.collectivite_id, product.debt_kind)
    return is_alike and account.is_active and not is_real


def move_product(*, product: Product, up: bool, now: datetime, actor_id: int | None = None) -> None:
    """One place up or down in the list that payers read; the first and the last stay where they are."""
    with tenant(product.collectivite_id):
        rows = Product.objects.filter(collectivite=product.collectivite_id).select_for_update()
        listed = list(rows.order_by("position", "name", "pk"))
        before = next(place for place, one in enumerate(listed) if one.pk == product.pk)
        after = before - 1 if up else before + 1
        if not 0 <= after < len(listed):
            return
        listed.insert(after, listed.pop(before))
        for place, one in enumerate(listed):
            if one.position != place:
                _set(one, {"position": place})
        record(
            collectivite=product.collectivite,
            action="move_product",
            subject=f"product {product.pk}",
            before={"position": before},
            after={"position": after},
            now=now,
            actor_id=actor_id,
        )


def _locked(product: Product) -> Product:
    """Its row as it is now, until the end of the transaction."""
    rows = Product.objects.select_for_update(of=("self",)).select_related("account")
    return rows.get(collectivite=product.collectivite_id, pk=product.pk)


def _set(product: Product, columns: Mapping[str, Any]) -> None:
    for column, value in columns.items():
        setattr(product, column, value)
    product.save(update_fields=list(columns))


def _check_terms(terms: ProductTerms, account: GatewayAccount) -> None:
    """Terms that can be kept: a payer must never be told that he is wrong by a form that nothing satisfies."""
    try:
        words = read_reference_form(DebtKind(account.debt_kind), terms.reference_form)
    except BadReferenceForm as bad:
        raise refusals.BadReferenceForm(field=bad.field) from bad
    for member, value in terms.reference_form.items():
        _check_no_card(str(value), member)
    if terms.opens_on and terms.closes_on and terms.closes_on < terms.opens_on:
        raise refusals.BadDays
    gateway = gateway_of(account)
    contract = gateway.account if isinstance(gateway, PayfipUrl | PayfipWs) else None
    bounded = gateway.account if isinstance(gateway, Paybox) else contract
    floor, ceiling = (bounded.min_amount, bounded.max_amount) if bounded else (Money(1), Money(9_999_999_99))
    least, most = terms.min_amount or floor, terms.max_amount or ceiling
    if not Money.zero < least <= most or least > ceiling or most < floor or most > Money(9_999_999_99):
        raise refusals.BadAmounts
    if isinstance(words, InvoiceWords):
        if not (words.is_checked and terms.min_amount and terms.max_amount):
            raise refusals.UncheckedInvoices
        shortest = contract.min_reference_length if contract else 1
        has_letters = words.pattern is not None and not words.pattern.is_digits
        if words.pattern is not None and words.pattern.most < shortest:
            raise refusals.ImpossibleNumbers
        if has_letters and words.check_key in (CheckKey.LUHN, CheckKey.MOD_97_10):
            raise refusals.ImpossibleNumbers


def _as_columns(terms: ProductTerms) -> dict[str, Any]:
    return {
        **{term.name: getattr(terms, term.name) for term in fields(terms)},
        "closed_note": _sentence(terms.closed_note, "closed_note", LONGEST_SENTENCE),
        "reference_form": dict(terms.reference_form),
    }


def _terms_told(product: Product) -> dict[str, Any]:
    """The terms as the audit keeps them."""
    told = {
        "is_open": product.is_open,
        "opens_on": product.opens_on and product.opens_on.isoformat(),
        "closes_on": product.closes_on and product.closes_on.isoformat(),
        "closed_note": product.closed_note,
        "reference_form": product.reference_form,
        "min_amount_cents": product.min_amount and product.min_amount.cents,
        "max_amount_cents": product.max_amount and product.max_amount.cents,
        "compares_with_base": None if product.compares_with_base else False,  # said where it is not as usual
        "partial_payment": product.partial_payment or None,
    }
    return {name: value for name, value in told.items() if value not in (None, "", {})}


def _product_told(product: Product) -> dict[str, Any]:
    """All that a person sets of a product, as the audit keeps it."""
    words = {"name": product.name, "introduction": product.introduction, "account": product.account_id}
    return {**words, **_terms_told(product)}


def allow_origin(
    *, collectivite: Collectivite, origin: str, now: datetime, actor_id: int | None = None
) -> AllowedOrigin:
    """Let a site frame the collectivité's pages. Raises BadOrigin, OriginTaken, CardNumber."""
    typed = origin.strip().lower()
    if len(typed) > 120 or not _ORIGIN.fullmatch(typed):
        raise refusals.BadOrigin(origin=origin)
    _check_no_card(typed, "origin")
    with (
        tenant(collectivite),
        _unless_taken({"collectivites_origin_once": refusals.OriginTaken(origin=typed)}),
    ):
        allowed = AllowedOrigin.objects.create(collectivite=collectivite, origin=typed)
        record(
            collectivite=collectivite,
            action="allow_origin",
            subject=f"origin {allowed.pk}",
            after={"origin": typed},
            now=now,
            actor_id=actor_id,
        )
    return allowed


def disallow_origin(*, collectivite: Collectivite, origin: str, now: datetime, actor_id: int | None = None) -> None:
    """A site frames the collectivité's pages no more; nothing to do when it does not."""
    with tenant(collectivite):
        allowed = AllowedOrigin.objects.of(collectivite).filter(origin=origin).first()
        if allowed is None or not AllowedOrigin.objects.of(collectivite).filter(pk=allowed.pk).delete()[0]:
            return
        record(
            collectivite=collectivite,
            action="disallow_origin",
            subject=f"origin {allowed.pk}",
            before={"origin": origin},
            now=now,
            actor_id=actor_id,
        )


def look_version(collectivite: Collectivite) -> str:
    """Another one after each change of its colours or its logo."""
    columns = ("main_colour", "accent_colour", "logo_digest", "logo_text")
    return digest([getattr(collectivite, column) for column in columns])[:16]


def set_look(
    *,
    collectivite: Collectivite,
    main_colour: str | None = None,
    accent_colour: str | None = None,
    logo: bytes | None = None,
    logo_text: str | None = None,
    seen: str | None = None,
    now: datetime,
    actor_id: int | None = None,
) -> Collectivite:
    """The colours and the logo of its pages. None leaves a thing as it is; an empty one takes it away.

    `seen` is the version that the person changes, if any. Raises BadColour, PaleColour, NotALogo, HeavyLogo, HugeLogo,
    LogoTextTooLong, CardNumber, ChangedMeanwhile.
    """
    chosen: dict[str, str] = {}
    if main_colour is not None:
        chosen["main_colour"] = _main_colour(main_colour)
    if accent_colour is not None:
        chosen["accent_colour"] = _colour(accent_colour)
    if logo_text is not None:
        if len(logo_text.strip()) > 120 or _CONTROL.search(logo_text.strip()):
            raise refusals.LogoTextTooLong
        _check_no_card(logo_text, "logo_text")
        chosen["logo_text"] = logo_text.strip()
    png = _small_png(logo) if logo else b""
    if logo is not None:
        chosen["logo_digest"] = hashlib.sha256(png).hexdigest() if png else ""
    with tenant(collectivite):
        changed = Collectivite.objects.select_for_update().get(pk=collectivite.pk)
        if seen is not None and seen != look_version(changed):
            raise refusals.ChangedMeanwhile
        before = {field: getattr(changed, field) for field in chosen}
        if before == chosen:
            return changed
        if png:
            Logo.objects.of(collectivite).get_or_create(
                collectivite=changed, digest=chosen["logo_digest"], defaults={"png": png}
            )
        for field, value in chosen.items():
            setattr(changed, field, value)
        changed.save(update_fields=list(chosen))
        record(
            collectivite=collectivite,
            action="set_look",
            subject=f"collectivite {collectivite.pk}",
            before=before,
            after=chosen,
            now=now,
            actor_id=actor_id,
        )
    return changed


def create_agent(
    *,
    collectivite: Collectivite,
    identifier: str,
    email: str,
    role: Role | str,
    password: str | None = None,
    is_demo: bool = False,
    display_name: str = "",
    now: datetime,
    actor_id: int | None = None,
) -> User:
    """Somebody works here: a new user, or one who already works elsewhere under this identifier and address.

    Raises BadUserIdentifier, BadEmail, IdentifierTaken, EmailTaken, AlreadyMember, WeakPassword.
    """
    with transaction.atomic():
        user = _user_called(identifier=identifier, email=email)
        if user is None:
            user = _new_user(
                identifier=identifier,
                email=email,
                password=password,
                is_demo=is_demo,
                display_name=display_name,
                now=now,
                actor_id=actor_id,
            )
        already = refusals.AlreadyMember(identifier=user.identifier)
        with tenant(collectivite), _unless_taken({"people_membership_once": already}):
            membership = Membership.objects.create(collectivite=collectivite, user=user, role=Role(role).value)
            entry = record(
                collectivite=collectivite,
                action="add_member",
                subject=f"user {user.pk}",
                after={"role": membership.role},
                now=now,
                actor_id=actor_id,
            )
            if membership.role == Role.ADMINISTRATOR:
                tell_administrators(collectivite=collectivite, entry=entry, but=user.pk, now=now)
    return user


def create_operator(
    *,
    identifier: str,
    email: str,
    password: str | None = None,
    is_demo: bool = False,
    display_name: str = "",
    now: datetime,
    actor_id: int | None = None,
) -> User:
    """Somebody who runs the platform; he sees no town's rows.

    Raises BadUserIdentifier, BadEmail, IdentifierTaken, EmailTaken, WeakPassword.
    """
    with transaction.atomic():
        if _user_called(identifier=identifier, email=email) is not None:
            raise refusals.IdentifierTaken(identifier=identifier)
        user = _new_user(
            identifier=identifier,
            email=email,
            password=password,
            is_demo=is_demo,
            display_name=display_name,
            is_operator=True,
            now=now,
            actor_id=actor_id,
        )
        record_on_platform(action="create_operator", subject=f"user {user.pk}", now=now, actor_id=actor_id)
    return user


def invitation_link(*, user: User, now: datetime, actor_id: int | None = None) -> str:
    """The address at which somebody chooses a password, once, within 24 hours; making one leaves its trace."""
    record_on_platform(action="invite", subject=f"user {user.pk}", now=now, actor_id=actor_id)
    return f"{settings.BUREAU_URL}{invitations.path_for(user=user, now=now)}"


def choose_password(*, uid: str, token: str, password: str, now: datetime) -> User | None:
    """What the invited person does; None if the link died meanwhile. Two at once: the first one's password stays."""
    with transaction.atomic():
        invited = invitations.invited_user(uid=uid, token=token, now=now, lock=True)
        if invited is None:
            return None
        invited.set_password(password)
        invited.save(update_fields=["password"])
        end_sessions(user_id=invited.pk)
        record_on_platform(action="choose_password", subject=f"user {invited.pk}", now=now, actor_id=invited.pk)
    return invited


def _user_called(*, identifier: str, email: str) -> User | None:
    """Who already has this identifier and this address. Raises when only one of the two is his, or none could be."""
    typed = identifier.strip().lower()
    if not _USER_IDENTIFIER.fullmatch(typed):
        raise refusals.BadUserIdentifier(identifier=identifier)
    found = User.objects.filter(identifier=typed).first()
    if found is None:
        return None
    if found.email.lower() != email.strip().lower() or found.is_operator:
        raise refusals.IdentifierTaken(identifier=found.identifier)
    return found


def _new_user(
    *,
    identifier: str,
    email: str,
    password: str | None,
    is_demo: bool,
    display_name: str,
    now: datetime,
    actor_id: int | None,
    is_operator: bool = False,
) -> User:
    typed = identifier.strip().lower()
    try:
        address = normalise_email(email).lower()
    except UnreadableEmail:
        raise refusals.BadEmail(email=email) from None
    if password is not None and not is_demo:
        try:
            validate_password(password, User(identifier=typed, email=address, display_name=display_name))
        except ValidationError as weak:
            raise refusals.WeakPassword(why=" ".join(weak.messages)) from None
    taken = {
        "people_user_identifier": refusals.IdentifierTaken(identifier=typed),
        "people_user_email_unique": refusals.EmailTaken(email=address),
    }
    with _unless_taken(taken):
        user = User.objects.create_user(
            identifier=typed,
            email=address,
            password=password,
            display_name=_CONTROL.sub(" ", display_name).strip()[: _LONGEST["user"]],
            is_demo=is_demo,
            is_operator=is_operator,
        )
    record_on_platform(action="create_user", subject=f"user {user.pk}", now=now, actor_id=actor_id)
    return user


def _is_slug(text: str) -> bool:
    return len(text) <= 40 and _SLUG.fullmatch(text) is not None


def _check_name(text: str, kind: str) -> None:
    if not text.strip() or len(text.strip()) > _LONGEST[kind] or _CONTROL.search(text):
        raise refusals.MissingName(longest=_LONGEST[kind])
    _check_no_card(text, "name")


def _check_no_card(text: str, field: str) -> None:
    """No card number is kept, wherever somebody types it. Raises CardNumber."""
    if holds_card_number(text):
        raise refusals.CardNumber(field=field)


def _sentence(text: str, field: str, longest: int) -> str:
    """A sentence for payers, on one line. Raises TextTooLong, CardNumber; `field` tells which it was."""
    line = _CONTROL.sub(" ", text).strip()
    if len(line) > longest:
        raise refusals.TextTooLong(longest=longest, field=field)
    _check_no_card(line, field)
    return line


def _colour(text: str) -> str:
    """Nothing, or `#rrggbb`."""
    try:
        return colours.parse(text) if text.strip() else ""
    except colours.UnreadableColour:
        raise refusals.BadColour(colour=text) from None


def _main_colour(text: str) -> str:
    """Nothing, or a colour that white words are read on."""
    colour = _colour(text)
    if colour and not colours.is_readable(colour):
        raise refusals.PaleColour(colour=colour, darker=colours.nearest_readable(colour))
    return colour


def _small_png(given: bytes) -> bytes:
    try:
        return pictures.small_png(given)
    except pictures.TooHeavy:
        raise refusals.HeavyLogo from None
    except pictures.TooManyPixels:
        raise refusals.HugeLogo from None
    except pictures.NotAPicture:
        raise refusals.NotALogo from None


def _check_web_address(text: str) -> None:
    """Nothing, or the address of a site; http only on the loopback."""
    if not text:
        return
    try:
        parts = urlsplit(text)
        is_loopback = parts.hostname in {"localhost", "127.0.0.1"}
    except ValueError:
        raise refusals.BadWebAddress(address=text) from None
    good = parts.scheme == "https" or (parts.scheme == "http" and is_loopback)
    if not good or not parts.hostname or len(text) > 200 or re.search(r"[\s\"<>\\^`{|}\x00-\x1f]", text):
        raise refusals.BadWebAddress(address=text)
    _check_no_card(text, "site_url")


@contextmanager
def _unless_taken(by_constraint: Mapping[str, refusals.Refusal]) -> Iterator[None]:
    """Say a broken uniqueness as the refusal whose key begins the constraint's name; undo what stands inside."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        broken = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""
        for name, refusal in by_constraint.items():
            if broken.startswith(name):
                raise refusal from None
        raise
