"""Payments in every situation, pages too old, people of every kind: what a browser cannot reach by clicking.

REGAL's own operations write them in the demonstration's base, in a process that has its keys; the test gets addresses.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY, record_authentication
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.test import RequestFactory

from regal.agenda.operations import schedule
from regal.backoffice import administration, errors, staff, titre_groups, visits
from regal.cases import operations as cases
from regal.cases.models import Case
from regal.cases.models import Kind as CaseKind
from regal.checkout import pages
from regal.checkout.flow import seal, unseal
from regal.collectivites.models import Collectivite, Product
from regal.demo.cast import PASSWORD, PAYER_EMAIL, TOWNS
from regal.gateways.base import Environment, Message
from regal.gateways.paybox_files.tests.tables import Line as RemiseLine
from regal.gateways.paybox_files.tests.tables import remise
from regal.lib import paris, tokens
from regal.lib.money import Money
from regal.lib.references import TitreReference
from regal.lib.tenancy import tenant
from regal.notices.models import NoticeBatch, NoticePiece
from regal.payments.counter import record_receipt
from regal.payments.models import Attempt, Means, Settlement
from regal.payments.operations import PaymentOrder, judge_message, presume_silent, receive, start_payment
from regal.payments.reversing import reverse
from regal.people.models import Membership, Role, User
from regal.people.sessions import SessionStore
from regal.reconciliation import operations as reconciliation
from regal.titres import operations as titres
from regal.titres.models import GroupAct, Titre
from tests import cast, notices
from tests.cast import Town
from tests.demo import Demo
from tests.files import Paid, pes
from tests.journeys import card_scenes, comptable_scenes, contract_scenes, import_scenes, regie_scenes

AMOUNT = Money(12_550)
FRESH, EARLIER, STARTED = 701, 702, 703  # titre numbers: one that nobody tried to pay, two that somebody did
EMPTY_TOWN = "trois-moulins"


def today() -> date:
    return paris.today(datetime.now(UTC))


def titre(number: int) -> TitreReference:
    return TitreReference(exercice=today().year, titre=number, ligne=1)


def write_in(demo: Demo) -> dict[str, Any]:
    """Write the scenes in a running demonstration."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "REGAL_"))}
    environment |= {"REGAL_VAR": str(demo.var), "REGAL_PORT": str(demo.ports.guichet)}
    words = ["shell", "--no-imports", "-c", "from tests.journeys import scenes; scenes.write()"]
    done = subprocess.run(
        [sys.executable, "-m", "regal.config.cli", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    scenes: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return scenes


def write() -> None:
    """What runs inside the demonstration's environment."""
    now = datetime.now(UTC)
    town = Collectivite.objects.get(slug=TOWNS[0].slug)
    attempts = _situations(town, now)
    scenes = {
        "attempts": {situation: attempt.pk for situation, (attempt, _) in attempts.items()},
        "follow": {situation: address for situation, (_, address) in attempts.items()},
        **_tokens(town, now),
        **_people(town, now),
        "cases": _cases(town, {situation: attempt.pk for situation, (attempt, _) in attempts.items()}, now),
        "laid": _laid(),
        "regie": regie_scenes.write(now=now),
        "card": card_scenes.write(now=now),
        "products": _products(town),
        "titres": _titres(town, now),
        "imports": import_scenes.write(town, now),
        "titre groups": _titre_groups(town, now),
        "notice batches": _notice_batches(town, now),
        "files": _files(town, attempts["confirmed"][0], now),
    }
    scenes["comptable"] = comptable_scenes.write(now=now)
    _empty_town(now)
    scenes["contracts"], administrators = contract_scenes.write(hear=_hear, now=now)
    scenes["laid"]["leaving for paybox"] = contract_scenes.leaving(
        Collectivite.objects.get(slug=contract_scenes.TOWN),
        administrators["adele"],
        scenes["contracts"]["paybox new"],
    )
    scenes["sessions"] |= {name: _session(user) for name, user in administrators.items()}
    print(json.dumps(scenes))  # noqa: T201 - what the test reads


def _situations(town: Collectivite, now: datetime) -> dict[str, tuple[Attempt, str]]:
    """An attempt in each situation, and the address of its own page."""
    started = now - timedelta(minutes=2)
    _start(town, EARLIER, started)
    attempts = {"waiting": _start(town, 710, started)}
    for letter, outcome in {"P": "paid", "R": "refused", "A": "abandoned", "?": "unknown"}.items():
        attempts[f"announced_{outcome}"] = started_now = _start(town, 711 + len(attempts), started)
        _hear(town, started_now[0], letter, now)
    attempts["confirmed"] = started_now = _start(town, 711 + len(attempts), started)
    attempts["case"] = started_now = _start(town, 711 + len(attempts), started)
    _hear(town, started_now[0], "P", now, montant="1")
    attempts["silent"] = silent = _start(town, 730, started)
    with tenant(town):
        presume_silent(town.pk, silent[0].pk, now)
    attempts["one line"] = old = _start(town, 731, now - timedelta(minutes=40))
    _hear(town, old[0], "P", now)
    return attempts


def _start(town: Collectivite, number: int, now: datetime) -> tuple[Attempt, str]:
    with tenant(town):
        product = Product.objects.of(town).select_related("account").get(slug=TOWNS[0].products[0].slug)
        handle = tokens.new_token()
        order = PaymentOrder(
            product=product,
            debt_reference=titre(number).digits,
            exercice=titre(number).exercice,
            amount=AMOUNT,
            email=PAYER_EMAIL,
            language="fr",
            flow_token=tokens.new_token(),
            handle=handle,
            told_of_earlier=False,
        )
        return start_payment(order=order, now=now).attempt, f"/{town.slug}/suivi/{handle}/"


def _hear(town: Collectivite, attempt: Attempt, letter: str, now: datetime, **changes: str) -> None:
    """PayFiP's notification, judged at once."""
    said = {
        "numcli": attempt.account.identifier,
        "exer": f"{attempt.exercice}",
        "refdet": attempt.debt_reference,
        "montant": f"{attempt.amount.cents}",
        "mel": PAYER_EMAIL,
        "saisie": "M",
        "resultrans": letter,
    } | changes
    form = "application/x-www-form-urlencoded"
    message = Message(method="POST", query=b"", body=urlencode(said).encode(), content_type=form, received_at=now)
    with tenant(town):
        stored = receive(attempt=attempt, message=message, now=now)
        judge_message(town.pk, stored.pk, now)


def _files(town: Collectivite, confirmed: Attempt, now: datetime) -> dict[str, int]:
    """Files in every state: one that confirmed an attempt, one to check, one that no worker takes up, one discarded."""
    nadia = User.objects.get(identifier="nadia")
    paid = [Paid(reference=titre(number).digits, cents=AMOUNT.cents, day=today()) for number in range(713, 719)]
    paid += [Paid(reference=titre(number).digits, cents=4_200 + number, day=today()) for number in range(801, 861)]

    def deposit(payments: list[Paid], post: str) -> int:
        return reconciliation.deposit(
            collectivite=town,
            content=pes(payments, siret=TOWNS[0].siret, made_on=today(), post=post),
            name=f"PES2R_RCE__P_001_00_099042_{today():%Y%m%d}_{post}.xml",
            account_identifier="",
            actor_id=nadia.pk,
            now=now,
        ).pk

    with tenant(town):
        reference = confirmed.debt_reference
        files = {"done": deposit([Paid(reference=reference, cents=AMOUNT.cents, day=today()), paid[-1]], "JOUR")}
        reconciliation.confirm(
            collectivite=town, file_id=files["done"], covers_from=today(), covers_to=today(), actor_id=nadia.pk, now=now
        )
        reconciliation.confirm_file(town.pk, files["done"], now)
        files["draft"] = deposit(paid, "SEMAINE")
        files["doing"] = deposit([], "VIDE")
        tomorrow = now + timedelta(days=1)  # when a worker would take it up
        schedule(
            collectivite_id=town.pk,
            kind=reconciliation.CONFIRM_FILE,
            subject_id=files["doing"],
            due_at=tomorrow,
            now=now,
        )
        reconciliation.confirm(
            collectivite=town,
            file_id=files["doing"],
            covers_from=today(),
            covers_to=today(),
            actor_id=nadia.pk,
            now=now,
        )
        files["discarded"] = deposit([], "RIEN")
        reconciliation.discard(collectivite=town, file_id=files["discarded"], actor_id=nadia.pk, now=now)
    return files | {"remises": _remises(now)}


def _remises(now: datetime) -> int:
    """A draft of Paybox's remises, in the other town."""
    town = Collectivite.objects.get(slug=TOWNS[1].slug)
    day = f"{today():%d/%m/%Y}"
    lines = [
        RemiseLine(
            transaction=f"{number}", type=kind, reference=f"Panier {number}", cents=100 * number, issued=day, sent=day
        )
        for number, kind in enumerate(("DEB", "DEB", "CRE", "ANU"), start=1)
    ]
    with tenant(town):
        return reconciliation.deposit(
            collectivite=town,
            content=remise(lines),
            name=f"remise-{today():%Y%m%d}.csv",
            account_identifier="",
            actor_id=User.objects.get(identifier="double").pk,
            now=now,
        ).pk


def _tokens(town: Collectivite, now: datetime) -> dict[str, str]:
    """Tokens of the recap: too old, refused by PayFiP's rules, and one that has led to PayFiP already."""
    with tenant(town):
        product = Product.objects.of(town).select_related("account").get(slug=TOWNS[0].products[0].slug)
    form = f"{settings.GUICHET_URL}/{town.slug}/{product.slug}/"

    def token(number: int) -> str:
        reference = titre(number)
        typed = {"exercice": reference.exercice, "titre": reference.titre, "ligne": reference.ligne}
        answer = httpx.post(form, data={**typed, "amount": "125,50", "email": PAYER_EMAIL})
        return str(re.findall(r'name="token" value="([^"]+)"', answer.text)[0])

    recap = unseal(token(FRESH), product=product, now=datetime.now(UTC))
    started = token(STARTED)
    assert httpx.post(f"{form}payer/", data={"token": started}).status_code == 303
    return {
        "expired": seal(recap, product=product, now=now - timedelta(minutes=31)),
        "refused": seal(replace(recap, email="x"), product=product, now=now),
        "started": started,
    }


def _products(town: Collectivite) -> dict[str, int]:
    """The numbers of the town's products, by their addresses."""
    with tenant(town):
        return dict(Product.objects.of(town).values_list("slug", "pk"))


def _titres(town: Collectivite, now: datetime) -> dict[str, int]:
    """An invoice in each situation: the demonstration's own, and two more, a draft and a paid one."""
    with tenant(town):
        product = Product.objects.of(town).select_related("account").get(slug="restaurant-scolaire")
        of_the_demonstration = {
            state: Titre.objects.of(town).filter(status=state, product=product).earliest("pk").pk
            for state in ("open", "suspended", "cancelled")
        }
        draft, paid = (
            titres.record_titre(
                product=product,
                number=number,
                label="Restaurant scolaire",
                debtor="Mme Leroy",
                amount=Money(8_470),
                issued_on=today(),
                now=now,
            )
            for number in ("RS-000900", "RS-000901")
        )
        titres.issue(titre=paid, now=now)
        received, gone = (_received(product, number, now) for number in ("RS-000902", "RS-000903"))
        reverse(settlement=gone, cause="typing_error", reason="Tapé deux fois", now=now)
        to_acknowledge, acknowledged, cancelled = (_received(product, f"RS-00090{number}", now) for number in (4, 5, 6))
        for settlement in (acknowledged, cancelled):
            cast.acknowledge(settlement, now=now)
        reverse(settlement=cancelled, cause="unpaid_cheque", reason="Chèque revenu impayé", now=now)
    somebody = Town(collectivite=town, account=product.account, product=product, agent=User())
    notices.pay(somebody, paid, now=now)
    of_receipts = {"received": received, "reversed": gone, "to acknowledge": to_acknowledge}
    of_receipts |= {"acknowledged": acknowledged, "cancelled": cancelled}
    keys = {name: settlement.pk for name, settlement in of_receipts.items()}
    return of_the_demonstration | {"draft": draft.pk, "paid": paid.pk} | keys


def _received(product: Product, number: str, now: datetime) -> Settlement:
    """An invoice of which a part came by cheque today."""
    Product.objects.filter(pk=product.pk).update(partial_payment=True)
    titre = titres.record_titre(
        product=product,
        number=number,
        label="Restaurant scolaire",
        debtor="Mme Leroy",
        amount=Money(8_470),
        issued_on=today(),
        now=now,
    )
    receipt = record_receipt(
        titre=titres.issue(titre=titre, now=now),
        means=Means.CHEQUE,
        amount=Money(4_000),
        received_on=today(),
        bank="Banque Postale",
        piece="0012345",
        drawer="M. Leroy",
        form_token=tokens.new_token(),
        now=now,
    )
    return Settlement.objects.of(product.collectivite).get(receipt=receipt)


def _titre_groups(town: Collectivite, now: datetime) -> dict[str, int]:
    """An act on many that waits to be confirmed, some of it refused; and one that was done: their numbers."""
    with tenant(town):
        every = Titre.objects.of(town)
        waiting = titre_groups.prepare(
            collectivite=town,
            act=GroupAct.TRANSFER,
            reason="Impayées depuis trois mois",
            payer_note="Payez à la trésorerie.",
            titres=every,
            now=now,
        )
        product = Product.objects.of(town).select_related("account").get(slug="restaurant-scolaire")
        draft = titres.record_titre(
            product=product,
            number="RS-000907",
            label="Restaurant scolaire",
            debtor="Mme Leroy",
            amount=Money(8_470),
            issued_on=today(),
            now=now,
        )
        done = titre_groups.prepare(collectivite=town, act=GroupAct.ISSUE, titres=every.filter(pk=draft.pk), now=now)
        titre_groups.confirm(group=done, now=now)
    return {"to confirm": waiting.pk, "done": done.pk}


def _notice_batches(town: Collectivite, now: datetime) -> dict[str, int]:
    """Batches of notices: one whose files are there, one whose files are gone: their numbers."""
    told: dict[str, Any] = {"collectivite": town, "titres": list(range(1, 901)), "size": 900, "done": 900}
    told |= {"asked_at": now, "ended_at": now, "notices": 897, "left_out": {"paid": 2, "suspended": 1}}
    with tenant(town):
        ready = NoticeBatch.objects.create(**told)
        for number, first, count, made in ((1, 0, 500, 499), (2, 500, 400, 398)):
            NoticePiece.objects.create(
                collectivite=town,
                batch=ready,
                number=number,
                first=first,
                titres=count,
                notices=made,
                pdf=b"%PDF",
                made_at=now,
            )
        purged = NoticeBatch.objects.create(**told, purged_at=now)
    return {"ready": ready.pk, "purged": purged.pk}


def _people(town: Collectivite, now: datetime) -> dict[str, Any]:
    """Invitations, and the sessions of people who signed in a moment ago."""

    def agent(identifier: str, where: Collectivite = town) -> User:
        return administration.create_agent(
            collectivite=where,
            identifier=identifier,
            email=f"{identifier}@example.org",
            role=Role.AGENT,
            password=PASSWORD,
            is_demo=True,
            now=now,
        )

    guarded = agent("garde")
    TOTP.activate(guarded, generate_totp_secret())
    codes = RecoveryCodes.activate(guarded).get_unused_codes()
    in_two = agent("double")
    agent("double", Collectivite.objects.get(slug=TOWNS[1].slug))
    invited = administration.invitation_link(user=agent("invite"), now=now)
    nowhere = User.objects.create_user(identifier="seule", email="seule@example.org", is_demo=True)
    people = {"guarded": guarded, "in two": in_two, "nowhere": nowhere, "leaving": nowhere}
    people |= {one: User.objects.get(identifier=one) for one in ("nadia", "paul", "exploitant")}
    people["visitor"] = _visitor(town, now)
    return {
        "invitation": invited.removeprefix(settings.BUREAU_URL),
        "codes": codes,
        "membership": _invited_a_moment_ago(town),
        "cookie": settings.SESSION_COOKIE_NAME,
        "sessions": {name: _session(user) for name, user in people.items()},
    }


def _cases(town: Collectivite, attempts: dict[str, int], now: datetime) -> dict[str, int]:
    """An anomaly that somebody has, one that nobody looked at in time, and one that is closed: their numbers."""
    filed = {"file": 1, "line": 12, "day": today().isoformat()}
    amounts = {"filed_cents": 12_505, "expected_cents": AMOUNT.cents}
    nadia = User.objects.get(identifier="nadia")

    def opened(kind: CaseKind, situation: str, days: int = 0) -> Case:
        return cases.open_case(
            collectivite_id=town.pk,
            kind=kind,
            subject_kind="attempt",
            subject_id=attempts[situation],
            rule="scenes",
            facts=filed | (amounts if kind is CaseKind.OTHER_AMOUNT else {}),
            now=now - timedelta(days=days),
        )

    with tenant(town):
        held = opened(CaseKind.OTHER_AMOUNT, "announced_paid", days=3)
        cases.look_at(case=held, user=nadia, now=now)
        cases.assign(case=held, to=nadia, by=nadia, role=Role.REGISSEUR, held_by=None, now=now)
        cases.note(case=held, by=nadia, text="Le comptable cherche la ligne ; il rappelle demain matin.", now=now)
        unseen = opened(CaseKind.ABSENT_FROM_FILE, "announced_paid", days=9)
        ended = opened(CaseKind.REFUSED_YET_FILED, "confirmed", days=1)
        cases.look_at(case=ended, user=nadia, now=now)
        reason = "Mme Leroy a été prévenue au téléphone ce matin."
        cases.close(case=ended, by=nadia, role=Role.REGISSEUR, decision="payer_told", reason=reason, now=now)
    return {"held": held.pk, "unseen": unseen.pk, "closed": ended.pk}


def _visitor(town: Collectivite, now: datetime) -> User:
    """An operator who is in the town; its administrators see it."""
    visitor = administration.create_operator(
        identifier="visite", email="visite@example.org", display_name="Olga", password=PASSWORD, is_demo=True, now=now
    )
    visits.open_visit(
        collectivite=town, operator=visitor, reason="Paul a demandé de l’aide", role=Role.AGENT.value, now=now
    )
    return visitor


def _invited_a_moment_ago(town: Collectivite) -> int:
    """Somebody invited so late that nothing is sent while the tests last, and a second invitation is refused."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    invitation = staff.invite(
        collectivite=town,
        identifier="lea",
        email="lea@example.org",
        display_name="Léa",
        role=Role.REGISSEUR.value,
        now=tomorrow,
    )
    with tenant(town):
        return Membership.objects.of(town).get(user=invitation.user).pk


def _session(user: User) -> str:
    """Signed in and confirmed, for as long as the tests last."""
    request = RequestFactory().get("/")
    request.session = SessionStore()
    request.session[SESSION_KEY] = str(user.pk)
    request.session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    request.session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    record_authentication(request, user, "password", username=user.identifier, reauthenticated=True)
    request.session[AUTHENTICATION_METHODS_SESSION_KEY][-1]["at"] += 3600
    request.session.save()
    return str(request.session.session_key)


def _laid() -> dict[str, str]:
    """Pages that only a breakdown or an attack shows, as their views render them."""
    views: dict[str, Callable[..., Any]] = {
        "home": pages.home,
        "guichet bad request": pages.bad_request,
        "guichet server error": pages.server_error,
        "bureau bad request": errors.bad_request,
        "bureau server error": errors.server_error,
        "bureau forbidden": errors.forbidden,
        "bureau too often": errors.too_often,
    }
    return {name: view(RequestFactory().get("/")).content.decode() for name, view in views.items()}


def _empty_town(now: datetime) -> None:
    """A town with nothing to pay: each of its products is closed, for another reason."""
    town = administration.create_collectivite(slug=EMPTY_TOWN, name="Trois-Moulins", siret="21350990400008", now=now)
    administration.allow_origin(collectivite=town, origin=settings.TOWN_URLS[0], now=now)
    account = administration.add_account(
        collectivite=town, debt_kind="titre", environment=Environment.PRODUCTION, identifier="350019", now=now
    )
    tomorrow, yesterday = today() + timedelta(days=1), today() - timedelta(days=1)
    terms = {
        "titres": administration.ProductTerms(is_open=False),
        "bientot": administration.ProductTerms(opens_on=tomorrow),
        "fini": administration.ProductTerms(closes_on=yesterday, closed_note="Payez au guichet de la mairie."),
    }
    for slug, term in terms.items():
        administration.add_product(collectivite=town, slug=slug, name="Cantine", account=account, terms=term, now=now)
