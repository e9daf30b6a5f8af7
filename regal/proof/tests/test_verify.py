"""`regal verify` finds nothing in a sound base, and every tampering in one that was altered behind its back."""

import dataclasses
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.db import connections, transaction
from django.test import override_settings

from regal.backoffice import administration, routing, staff, visits
from regal.cases.models import Case, Kind
from regal.cases.operations import assign, close, look_at, note, open_case
from regal.collectivites.models import GatewayAccount, RoutingChange
from regal.collectivites.operations import keep_secret
from regal.gateways.base import DebtKind, Environment, Outcome, Rank
from regal.gateways.paybox_files.tests.tables import remise
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.lib.vault import Secret, new_master_key
from regal.notices.models import NoticeBatch, NoticePiece
from regal.notices.operations import ask_for
from regal.payments.confirmation import look_after_provisional
from regal.payments.counter import record_receipt
from regal.payments.models import Attempt, CounterReceipt, Means, Settlement
from regal.payments.queries import paid_of, waiting_on
from regal.payments.refusals import GatewayAway
from regal.payments.reversing import reverse
from regal.people.adapters import MfaAdapter
from regal.people.models import Membership, Role, User
from regal.proof import operations
from regal.proof.findings import Snapshot
from regal.proof.invariants import INVARIANTS
from regal.receipts import quittances
from regal.receipts.names import erase_names
from regal.reconciliation import operations as reconciliation
from regal.titres import operations as titres
from regal.titres.models import Direction, Titre
from tests import cast, inquiries, notices, paybox, several
from tests.database import close_connections
from tests.files import Paid, collected, pes

NOW = cast.later(days=8)
KEYS = f"live:{new_master_key()}"


def build_world() -> dict[str, Any]:
    """Two towns whose attempts have lived every life there is."""
    town, next_town = cast.make_saint_aubin(), cast.make_next_town()
    silent = cast.start(town).attempt
    announced = cast.start(town, debt_reference="202600000413000001").attempt
    warned = cast.start(
        town, debt_reference="202600000413000001", told_of_earlier=True, now=cast.later(minutes=9)
    ).attempt
    paid = cast.start(town, debt_reference="202600000414000001", amount=Money(9_900)).attempt
    also_paid = cast.start(town, debt_reference="202600000415000001", amount=Money(100)).attempt
    foreign = cast.start(next_town).attempt
    cast.make_product(town, DebtKind.REGIE, slug="cantine", numcli="350005")
    meals = cast.make_product(next_town, DebtKind.REGIE, slug="cantine", numcli="350006")
    regie = dataclasses.replace(next_town, product=meals, account=meals.account)
    once = cast.start(regie, debt_reference="FC2026000001", amount=Money(4_500)).attempt
    again = cast.start(regie, debt_reference="FC2026000001", amount=Money(4_500), told_of_earlier=True).attempt
    refused = notices.tell(town, announced, notices.form(town, announced, "R"), now=cast.later(minutes=4))
    of_another_exercice = notices.form(town, announced, exer="2025")  # worth a remark, and no more
    told = notices.tell(town, announced, of_another_exercice, now=cast.later(minutes=5))
    notices.tell(town, announced, of_another_exercice, now=cast.later(minutes=6))
    notices.tell(town, announced, notices.form(town, announced, montant="12551"), now=cast.later(minutes=7))
    notices.tell(town, announced, b"%%%", now=cast.later(minutes=8))
    proof = notices.hear(town, paid, now=cast.later(hours=1))
    notices.hear(town, paid, now=cast.later(hours=2))
    notices.hear(town, paid, notices.notice(town, paid, Outcome.REFUSED), now=cast.later(hours=3))
    notices.hear(town, paid, notices.notice(town, paid, amount=Money(1)), now=cast.later(hours=4))
    notices.hear(town, also_paid, now=cast.later(hours=1))
    notices.hear(next_town, foreign, now=cast.later(hours=1))
    notices.hear(regie, once, now=cast.later(hours=5))
    notices.hear(regie, again, now=cast.later(hours=6))
    contrary, twice = _look_after_cases(town, next_town)
    routed = route_money(town)
    with tenant(town.collectivite):
        keep_secret(account=town.account, name="hmac", value=Secret(b"a gateway's key"))
        invitation = staff.invite_again(
            membership=Membership.objects.of(town.collectivite)
            .select_related("user", "collectivite")
            .get(user=town.agent),
            now=cast.MORNING,
        )
    operator = User.objects.create_user(identifier="olga", email="olga@example.org", is_operator=True)
    visit = visits.open_visit(
        collectivite=town.collectivite, operator=operator, reason="Une question", role=Role.AGENT, now=cast.MORNING
    )
    visits.close_visit(collectivite=town.collectivite, operator=operator, now=cast.later(minutes=5))
    Authenticator.objects.create(
        user=town.agent, type="totp", data={"secret": MfaAdapter().encrypt("JBSWY3DPEHPK3PXP")}
    )
    filed = build_repairs() | build_file() | build_remises() | build_titres() | build_signed() | build_counter()
    notices.run_due(NOW)
    filed |= build_notices() | build_names()
    fresh = notices.deliver(town, announced, notices.form(town, announced, "A"), now=NOW - timedelta(seconds=10))
    with connections["owner"].cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s)", [NOW])
    return filed | {
        "town": town.collectivite.pk,
        "next_town": next_town.collectivite.pk,
        "account": town.account.pk,
        "next_account": next_town.account.pk,
        "silent": silent.pk,
        "announced": announced.pk,
        "warned": warned.pk,
        "paid": paid.pk,
        "also_paid": also_paid.pk,
        "foreign": foreign.pk,
        "refused_message": refused.message_id,
        "refused_evidence": refused.pk,
        "told_evidence": told.pk,
        "proof": proof.pk,
        "fresh": fresh.pk,
        "twice": twice.pk,
        "contrary": contrary.pk,
        "invitation": invitation.pk,
        "visit": visit.pk,
        "agent": town.agent.pk,
        **routed,
    }


def route_money(town: cast.Town) -> dict[str, Any]:
    """A contract in production by the command line, another by two people, closed and reopened since."""
    asker, approver = (cast.make_agent(town, name, Role.ADMINISTRATOR).pk for name in ("paul", "zoe"))
    host: dict[str, Any] = {"collectivite": town.collectivite, "debt_kind": "titre", "now": cast.MORNING}
    by_the_host = administration.add_account(environment="production", identifier="350077", **host)
    administration.add_product(
        collectivite=town.collectivite, slug="loyers", name="Loyers", account=by_the_host, now=cast.MORNING
    )
    tried = administration.add_account(environment="test", identifier="350088", **host)
    product = administration.add_product(
        collectivite=town.collectivite, slug="eau", name="Eau", account=tried, now=cast.MORNING
    )
    this: dict[str, Any] = {"collectivite": town.collectivite, "identifier": "350088", "actor_id": asker}

    def approved(change: RoutingChange | None, hours: int) -> int:
        assert change is not None
        now = cast.later(hours=hours)
        routing.approve(collectivite=town.collectivite, change_id=change.pk, now=now, actor_id=approver)
        notices.run_due(cast.later(hours=hours + 30))
        return int(change.pk)

    opening = routing.ask(kind=RoutingChange.Kind.OPEN_PRODUCTION, product_ids=[product.pk], now=cast.MORNING, **this)
    opened = approved(opening, 1)
    routing.close_contract(now=cast.later(hours=40), **this)
    reopened = approved(routing.reopen_contract(now=cast.later(hours=41), **this), 42)
    with tenant(town.collectivite):
        production = GatewayAccount.objects.get(environment="production", identifier="350088")
    return {
        "asker": asker,
        "opened": opened,
        "reopened": reopened,
        "moved": product.pk,
        "production": production.pk,
        "tried": tried.pk,
        "by_the_host": by_the_host.pk,
    }


def _look_after_cases(town: cast.Town, next_town: cast.Town) -> tuple[Case, Case]:
    """Every case looked at; one taken and noted, one closed."""
    with tenant(town.collectivite):
        for case in Case.objects.of(town.collectivite):
            look_at(case=case, user=town.agent, now=cast.later(hours=7))
        contrary = Case.objects.of(town.collectivite).get(kind=Kind.CONTRADICTION)
        now, agent = cast.later(hours=8), town.agent
        assign(case=contrary, to=agent, by=agent, role=Role.AGENT, held_by=None, now=now)
        note(case=contrary, by=agent, text="Le comptable rappelle demain.", now=now)
    with tenant(next_town.collectivite):
        twice = Case.objects.of(next_town.collectivite).get(kind=Kind.DOUBLE_PAYMENT)
        look_at(case=twice, user=next_town.agent, now=now)
        close(
            case=twice,
            by=next_town.agent,
            role=Role.REGISSEUR,
            decision="refund_asked",
            reason="Mandat demandé ce jour.",
            now=now,
        )
    return contrary, twice


def build_file() -> dict[str, Any]:
    """A town of production, and a file of its budget with a line of each result."""
    town = cast.make_town(
        slug="bourg",
        name="Bourg",
        numcli="350001",
        agent="odile",
        origin="https://bourg.example",
        environment=Environment.PRODUCTION,
    )
    water = cast.make_product(town, DebtKind.ORMC, slug="eau", numcli="350004", environment=Environment.PRODUCTION)
    filed = cast.start(town).attempt
    other = cast.start(town, debt_reference="202600000413000001").attempt
    absent = cast.start(town, debt_reference="202600000414000001").attempt
    notices.tell(town, absent, notices.form(town, absent, saisie="M"))
    for number in ("12", "012"):
        cast.start(town, product=water, debt_reference=f"2026EA00{number}")
    paid = [Paid(reference=filed.debt_reference, cents=12_550), Paid(reference=other.debt_reference, cents=1)]
    paid.append(Paid(reference="202600000415000001", cents=1))
    closed = cast.make_comptable_titre(town, reference=filed.debt_reference, amount=Money(12_550))
    rejected = cast.make_comptable_titre(town, reference="202600000416000001")
    in_part = cast.make_comptable_titre(town, reference="202600000417000001")
    paid.append(Paid(reference=rejected.reference, cents=0, piece="04", line="01"))
    paid.append(Paid(reference=in_part.reference, cents=100, origin="02", line="04"))
    content = pes(paid, roles=[Paid(reference="2026-EA-00-12", cents=12_550)])
    with tenant(town.collectivite):
        file = reconciliation.deposit(
            collectivite=town.collectivite,
            content=content,
            name="PES2R.xml",
            account_identifier="",
            actor_id=town.agent.pk,
            now=cast.later(hours=9),
        )
        reconciliation.confirm(
            collectivite=town.collectivite,
            file_id=file.pk,
            covers_from=file.covers_from,
            covers_to=file.covers_to,
            actor_id=town.agent.pk,
            now=cast.later(hours=9),
        )
    notices.run_due(cast.later(hours=9))
    with tenant(town.collectivite):
        reconciliation.open_absences(collectivite=town.collectivite, now=cast.later(days=3))
        for case in Case.objects.of(town.collectivite):
            look_at(case=case, user=town.agent, now=cast.later(days=3))
    return {
        "bourg": town.collectivite.pk,
        "file": file.pk,
        "filed": filed.pk,
        "absent": absent.pk,
        "closed_titre": closed.pk,
        "rejected_titre": rejected.pk,
        "titre_in_part": in_part.pk,
    }


def build_remises() -> dict[str, Any]:
    """A régie with a contract of Paybox, and a file of its remises with a line of each result."""
    town = cast.make_town(slug="roche", name="Roche", numcli="350030", agent="anne", origin="https://roche.example")
    pool = cast.make_product(
        town,
        DebtKind.REGIE,
        slug="piscine",
        numcli="3141592-01-271828182",
        gateway="paybox",
        environment=Environment.PRODUCTION,
    )
    of_the_regie = dataclasses.replace(town, product=pool, account=pool.account)
    with tenant(town.collectivite):
        keep_secret(account=pool.account, name="hmac", value=Secret(b"0a" * 64))

    def leave(number: int) -> Attempt:
        titre = cast.make_titre(pool, reference=f"FC202600030{number}")
        return cast.start(
            of_the_regie, titre=titre, debt_reference=titre.reference, exercice=None, amount=titre.amount
        ).attempt

    found, answered, absent, wrong = (leave(number) for number in range(4))
    for attempt in (answered, absent):
        for rank, source in ((Rank.SIGNED, "notification"), (Rank.ASKED, "inquiry")):
            said = notices.notice(of_the_regie, attempt, rank=rank)
            said = dataclasses.replace(
                said,
                reference=attempt.reference,
                transaction=f"{attempt.pk}",
                call=f"{attempt.pk + 1_000_000}",
                facts={
                    **said.facts,
                    "authorisation": "482913",
                    "transaction": f"{attempt.pk}",
                    "call": f"{attempt.pk + 1_000_000}",
                    **({"exists": "yes", "reference": attempt.reference} if rank is Rank.ASKED else {}),
                },
            )
            notices.hear(of_the_regie, attempt, said, source=source)
    lines = [
        collected(found),
        collected(found, transaction="9000000001"),
        collected(answered),
        collected(answered, type="CRE", transaction="9000000002", cents=100),
        collected(wrong, cents=1),
        collected(wrong, reference="autre", transaction="9000000003", call="9000000003"),
    ]
    now = cast.later(days=1)
    with tenant(town.collectivite):
        file = reconciliation.deposit(
            collectivite=town.collectivite,
            content=remise(lines),
            name="remise.csv",
            account_identifier="",
            actor_id=town.agent.pk,
            now=now,
        )
        reconciliation.confirm(
            collectivite=town.collectivite,
            file_id=file.pk,
            covers_from=file.covers_from,
            covers_to=file.covers_to,
            actor_id=town.agent.pk,
            now=now,
        )
    notices.run_due(now)
    with tenant(town.collectivite):
        reconciliation.open_absences(collectivite=town.collectivite, now=cast.later(days=3))
        for case in Case.objects.of(town.collectivite):
            look_at(case=case, user=town.agent, now=cast.later(days=3))
    return {
        "roche": town.collectivite.pk,
        "remises": file.pk,
        "found": found.pk,
        "answered": answered.pk,
        "unfiled": absent.pk,
    }


def build_signed() -> dict[str, Any]:
    """A régie with two contracts of Paybox: of one a signature settles, of the other Direct confirms what it said."""
    town = cast.make_town(slug="mare", name="Mare", numcli="350040", agent="luc", origin="https://mare.example")
    clock = inquiries.Clock()
    with paybox.speaking_to(paybox.FakePaybox(rank="02")) as fake:
        alone = paybox.make_paybox_product(town, identifier="5772156-01-649015328")
        asked = paybox.make_paybox_product(town, identifier="2718281-02-828459045", slug="musee", direct=True)
        titres = [cast.make_titre(alone, reference=f"FC202600040{place}") for place in range(3)]
        named = paybox.leave(asked, cast.make_titre(asked, reference="FC2026000408"), clock)
        provisional, confirmed, refused = (paybox.leave(alone, titre, clock) for titre in titres)
        answered = paybox.leave(asked, cast.make_titre(asked, reference="FC2026000409"), clock)
        proof = paybox.ipn(provisional, clock)
        paybox.ipn(confirmed, clock)
        paybox.ipn(refused, clock, **paybox.REFUSED)
        fake.statuses[paybox.ipn(answered, clock).facts["transaction"]] = "Capturé"
        fake.collected(named, paybox.ipn(named, clock, at_own=True))
        inquiries.check(clock)
    of_the_regie = dataclasses.replace(town, product=alone, account=alone.account)
    notices.hear(of_the_regie, confirmed, notices.notice(of_the_regie, confirmed), now=cast.later(days=1))
    look_after_provisional(collectivite=town.collectivite, now=cast.later(days=3))
    with tenant(town.collectivite):
        for case in Case.objects.of(town.collectivite):
            look_at(case=case, user=town.agent, now=cast.later(days=3))
    return {
        "mare": town.collectivite.pk,
        "provisional": provisional.pk,
        "provisional_proof": proof.pk,
        "confirmed": confirmed.pk,
        "turned_down_on_the_page": refused.pk,
        "answered_by_direct": answered.pk,
        "named_by_direct": named.pk,
    }


def build_titres() -> dict[str, Any]:
    """A régie whose invoices have lived every life there is."""
    town = cast.make_town(slug="plaine", name="Plaine", numcli="350010", agent="lou", origin="https://plaine.example")
    canteen = cast.make_canteen(town, numcli="350011", environment=Environment.PRODUCTION)
    invoices = [cast.make_titre(canteen, reference=f"FC202600010{place}") for place in range(6)]
    paid, twice, reduced, cancelled, held, tried = invoices
    settled = notices.pay(town, paid, key=idop(1))
    first = cast.leave_with(twice, key=idop(2))
    second = cast.leave_with(twice, key=idop(3), told_of_earlier=True, now=cast.later(minutes=21))
    of_the_regie = dataclasses.replace(town, product=canteen, account=canteen.account)
    for attempt, hours in ((first, 1), (second, 2)):
        said = notices.notice(of_the_regie, attempt, rank=Rank.ASKED, occurred_at=cast.later(hours=hours))
        notices.hear(of_the_regie, attempt, said, now=cast.later(hours=hours))
    cast.reduce(reduced)
    half = cast.leave_with(reduced, key=idop(4))
    titres.adjust(
        titre=reduced,
        direction=Direction.INCREASE,
        amount=Money(500),
        reason="Un goûter de plus",
        paid=paid_of,
        now=cast.later(minutes=30),
    )
    notices.hear(of_the_regie, half, notices.notice(of_the_regie, half, rank=Rank.ASKED), now=cast.later(hours=1))
    cast.reduce(reduced, 500, now=cast.later(hours=2))  # down to what was paid
    titres.cancel(titre=cancelled, reason="Doublon", paid=paid_of, now=cast.later(hours=1))
    waiting = cast.leave_with(held, key=idop(5), now=NOW - timedelta(minutes=1))
    typed: dict[str, Any] = {"label": "Garderie", "debtor": "Mme Leroy", "issued_on": cast.MORNING.date()}
    typed |= {"product": canteen, "number": "FC2026-000190", "amount": Money(2_000)}
    mended = titres.record_titre(**typed, now=cast.MORNING)
    for hours, cents in ((1, 3_000), (2, 4_000)):
        titres.edit_draft(titre=mended, **(typed | {"amount": Money(cents)}), now=cast.later(hours=hours))
    why: dict[str, Any] = {"reason": "Erreur de saisie", "now": cast.later(hours=3)}
    titres.issue(titre=mended, now=cast.later(hours=3))
    titres.correct(titre=mended, label="Garderie du soir", debtor="M. Petit", due_on=None, **why)
    titres.suspend(titre=mended, payer_note="Appelez la garderie.", **why)
    titres.write_off(titre=mended, **why)
    with tenant(town.collectivite):
        mended.refresh_from_db()
    titres.restore(titre=mended, waiting=waiting_on, **why)
    several.allow(canteen)
    trio = several.make_titres(canteen, first=301)
    grouped = cast.leave_with(trio[0], key=idop(6), **several.together(*trio))
    titres.cancel(titre=trio[1], reason="Doublon", paid=paid_of, now=cast.later(minutes=30))
    cast.reduce(trio[2], 300, now=cast.later(minutes=30))
    notices.hear(of_the_regie, grouped, notices.notice(of_the_regie, grouped, rank=Rank.ASKED), now=cast.later(hours=2))
    with tenant(town.collectivite):
        for case in Case.objects.of(town.collectivite):
            look_at(case=case, user=town.agent, now=cast.later(hours=7))
    return {
        "paid_titre": paid.pk,
        "ticketed": Settlement.objects.using("owner").get(attempt__titre=paid).pk,
        "titre_paid_twice": twice.pk,
        "reduced_titre": reduced.pk,
        "cancelled_titre": cancelled.pk,
        "held_titre": held.pk,
        "open_titre": tried.pk,
        "mended_titre": mended.pk,
        "settled": settled.pk,
        "excess": second.pk,
        "waiting": waiting.pk,
        "grouped": grouped.pk,
        "grouped_titre": trio[0].pk,
        "grouped_and_reduced": trio[2].pk,
    }


def build_notices() -> dict[str, Any]:
    """A batch of notices that has ended, one that goes on, one whose files are gone."""
    town = cast.make_town(slug="avis", name="Avis", numcli="350090", agent="zelda", origin="https://avis.example")
    told: dict[str, Any] = {"collectivite": town.collectivite, "titres": [1, 2, 3, 4], "size": 4}
    told |= {"asked_at": NOW - timedelta(days=1)}
    over: dict[str, Any] = {"done": 4, "notices": 3, "left_out": {"paid": 1}, "ended_at": NOW - timedelta(days=1)}
    with tenant(town.collectivite):
        ended = NoticeBatch.objects.create(**told, **over)
        for number in (1, 2):
            NoticePiece.objects.create(
                collectivite=town.collectivite,
                batch=ended,
                number=number,
                first=2 * number - 2,
                titres=2,
                notices=number,
                pdf=b"%PDF",
                made_at=NOW - timedelta(days=1),
            )
        NoticeBatch.objects.create(**told, **over, purged_at=NOW)
        goes_on = ask_for(collectivite=town.collectivite, titre_ids=[1, 2], now=NOW)
    return {"notices_made": ended.pk, "notices_going_on": goes_on.pk}


def build_counter() -> dict[str, Any]:
    """A régie that receives money at its counter, and from which some is taken back."""
    town = cast.make_town(slug="combe", name="Combe", numcli="350050", agent="max", origin="https://combe.example")
    canteen = cast.make_canteen(town, numcli="350051", environment=Environment.PRODUCTION)
    with tenant(town.collectivite):
        canteen.partial_payment = True
        canteen.save(update_fields=["partial_payment"])
    invoices = [cast.make_titre(canteen, reference=f"FC202600050{place}") for place in range(7)]
    due = Money(8_470)

    def receive(titre: Titre, means: Means, amount: Money = due, **voucher: Any) -> CounterReceipt:
        return record_receipt(
            titre=titre,
            means=means,
            amount=amount,
            received_on=cast.MORNING.date(),
            form_token=tokens.new_token(),
            now=cast.later(hours=1),
            **voucher,
        )

    def settlement_of(**whose: Any) -> Settlement:
        with tenant(town.collectivite):
            return Settlement.objects.get(collectivite=town.collectivite, **whose)

    cash = receive(invoices[0], Means.CASH)
    cheque = receive(invoices[1], Means.CHEQUE, bank="CIC", piece="0012345", drawer="Mme Leroy")
    part = receive(invoices[2], Means.TRANSFER, Money(4_000), label="VIR LEROY")
    unpaid = settlement_of(receipt=cheque)
    reverse(settlement=unpaid, cause="unpaid_cheque", reason="Revenu impayé", now=cast.later(hours=2))
    online = notices.pay(town, invoices[3], key=idop(6), now=cast.later(hours=1))
    reverse(settlement=settlement_of(attempt=online), cause="chargeback", reason="Contesté", now=cast.later(hours=3))
    acknowledged = [settlement_of(receipt=receive(invoice, Means.CASH)) for invoice in invoices[4:]]
    given = [
        quittances.issue(settlement=one, role=Role.REGISSEUR, now=cast.later(hours=2), actor_id=town.agent.pk)
        for one in acknowledged
    ]
    for hours in (2, 3):
        quittances.deliver(quittance=given[0], now=cast.later(hours=hours), actor_id=town.agent.pk)
    reverse(settlement=acknowledged[2], cause="given_back", reason="Argent rendu", now=cast.later(hours=4))
    return {
        "quittance": given[0].pk,
        "second_quittance": given[1].pk,
        "last_quittance": given[2].pk,
        "acknowledged": acknowledged[0].pk,
        "acknowledged_receipt": acknowledged[0].receipt_id,
        "combe": town.collectivite.pk,
        "cash": cash.pk,
        "cheque": cheque.pk,
        "part": part.pk,
        "unpaid": unpaid.pk,
        "cash_titre": invoices[0].pk,
        "cheque_titre": invoices[1].pk,
        "charged_back": online.pk,
    }


def build_names() -> dict[str, Any]:
    """A régie of long ago, whose names are gone, and two of its debts whose names are kept."""
    town = cast.make_town(slug="jadis", name="Jadis", numcli="350100", agent="yvon", origin="https://jadis.example")
    canteen = cast.make_canteen(town, numcli="350101", environment=Environment.PRODUCTION)
    old = datetime(2014, 11, 24, 9, tzinfo=UTC)
    paid, given_back, cancelled, due = (
        cast.make_titre(canteen, reference=f"FC202600050{place}", now=old) for place in range(4)
    )
    quittance = cast.acknowledge(cast.receive(paid, now=old), now=old)
    reversed_one = cast.receive_and_reverse(given_back, now=old)
    with tenant(town.collectivite):
        given_back.refresh_from_db()
    for titre in (given_back, cancelled):
        titres.cancel(titre=titre, reason="Doublon", paid=paid_of, now=old)
    lately = cast.make_titre(canteen, reference="FC2026000504")
    titres.cancel(titre=lately, reason="Doublon", paid=paid_of, now=cast.later(hours=1))
    also = cast.acknowledge(cast.receive(cast.make_titre(canteen, reference="FC2026000505")))
    erased = erase_names(
        collectivite=town.collectivite,
        debtor_years=10,
        quittance_years=10,
        payer_months=15,
        now=NOW - timedelta(days=1),
    )
    assert (erased.titres, erased.quittances, erased.vouchers) == (3, 1, 1)
    return {
        "jadis": town.collectivite.pk,
        "name_gone": paid.pk,
        "due_for_long": due.pk,
        "ended_lately": lately.pk,
        "quittance_of_nobody": quittance.pk,
        "quittance_of_somebody": also.pk,
        "voucher_of_nobody": reversed_one.receipt_id,
    }


def build_repairs() -> dict[str, Any]:
    """A régie whose payments ended by answers to our questions."""
    town = cast.make_town(slug="val", name="Val", numcli="350020", agent="iris", origin="https://val.example")
    pool = inquiries.make_canteen(town, numcli="350021")
    clock, payfip = inquiries.Clock(), inquiries.FakePayfip()
    titres = [cast.make_titre(pool, reference=f"FC202600020{place}") for place in range(4)]
    with inquiries.speaking_to(payfip):
        repaired, turned_down, forgotten = (inquiries.leave(pool, titre, clock) for titre in titres[:3])
        payfip.when_opening = httpx.ReadTimeout("late")
        with pytest.raises(GatewayAway):
            inquiries.leave(pool, titres[3], clock)
        payfip.when_opening = None
        inquiries.check_until(clock, cast.later(minutes=9))
        payfip.says |= {repaired.key: "P", turned_down.key: "R"}
        inquiries.check_until(clock, cast.later(minutes=15))
        cast.reduce(titres[1], now=clock.now)
        after_refusal = inquiries.leave(pool, titres[1], clock, amount=titres[1].amount - Money(1_000))
        payfip.says[after_refusal.key] = "A"
        inquiries.check_until(clock, cast.later(hours=3))
        after_silence = inquiries.leave(pool, titres[2], clock)
        payfip.says |= {forgotten.key: "P1", after_silence.key: "A"}
        inquiries.check_until(clock, cast.later(hours=6))
    with tenant(town.collectivite):
        never = Attempt.objects.get(titre=titres[3])
    return {
        "repaired": repaired.pk,
        "turned_down": turned_down.pk,
        "after_refusal": after_refusal.pk,
        "after_silence": after_silence.pk,
        "forgotten": forgotten.pk,
        "never": never.pk,
    }


def idop(number: int) -> str:
    return f"b9b4b9a0-0000-11f1-8000-{number:012d}"


@pytest.fixture(scope="class")
def world(emptier: Any, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    with django_db_blocker.unblock(), override_settings(SECRET_KEYS=KEYS):
        yield build_world()
        close_connections()
        emptier.empty()


TABLES = (
    "cases_caseevent",
    "payments_attemptevent",
    "payments_evidence",
    "payments_inboxmessage",
    "payments_settlement",
    "payments_share",
    "payments_allocation",
    "payments_counterreceipt",
    "payments_reversal",
    "receipts_quittance",
    "receipts_quittancedelivery",
    "titres_adjustment",
    "titres_titre",
    "titres_titreevent",
    "journal_entry",
    "audit_auditentry",
    "reconciliation_filedline",
    "reconciliation_filedstate",
    "collectivites_routingchange",
    "collectivites_gatewayaccount",
)


@contextmanager
def tampered(statements: str, world: dict[str, Any]) -> Iterator[None]:
    """The owner alters rows, their tables' triggers off meanwhile; afterwards all is as it was."""
    guarded = [table for table in TABLES if table in statements]
    with transaction.atomic(using="owner"):
        with connections["owner"].cursor() as cursor:
            for table in guarded:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            for statement in statements.format(**world).split(";"):
                if statement.strip():
                    cursor.execute(statement)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in guarded:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        yield
        transaction.set_rollback(True, using="owner")


def broken(world: dict[str, Any], statements: str = "") -> dict[str, list[str]]:
    """Which invariants see it, with the keys of the rows they name; asked in the owner's transaction."""
    with tampered(statements, world):
        snapshot = Snapshot(using="owner", now=NOW, parameters=operations._parameters(NOW))
        rows = [row for invariant in INVARIANTS for row in invariant.broken_rows(snapshot)]
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.invariant, []).append(row.key)
    return found


def delete_cases(kind: str) -> str:
    """Every case of a kind, with its history."""
    of_it = f"(SELECT id FROM cases_case WHERE kind = '{kind}')"
    return f"DELETE FROM cases_caseevent WHERE case_id IN {of_it}; DELETE FROM cases_case WHERE kind = '{kind}'"


TAMPERINGS: dict[str, tuple[str, set[str]]] = {
    # quittances
    "a quittance that is gone": (
        "DELETE FROM receipts_quittanceperson WHERE quittance_id = {second_quittance};"
        "DELETE FROM receipts_quittance WHERE id = {second_quittance}",
        {"I-42"},
    ),
    "the last quittance that is gone, and its number given again": (
        "DELETE FROM receipts_quittanceperson WHERE quittance_id = {last_quittance};"
        "DELETE FROM receipts_quittance WHERE id = {last_quittance};"
        "UPDATE receipts_quittancecounter SET last = 2 WHERE collectivite_id = {combe}",
        {"I-42"},
    ),
    "a number skipped": (
        "UPDATE receipts_quittance SET number = 4 WHERE id = {last_quittance};"
        "UPDATE receipts_quittancecounter SET last = 4 WHERE collectivite_id = {combe}",
        {"I-42"},
    ),
    "numbers that begin at two": (
        "UPDATE receipts_quittance SET number = number + 10 WHERE collectivite_id = {combe};"
        "UPDATE receipts_quittance SET number = number - 9 WHERE collectivite_id = {combe};"
        "UPDATE receipts_quittancecounter SET last = 4 WHERE collectivite_id = {combe}",
        {"I-42"},
    ),
    "a counter ahead of its quittances": (
        "UPDATE receipts_quittancecounter SET last = 7 WHERE collectivite_id = {combe}",
        {"I-42"},
    ),
    "a counter that is gone": ("DELETE FROM receipts_quittancecounter WHERE collectivite_id = {combe}", {"I-42"}),
    "a quittance of another year": (
        "UPDATE receipts_quittance SET year = 2025 WHERE collectivite_id = {combe};"
        "UPDATE receipts_quittancecounter SET year = 2025 WHERE collectivite_id = {combe}",
        {"I-42"},
    ),
    "a quittance issued before the number above it": (
        "UPDATE receipts_quittance SET issued_at = issued_at - interval '1 minute' WHERE id = {second_quittance};"
        "UPDATE audit_auditentry SET at = at - interval '1 minute' WHERE subject = 'quittance {second_quittance}'",
        {"I-42"},
    ),
    "a second quittance of one settlement": (
        "ALTER TABLE receipts_quittance DROP CONSTRAINT receipts_quittance_once;"
        "UPDATE receipts_quittance SET settlement_id = {acknowledged} WHERE id = {second_quittance}",
        {"I-42"},
    ),
    "a quittance of more than was received": (
        "UPDATE receipts_quittance SET amount_cents = amount_cents + 100, excess_cents = 100 WHERE id = {quittance}",
        {"I-42"},
    ),
    "a quittance whose parts do not make it up": (
        "UPDATE receipts_quittance SET excess_cents = 100 WHERE id = {quittance}",
        {"I-42"},
    ),
    "a quittance for another titre": (
        "UPDATE receipts_quittance SET parts = jsonb_set(parts, '{{0,titre}}', '{cash_titre}') WHERE id = {quittance}",
        {"I-42"},
    ),
    "a quittance of another means": (
        "UPDATE receipts_quittance SET how = 'cheque' WHERE id = {quittance}",
        {"I-42"},
    ),
    "a quittance issued by nobody": (
        "DELETE FROM audit_auditentry WHERE subject = 'quittance {quittance}' AND action = 'issue_quittance'",
        {"I-33"},
    ),
    "two originals of a quittance": (
        "ALTER TABLE receipts_quittancedelivery DROP CONSTRAINT receipts_delivery_number;"
        "UPDATE receipts_quittancedelivery SET number = 1 WHERE quittance_id = {quittance}",
        {"I-42"},
    ),
    "an original whose taking is gone": (
        "DELETE FROM receipts_quittancedelivery WHERE quittance_id = {quittance} AND number = 1",
        {"I-42"},
    ),
    "a duplicata that nobody wrote down": (
        "DELETE FROM audit_auditentry WHERE subject = 'quittance {quittance}' AND action = 'copy_quittance'",
        {"I-33"},
    ),
    # tickets
    "a payer who is told nothing": (
        "DELETE FROM agenda_effect WHERE kind = 'send_ticket' AND subject_id = {ticketed};"
        "DELETE FROM receipts_ticket WHERE settlement_id = {ticketed}",
        {"I-07"},
    ),
    "a ticket for a payment hors régie": (
        "INSERT INTO agenda_effect (collectivite_id, kind, subject_id, due_at, tries, failure)"
        " SELECT collectivite_id, 'send_ticket', id, '2126-01-01', 0, '' FROM payments_settlement"
        " WHERE attempt_id = {paid}",
        {"I-07", "I-28"},
    ),
    "a ticket said to be done that never left": (
        "UPDATE receipts_ticket SET sent_at = NULL WHERE settlement_id = {ticketed}",
        {"I-07"},
    ),
    "a ticket that nobody sends": (
        "UPDATE agenda_effect SET kind = 'send_ticket_copy' WHERE kind = 'send_ticket' AND subject_id = {ticketed}",
        {"I-07"},
    ),
    "a ticket given up, and nobody knows": (
        "UPDATE receipts_ticket SET sent_at = NULL, gave_up_at = now(), why = 'bad_address'"
        " WHERE settlement_id = {ticketed}",
        {"I-07"},
    ),
    "a ticket sent twice without a word": (
        "UPDATE receipts_ticket SET uncertain = 2, tries = 3 WHERE settlement_id = {ticketed}",
        {"I-07"},
    ),
    "a ticket that waits while the mail is away": (
        "UPDATE agenda_effect SET done_at = NULL, due_at = '2126-01-01' WHERE kind = 'send_ticket'"
        " AND subject_id = {ticketed};"
        "UPDATE receipts_ticket SET sent_at = NULL, started_at = NULL WHERE settlement_id = {ticketed}",
        {"I-28"},
    ),
    # titres
    "a titre paid by nobody": ("UPDATE titres_titre SET paid_at = now() WHERE id = {open_titre}", {"I-02"}),
    "a titre that was paid, and is not": ("UPDATE titres_titre SET paid_at = NULL WHERE id = {paid_titre}", {"I-02"}),
    "a titre listed as paid in part": (
        "UPDATE titres_titre SET is_paid_in_part = true WHERE id IN ({open_titre}, {paid_titre})",
        {"I-02"},
    ),
    "a titre paid at another hour": (
        "UPDATE titres_titre SET paid_at = paid_at + interval '1 day' WHERE id = {paid_titre}",
        {"I-02"},
    ),
    "a titre whose amount grew": (
        "UPDATE titres_titre SET amount_cents = amount_cents + 1 WHERE id = {paid_titre}",
        {"I-02"},
    ),
    "a titre whose amount shrank": (
        "UPDATE titres_titre SET amount_cents = amount_cents - 1 WHERE id = {paid_titre}",
        {"I-03"},
    ),
    "a titre that owes less than nothing": (
        "UPDATE titres_adjustment SET amount_cents = 9000 WHERE titre_id = {reduced_titre} AND direction = 'decrease'",
        {"I-01", "I-02", "I-03"},
    ),
    "an adjustment that is lost": (
        "UPDATE titres_titreevent SET adjustment_id = NULL WHERE titre_id = {reduced_titre};"
        "DELETE FROM titres_adjustment WHERE titre_id = {reduced_titre} AND direction = 'increase'",
        {"I-03", "I-14"},
    ),
    "an adjustment in no event": (
        "UPDATE titres_titreevent SET adjustment_id = NULL WHERE titre_id = {reduced_titre}",
        {"I-14"},
    ),
    "an allocation that is lost": (
        "DELETE FROM payments_allocation WHERE titre_id = {paid_titre}",
        {"I-02", "I-03", "I-10"},
    ),
    "an allocation to another titre": (
        "UPDATE payments_allocation SET titre_id = {open_titre} WHERE titre_id = {paid_titre}",
        {"I-02", "I-10"},
    ),
    "an allocation of what was settled on no titre": (
        "UPDATE payments_attempt SET titre_id = NULL WHERE id = {settled}",
        {"I-07", "I-10", "I-41"},
    ),
    "a share that is lost": (
        "DELETE FROM payments_share WHERE attempt_id = {grouped} AND place = 2",
        {"I-10"},
    ),
    "a share of another titre": (
        "UPDATE payments_share SET titre_id = {open_titre} WHERE attempt_id = {settled}",
        {"I-10", "I-41"},
    ),
    "a share that grew": (
        "UPDATE payments_share SET amount_cents = amount_cents + 1 WHERE attempt_id = {waiting}",
        {"I-10"},
    ),
    "shares that add up, and each is wrong": (
        "UPDATE payments_share SET amount_cents = amount_cents + 1 WHERE attempt_id = {grouped} AND place = 2;"
        "UPDATE payments_share SET amount_cents = amount_cents - 1 WHERE attempt_id = {grouped} AND place = 1",
        {"I-10"},
    ),
    "shares in another order": (
        "UPDATE payments_share SET place = 4 WHERE attempt_id = {grouped} AND place = 1",
        {"I-10"},
    ),
    "an attempt whose titre is not the first": (
        "UPDATE payments_attempt SET titre_id = {grouped_and_reduced} WHERE id = {grouped}",
        {"I-10"},
    ),
    "an allocation beyond its share": (
        "UPDATE payments_allocation SET amount_cents = amount_cents + 1 WHERE titre_id = {grouped_titre};"
        "UPDATE payments_allocation SET amount_cents = amount_cents - 1 WHERE titre_id = {grouped_and_reduced}",
        {"I-02", "I-03", "I-10"},
    ),
    "an excédent said of another titre": (
        "UPDATE cases_case SET facts = jsonb_set(facts, '{{parts,0,titre}}', to_jsonb({grouped_titre}::bigint))"
        " WHERE kind = 'excess' AND subject_id = {grouped}",
        {"I-10"},
    ),
    "several titres by a titre's reference": (
        "UPDATE titres_titre SET reference = (SELECT debt_reference FROM payments_attempt WHERE id = {grouped})"
        " WHERE id = {open_titre}",
        {"I-41"},
    ),
    "an excédent in no case": (delete_cases("excess"), {"I-03", "I-10"}),
    "an excédent that shrank": (
        "UPDATE cases_case SET facts = facts || '{{\"excess_cents\": 1}}' WHERE kind = 'excess'",
        {"I-10"},
    ),
    "a titre cancelled by nobody": ("UPDATE titres_titre SET status = 'cancelled' WHERE id = {open_titre}", {"I-14"}),
    "a step of a titre that is lost": (
        "DELETE FROM titres_titreevent WHERE titre_id = {cancelled_titre} AND number = 2",
        {"I-14"},
    ),
    "a step of a titre that no table knows": (
        "UPDATE titres_titreevent SET event = 'resumed' WHERE titre_id = {cancelled_titre} AND number = 2",
        {"I-14"},
    ),
    "a mended draft mended again in the dark": (
        "UPDATE titres_titre SET amount_cents = 4100 WHERE id = {mended_titre}",
        {"I-14"},
    ),
    "another label than what was corrected": (
        "UPDATE titres_titre SET label = 'Piscine' WHERE id = {mended_titre}",
        {"I-14"},
    ),
    "what a draft was before, rewritten": (
        "UPDATE titres_titreevent SET changes = jsonb_set(changes, '{{amount_cents,0}}', '3100')"
        " WHERE titre_id = {mended_titre} AND number = 3",
        {"I-14"},
    ),
    "a correction of an amount": (
        "UPDATE titres_titreevent SET changes = changes || '{{\"amount_cents\": [4000, 4000]}}'::jsonb"
        " WHERE titre_id = {mended_titre} AND event = 'corrected'",
        {"I-14"},
    ),
    "a correction of nothing": (
        "UPDATE titres_titreevent SET changes = NULL WHERE titre_id = {mended_titre} AND event = 'corrected'",
        {"I-14"},
    ),
    "a draft restored as if it had been published": (
        "UPDATE titres_titreevent SET event = 'redrafted', from_state = 'cancelled', to_state = 'draft'"
        " WHERE titre_id = {mended_titre} AND event = 'restored';"
        "UPDATE titres_titreevent SET event = 'cancelled', to_state = 'cancelled'"
        " WHERE titre_id = {mended_titre} AND event = 'written_off';"
        "UPDATE titres_titre SET status = 'draft' WHERE id = {mended_titre}",
        {"I-14"},
    ),
    "a word for its payer where none is": (
        "UPDATE titres_titreevent SET payer_note = 'Payez ailleurs.' WHERE titre_id = {mended_titre} AND number = 1",
        {"I-14"},
    ),
    "a titre held by nobody": (
        "UPDATE titres_titre SET held_by = {settled}, held_until = now() WHERE id = {open_titre}",
        {"I-14"},
    ),
    "a titre held by what has ended": (
        "UPDATE titres_titre SET held_by = {settled}, held_until = now() WHERE id = {paid_titre}",
        {"I-14"},
    ),
    "a hold older than its attempt": (
        "UPDATE titres_titre SET held_until = held_until - interval '1 day' WHERE id = {held_titre}",
        {"I-14"},
    ),
    "a cancelled titre handed off": (
        "UPDATE titres_titreevent SET recorded_at = recorded_at - interval '1 day', to_state = 'suspended',"
        " event = 'suspended' WHERE titre_id = {cancelled_titre} AND event = 'cancelled';"
        "UPDATE titres_titre SET status = 'suspended' WHERE id = {cancelled_titre};"
        "UPDATE payments_share SET titre_id = {cancelled_titre} WHERE attempt_id = {waiting};"
        "UPDATE payments_attempt SET titre_id = {cancelled_titre}, debt_reference = 'FC2026000103'"
        " WHERE id = {waiting}; UPDATE titres_titre SET held_by = NULL, held_until = NULL WHERE id = {held_titre}",
        {"I-16"},
    ),
    "a paid titre handed off": (
        "UPDATE payments_share SET titre_id = {paid_titre} WHERE attempt_id = {waiting};"
        "UPDATE payments_attempt SET titre_id = {paid_titre}, debt_reference = 'FC2026000100', warned = true"
        " WHERE id = {waiting}; UPDATE titres_titre SET held_by = NULL, held_until = NULL WHERE id = {held_titre}",
        {"I-16"},
    ),
    "a titre of the comptable paid to a régie": (
        "UPDATE titres_titre SET collector = 'comptable', regie_id = NULL, budget_id = (SELECT id FROM"
        " collectivites_budget WHERE collectivite_id = titres_titre.collectivite_id LIMIT 1) WHERE id = {held_titre}",
        {"I-41"},
    ),
    "a comptable's titre closed by nobody": (
        "UPDATE titres_titre SET status = 'closed' WHERE id = {titre_in_part};"
        "UPDATE titres_titreevent SET event = 'closed', to_state = 'closed' WHERE titre_id = {titre_in_part}"
        " AND event = 'collected'",
        {"I-41"},
    ),
    "a comptable's titre that no file closed": (
        "DELETE FROM reconciliation_filedstate WHERE titre_id = {closed_titre}",
        {"I-41"},
    ),
    "a comptable's titre still to be paid though his file closed it": (
        "UPDATE titres_titre SET status = 'open' WHERE id = {closed_titre};"
        "DELETE FROM titres_titreevent WHERE titre_id = {closed_titre} AND event = 'closed'",
        {"I-41"},
    ),
    "what a comptable's file said, altered": (
        "UPDATE reconciliation_filedstate SET said = 'settled' WHERE titre_id = {rejected_titre}",
        {"I-41"},
    ),
    "a comptable's file that speaks of another budget": (
        "INSERT INTO collectivites_budget (collectivite_id, siret, code, name)"
        " VALUES ({bourg}, '21350001600029', '01', 'Eau'); UPDATE titres_titre SET budget_id = (SELECT id FROM"
        " collectivites_budget WHERE collectivite_id = {bourg} AND code = '01') WHERE id = {rejected_titre}",
        {"I-33", "I-41"},
    ),
    "a payment to a régie that extinguishes a comptable's titre": (
        "UPDATE titres_titre SET collector = 'comptable', regie_id = NULL, budget_id = (SELECT id FROM"
        " collectivites_budget WHERE collectivite_id = titres_titre.collectivite_id LIMIT 1) WHERE id = {paid_titre}",
        {"I-41"},
    ),
    "a régie's payment of no titre": (
        "UPDATE payments_attempt SET titre_id = NULL WHERE id = {waiting};"
        "UPDATE titres_titre SET held_by = NULL, held_until = NULL WHERE id = {held_titre}",
        {"I-10", "I-41"},
    ),
    # money received otherwise, and reversals
    "a receipt of another amount": (
        "UPDATE payments_counterreceipt SET amount_cents = 1 WHERE id = {cash}",
        {"I-05"},
    ),
    "a receipt of another piece": (
        "UPDATE payments_counterreceipt SET piece = '1' WHERE id = {cheque}",
        {"I-05"},
    ),
    "a receipt without its voucher": (
        "ALTER TABLE payments_counterreceipt DROP CONSTRAINT payments_counter_cheque;"
        "UPDATE payments_counterreceipt SET piece = '' WHERE id = {cheque}",
        {"I-05", "I-06"},
    ),
    "a receipt by other means": (
        "UPDATE payments_counterreceipt SET means = 'transfer' WHERE id = {cash}",
        {"I-05"},
    ),
    "a receipt entered by nobody": (
        "UPDATE payments_counterreceipt SET made_by_id = {asker} WHERE id = {cash}",
        {"I-05"},
    ),
    "a receipt that settled nothing": (
        "DELETE FROM payments_allocation WHERE settlement_id IN (SELECT id FROM payments_settlement"
        " WHERE receipt_id = {part}); DELETE FROM payments_settlement WHERE receipt_id = {part}",
        {"I-02", "I-04", "I-07", "I-08"},
    ),
    "a receipt in the books of another day": (
        "UPDATE payments_settlement SET accounting_day = accounting_day - 1 WHERE receipt_id = {cash}",
        {"I-08", "I-13"},
    ),
    "a receipt of test money": (
        "ALTER TABLE payments_settlement DROP CONSTRAINT payments_settlement_whence;"
        "UPDATE payments_settlement SET environment = 'test' WHERE receipt_id = {cash}",
        {"I-05", "I-06", "I-10"},
    ),
    "a receipt of which a part is allocated": (
        "UPDATE payments_allocation SET amount_cents = amount_cents - 1 WHERE titre_id = {cash_titre}",
        {"I-02", "I-10"},
    ),
    "a receipt allocated to another titre": (
        "UPDATE payments_allocation SET titre_id = {cheque_titre} WHERE titre_id = {cash_titre}",
        {"I-02", "I-10"},
    ),
    "a receipt of the comptable's debt": (
        "UPDATE titres_titre SET collector = 'comptable', regie_id = NULL, budget_id = (SELECT id FROM"
        " collectivites_budget WHERE collectivite_id = titres_titre.collectivite_id LIMIT 1) WHERE id = {cash_titre}",
        {"I-05", "I-06", "I-41"},
    ),
    "a reversal taken back": (
        "DELETE FROM payments_reversal WHERE settlement_id = {unpaid}",
        {"I-02", "I-07", "I-08"},
    ),
    "a reversal of which nobody wrote the cause": (
        "UPDATE payments_reversal SET cause = 'given_back' WHERE settlement_id = {unpaid}",
        {"I-07"},
    ),
    "a reversal of another day": (
        "UPDATE payments_reversal SET accounting_day = accounting_day + 1 WHERE settlement_id = {unpaid}",
        {"I-07", "I-08", "I-13"},
    ),
    "a reversal that the books never had": (
        "INSERT INTO payments_reversal (collectivite_id, settlement_id, cause, reason, made_at, accounting_day)"
        " SELECT collectivite_id, id, 'typing_error', 'Une erreur', occurred_at, accounting_day"
        " FROM payments_settlement WHERE receipt_id = {cash}",
        {"I-02", "I-07", "I-08"},
    ),
    "a titre still paid by a cheque that came back": (
        "UPDATE titres_titre SET paid_at = now() WHERE id = {cheque_titre}",
        {"I-02"},
    ),
    "a payment that hides its reversal": (
        "UPDATE payments_attempt SET is_reversed = false WHERE id = {charged_back}",
        {"I-04"},
    ),
    "a payment marked reversed by nobody": (
        "UPDATE payments_attempt SET is_reversed = true WHERE id = {settled}",
        {"I-04"},
    ),
    # where money goes
    "a production account that nobody opened": (
        "INSERT INTO collectivites_gatewayaccount (collectivite_id, gateway, debt_kind, environment, identifier,"
        " budget_id, options, is_active) SELECT collectivite_id, gateway, debt_kind, 'production', '350099', budget_id,"
        " options, true FROM collectivites_gatewayaccount WHERE id = {tried}",
        {"I-33", "I-34"},
    ),
    "a production account opened by one person": (
        "UPDATE audit_auditentry SET actor_id = {asker} WHERE action = 'add_account'"
        " AND subject = 'account ' || {by_the_host}",
        {"I-34"},
    ),
    "a contract in two collectivités": (
        "INSERT INTO collectivites_gatewayaccount (collectivite_id, gateway, debt_kind, environment, identifier,"
        " budget_id, options, is_active) SELECT collectivite_id, gateway, debt_kind, 'activation', '350088', budget_id,"
        " options, true FROM collectivites_gatewayaccount WHERE id = {next_account}",
        {"I-09", "I-33"},
    ),
    "a product moved by nobody": (
        "UPDATE collectivites_product SET account_id = {by_the_host} WHERE id = {moved}",
        {"I-34"},
    ),
    "a product that nobody asked to move": (
        "UPDATE collectivites_routingchange SET what = '{{\"products\": []}}' WHERE id = {opened}",
        {"I-34"},
    ),
    "a move whose trace is lost": ("DELETE FROM audit_auditentry WHERE action = 'move_product'", {"I-34"}),
    "a change that its asker approved": (
        "ALTER TABLE collectivites_routingchange DROP CONSTRAINT collectivites_routing_two_people;"
        "UPDATE collectivites_routingchange SET approved_by_id = asked_by_id WHERE id = {opened}",
        {"I-34"},
    ),
    "a change without approval": (
        "ALTER TABLE collectivites_routingchange DROP CONSTRAINT collectivites_routing_approved_first;"
        "UPDATE collectivites_routingchange SET approved_by_id = NULL, approved_at = NULL WHERE id = {opened}",
        {"I-34"},
    ),
    "a change carried out too soon": (
        "UPDATE collectivites_routingchange SET effective_at = asked_at,"
        " carried_out_at = asked_at + interval '23 hours' WHERE id = {opened}",
        {"I-34"},
    ),
    "a change carried out after it was cancelled": (
        "ALTER TABLE collectivites_routingchange DROP CONSTRAINT collectivites_routing_approved_first;"
        "UPDATE collectivites_routingchange SET cancelled_at = approved_at WHERE id = {opened}",
        {"I-34"},
    ),
    "an approval that an operator never gave": (
        "UPDATE collectivites_routingchange SET needs_operator = true WHERE id = {opened}",
        {"I-34"},
    ),
    "a closed production account that serves": (
        "DELETE FROM audit_auditentry WHERE action = 'reopen_account' AND subject = 'account ' || {production}",
        {"I-34"},
    ),
    "a reopening for another contract": (
        "UPDATE collectivites_routingchange SET identifier = '350077' WHERE id = {reopened}",
        {"I-34"},
    ),
    "administrators who were not told": ("DELETE FROM agenda_effect WHERE kind = 'tell_routing_asked'", {"I-34"}),
    "decisions that may be rewritten": ("DROP TRIGGER facts_stay ON collectivites_routingchange", {"I-34"}),
    "a guard of decisions that does nothing": (
        "CREATE OR REPLACE FUNCTION regal_routing_facts_stay() RETURNS trigger LANGUAGE plpgsql AS"
        " E'BEGIN RETURN NEW\\x3b END'",
        {"I-11"},
    ),
    # money
    "a titre's reference that is none": (
        "UPDATE payments_attempt SET debt_reference = 'FC2026000412' WHERE id = {silent}",
        {"I-41"},
    ),
    "a comptable's debt on a régie's account": (
        "UPDATE payments_attempt SET account_id = (SELECT id FROM collectivites_gatewayaccount"
        " WHERE debt_kind = 'regie' AND collectivite_id = {town}) WHERE id = {silent}",
        {"I-41"},
    ),
    "an exercice that is not the reference's": (
        "UPDATE payments_attempt SET exercice = 2019 WHERE id = {silent}",
        {"I-41"},
    ),
    "a product of another kind than its contract": (
        "ALTER TABLE collectivites_product DROP CONSTRAINT collectivites_product_kind_of_account;"
        "UPDATE collectivites_product SET debt_kind = 'ormc' WHERE collectivite_id = {town} AND debt_kind = 'titre'",
        {"I-41"},
    ),
    "a régie's product without a check": (
        "ALTER TABLE collectivites_product DROP CONSTRAINT collectivites_product_regie_is_checked;"
        "UPDATE collectivites_product SET reference_form = '{{}}' WHERE debt_kind = 'regie'",
        {"I-41"},
    ),
    "an attempt's amount": ("UPDATE payments_attempt SET amount_cents = 1 WHERE id = {paid}", {"I-05"}),
    "an attempt's amount, never paid": (
        "UPDATE payments_attempt SET amount_cents = 12551 WHERE id = {announced}",
        {"I-05"},
    ),
    "an amount of nothing": (
        "ALTER TABLE payments_attempt DROP CONSTRAINT payments_attempt_amount;"
        "UPDATE payments_attempt SET amount_cents = 0 WHERE id = {silent}",
        {"I-01"},
    ),
    "a negative settlement": (
        "ALTER TABLE payments_settlement DROP CONSTRAINT payments_settlement_amount;"
        "UPDATE payments_settlement SET amount_cents = -9900 WHERE attempt_id = {paid}",
        {"I-01", "I-05", "I-08"},
    ),
    "a column of fractions": ("ALTER TABLE payments_payer ADD COLUMN fee double precision", {"I-01"}),
    "a column of decimals": ("ALTER TABLE payments_payer ADD COLUMN fee numeric(10, 2)", {"I-01"}),
    "small cents": ("ALTER TABLE payments_payer ADD COLUMN fee_cents int", {"I-01"}),
    "a settlement's amount": (
        "UPDATE payments_settlement SET amount_cents = 9901 WHERE attempt_id = {paid}",
        {"I-05", "I-08"},
    ),
    "a settlement's debt": (
        "UPDATE payments_settlement SET debt_reference = '202600000499000001' WHERE attempt_id = {paid}",
        {"I-05"},
    ),
    "a settlement's exercice": ("UPDATE payments_settlement SET exercice = 2025 WHERE attempt_id = {paid}", {"I-05"}),
    "a settlement lost": ("DELETE FROM payments_settlement WHERE attempt_id = {paid}", {"I-04", "I-07", "I-08"}),
    "a settlement invented": (
        "INSERT INTO payments_settlement (collectivite_id, attempt_id, account_id, environment, debt_reference,"
        " exercice,"
        " amount_cents, evidence_id, rank, occurred_at, accounting_day, recorded_at)"
        " SELECT collectivite_id, {announced}, account_id, environment, '202600000413000001', exercice, 12550,"
        " {told_evidence}, 2, v.occurred_at, accounting_day, recorded_at FROM payments_settlement,"
        " (SELECT occurred_at FROM payments_evidence WHERE id = {told_evidence}) AS v WHERE attempt_id = {paid}",
        {"I-04", "I-06", "I-07", "I-08", "I-19"},
    ),
    "a settlement doubled": (
        "ALTER TABLE payments_settlement DROP CONSTRAINT payments_settlement_once;"
        "INSERT INTO payments_settlement (collectivite_id, attempt_id, account_id, environment, debt_reference,"
        " exercice,"
        " amount_cents, evidence_id, rank, occurred_at, accounting_day, recorded_at) SELECT collectivite_id,"
        " attempt_id,"
        " account_id, environment, debt_reference, exercice, amount_cents, evidence_id, rank, occurred_at,"
        " accounting_day, recorded_at FROM payments_settlement WHERE attempt_id = {paid}",
        {"I-04", "I-07", "I-08"},
    ),
    "a settlement's evidence exchanged": (
        "UPDATE payments_settlement SET evidence_id = (SELECT evidence_id FROM payments_settlement"
        " WHERE attempt_id = {also_paid}) WHERE attempt_id = {paid}",
        {"I-05"},
    ),
    "a settlement's rank": ("UPDATE payments_settlement SET rank = 2 WHERE attempt_id = {paid}", {"I-06"}),
    "a settlement's day": (
        "UPDATE payments_settlement SET accounting_day = accounting_day + 1 WHERE attempt_id = {paid}",
        {"I-08", "I-13"},
    ),
    "a settlement's time": (
        "UPDATE payments_settlement SET occurred_at = occurred_at + interval '1 minute' WHERE attempt_id = {paid}",
        {"I-13"},
    ),
    "a settlement in another environment": (
        "ALTER TABLE payments_settlement DROP CONSTRAINT payments_settlement_environment_of_account;"
        "UPDATE payments_settlement SET environment = 'production' WHERE attempt_id = {paid}",
        {"I-05", "I-23"},
    ),
    "an attempt in another environment": (
        "ALTER TABLE payments_attempt DROP CONSTRAINT payments_attempt_environment_of_account;"
        "UPDATE payments_attempt SET environment = 'production' WHERE id = {silent}",
        {"I-23"},
    ),
    "an account turned to production": (
        "ALTER TABLE payments_attempt DROP CONSTRAINT payments_attempt_environment_of_account;"
        "ALTER TABLE payments_settlement DROP CONSTRAINT payments_settlement_environment_of_account;"
        "UPDATE collectivites_gatewayaccount SET environment = 'production' WHERE id = {account}",
        {"I-23"},
    ),
    "evidence of another environment": (
        'UPDATE payments_evidence SET facts = facts || \'{{"environment": "production"}}\' WHERE id = {told_evidence}',
        {"I-23"},
    ),
    "a gateway reference used twice": (
        "ALTER TABLE payments_attempt DROP CONSTRAINT payments_attempt_reference;"
        "UPDATE payments_attempt SET reference = (SELECT reference FROM payments_attempt WHERE id = {paid})"
        " WHERE id = {silent}",
        {"I-09"},
    ),
    "an address used twice": (
        "ALTER TABLE payments_attempt DROP CONSTRAINT payments_attempt_notification;"
        "UPDATE payments_attempt SET notification_digest = (SELECT notification_digest FROM payments_attempt"
        " WHERE id = {paid}) WHERE id = {foreign}",
        {"I-09"},
    ),
    "a contract used twice": (
        "ALTER TABLE collectivites_gatewayaccount DROP CONSTRAINT collectivites_account_identity;"
        "UPDATE collectivites_gatewayaccount SET identifier = '006382' WHERE id = {next_account}",
        {"I-09"},
    ),
    # the books
    "an entry's amount": (
        "UPDATE journal_entry SET amount_cents = 9901 WHERE attempt_id = {paid}",
        {"I-05", "I-08", "I-11"},
    ),
    "an entry's reason": ("UPDATE journal_entry SET reason = 'autre' WHERE attempt_id = {paid}", {"I-11"}),
    "an entry's author": ("UPDATE journal_entry SET author = 'autre' WHERE attempt_id = {paid}", {"I-11"}),
    "an entry's moment of record": (
        "UPDATE journal_entry SET recorded_at = recorded_at + interval '1 microsecond' WHERE attempt_id = {paid}",
        {"I-11"},
    ),
    "an entry's day": (
        "UPDATE journal_entry SET accounting_day = accounting_day - 1 WHERE attempt_id = {paid}",
        {"I-08", "I-11", "I-13"},
    ),
    "an entry removed": (
        "DELETE FROM journal_entry WHERE attempt_id = {paid}",
        {"I-07", "I-08", "I-11"},
    ),
    "the last entry and the head rewound": (
        "DELETE FROM journal_entry WHERE collectivite_id = {town} AND number = 3;"
        "UPDATE journal_head SET number = 2, hash = (SELECT hash FROM journal_entry WHERE collectivite_id = {town}"
        " AND number = 2) WHERE collectivite_id = {town}",
        {"I-11"},
    ),
    "the head's number": ("UPDATE journal_head SET number = number + 1 WHERE collectivite_id = {town}", {"I-11"}),
    "the head's hash": (f"UPDATE journal_head SET hash = '{'0' * 64}' WHERE collectivite_id = {{town}}", {"I-11"}),
    "the head lost": ("DELETE FROM journal_head WHERE collectivite_id = {town}", {"I-11"}),
    "two entries exchanged": (
        "ALTER TABLE journal_entry DROP CONSTRAINT journal_entry_number_positive;"
        "UPDATE journal_entry SET number = -number WHERE collectivite_id = {town} AND number < 3;"
        "UPDATE journal_entry SET number = 3 + number WHERE collectivite_id = {town} AND number < 0",
        {"I-11"},
    ),
    "an incomplete correction": (
        "UPDATE journal_entry SET corrects_id = (SELECT id FROM journal_entry WHERE collectivite_id = {town}"
        " AND number = 1), author = '' WHERE collectivite_id = {town} AND number = 3",
        {"I-11", "I-12"},
    ),
    "a correction of what comes after": (
        "ALTER TABLE journal_entry DROP CONSTRAINT journal_entry_shape;"
        "UPDATE journal_entry SET corrects_id = (SELECT id FROM journal_entry WHERE collectivite_id = {town}"
        " AND number = 3), reason = 'x' WHERE collectivite_id = {town} AND number = 1",
        {"I-11", "I-12"},
    ),
    "a seal that forgets a digest": (
        "UPDATE journal_entry SET digests = digests - 0 WHERE kind = 'seal' AND collectivite_id = {town}",
        {"I-11"},
    ),
    "evidence lost": (
        "DELETE FROM payments_evidence WHERE verdict = 'unreadable'",
        {"I-11", "I-18", "I-24"},
    ),
    "evidence's digest": (
        f"UPDATE payments_evidence SET digest = '{'a' * 64}' WHERE id = {{refused_evidence}}",
        {"I-05", "I-11"},
    ),
    "a right to update the books": ("GRANT UPDATE (reason) ON journal_entry TO regal_app", {"I-11"}),
    "a right to delete settlements": ("GRANT DELETE ON payments_settlement TO regal_app", {"I-11"}),
    "a right to empty the inbox": ("GRANT TRUNCATE ON payments_inboxmessage TO PUBLIC", {"I-11", "I-32"}),
    "a trigger dropped": ("DROP TRIGGER append_only ON payments_evidence", {"I-11"}),
    "a trigger of another kind": (
        "DROP TRIGGER append_only ON journal_entry;"
        "CREATE TRIGGER append_only BEFORE DELETE ON journal_entry FOR EACH ROW EXECUTE FUNCTION regal_append_only()",
        {"I-11"},
    ),
    "a trigger that never fires": (
        "DROP TRIGGER append_only ON journal_entry; CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_entry"
        " FOR EACH ROW WHEN (false) EXECUTE FUNCTION regal_append_only()",
        {"I-11"},
    ),
    "a guard that does nothing": (
        "CREATE OR REPLACE FUNCTION regal_append_only() RETURNS trigger LANGUAGE plpgsql AS"
        " E'BEGIN RETURN OLD\\x3b END'",
        {"I-11"},
    ),
    # states
    "a status": ("UPDATE payments_attempt SET status = 'paid' WHERE id = {announced}", {"I-04", "I-14"}),
    "a status taken back": ("UPDATE payments_attempt SET status = 'handed_off' WHERE id = {paid}", {"I-04", "I-14"}),
    "a status that form mode does not know": (
        "UPDATE payments_attempt SET status = 'refused' WHERE id = {silent}",
        {"I-14"},
    ),
    "an announcement": ("UPDATE payments_attempt SET announced = 'refused' WHERE id = {announced}", {"I-14"}),
    "an announcement's time": (
        "UPDATE payments_attempt SET announced_at = announced_at + interval '1 hour' WHERE id = {announced}",
        {"I-14"},
    ),
    "an announcement never made": (
        "UPDATE payments_attempt SET announced = 'paid', announced_at = created_at WHERE id = {silent}",
        {"I-14"},
    ),
    "an event removed": (
        "DELETE FROM payments_attemptevent WHERE attempt_id = {announced} AND number = 3",
        {"I-14"},
    ),
    "the last event removed": (
        "DELETE FROM payments_attemptevent WHERE attempt_id = {silent} AND event = 'fell_silent'",
        {"I-14"},
    ),
    "an event outside the table": (
        "UPDATE payments_attemptevent SET event = 'confirmed', evidence_id = NULL"
        " WHERE attempt_id = {silent} AND event = 'fell_silent'",
        {"I-14", "I-19"},
    ),
    "an event's order": (
        "UPDATE payments_attemptevent SET number = number + 10 WHERE attempt_id = {announced} AND number = 4",
        {"I-14"},
    ),
    "all events removed": (
        "DELETE FROM payments_attemptevent WHERE attempt_id = {warned}",
        {"I-14", "I-17"},
    ),
    "no warning": ("UPDATE payments_attempt SET warned = false WHERE id = {warned}", {"I-16"}),
    "no warning on a titre": ("UPDATE payments_attempt SET warned = false WHERE id = {excess}", {"I-16"}),
    "no warning on a titre refused a moment ago, and reduced since": (
        "UPDATE payments_attempt SET warned = false WHERE id = {after_refusal}",
        {"I-16"},
    ),
    "no warning on a titre of whose payment nothing is known yet": (
        "UPDATE payments_attempt SET warned = false WHERE id = {after_silence}",
        {"I-16"},
    ),
    "a payer who left before": (
        "UPDATE payments_attempt SET handed_off_at = created_at - interval '1 hour' WHERE id = {silent}",
        {"I-17"},
    ),
    "a message from before its attempt": (
        "UPDATE payments_inboxmessage SET received_at = received_at - interval '1 hour' WHERE id = {refused_message}",
        {"I-17"},
    ),
    # messages and proofs
    "a message nobody judges": (
        "DELETE FROM agenda_effect WHERE kind = 'judge_message' AND subject_id = {refused_message}",
        {"I-18"},
    ),
    "a message's body": (
        "UPDATE payments_inboxmessage SET body = body || 'x'::bytea WHERE id = {refused_message}",
        {"I-18"},
    ),
    "a message's query": (
        "UPDATE payments_inboxmessage SET query = 'a=b'::bytea WHERE id = {refused_message}",
        {"I-18"},
    ),
    "a message purged before it was judged": (
        "UPDATE payments_inboxmessage SET query = NULL, body = NULL WHERE id = {fresh}",
        {"I-18"},
    ),
    "a judgement pretended": (
        "UPDATE agenda_effect SET done_at = due_at WHERE kind = 'judge_message' AND subject_id = {fresh}",
        {"I-18"},
    ),
    "a message moved to another attempt": (
        "UPDATE payments_inboxmessage SET attempt_id = {silent} WHERE id = {refused_message}",
        {"I-05"},
    ),
    "proof made of nothing": ("UPDATE payments_evidence SET rank = 0 WHERE id = {proof}", {"I-06", "I-19"}),
    "proof of a refusal": ("UPDATE payments_evidence SET outcome = 'refused' WHERE id = {proof}", {"I-06"}),
    "proof of another amount": (
        'UPDATE payments_evidence SET facts = facts || \'{{"amount_cents": "1"}}\' WHERE id = {proof}',
        {"I-05"},
    ),
    "a message cut after it was read": (
        "UPDATE payments_inboxmessage SET is_cut = true WHERE id = {refused_message}",
        {"I-18"},
    ),
    "proof of another account": (
        'UPDATE payments_evidence SET facts = facts || \'{{"account_identifier": "012327"}}\' WHERE id = {proof}',
        {"I-05"},
    ),
    "proof that does not fit": (
        "UPDATE payments_evidence SET verdict = 'differs' WHERE id = {proof}",
        {"I-05", "I-06"},
    ),
    "an event by the evidence of another attempt": (
        "UPDATE payments_attemptevent SET evidence_id = {told_evidence} WHERE attempt_id = {paid} AND event ="
        " 'settled'",
        {"I-05", "I-19"},
    ),
    "an event without evidence": (
        "UPDATE payments_attemptevent SET evidence_id = NULL WHERE attempt_id = {paid} AND event = 'settled'",
        {"I-19"},
    ),
    "a contradiction's case lost": (
        "DELETE FROM cases_caseevent WHERE case_id = {contrary}; DELETE FROM cases_case WHERE id = {contrary}",
        {"I-21"},
    ),
    "a double payment's case lost": (
        "DELETE FROM cases_caseevent WHERE case_id = {twice}; DELETE FROM cases_case WHERE id = {twice}",
        {"I-21"},
    ),
    "a double payment's case of another payment": (
        "UPDATE cases_case SET subject_id = {paid} WHERE id = {twice}",
        {"I-21"},
    ),
    "a case closed by nobody": (
        "ALTER TABLE cases_case DROP CONSTRAINT cases_case_closed_by_somebody;"
        "UPDATE cases_case SET closed_by_id = NULL WHERE id = {twice};"
        "UPDATE cases_caseevent SET by_id = NULL, rule = 'x' WHERE case_id = {twice} AND step = 'closed'",
        {"I-21"},
    ),
    "a case closed without a reason": (
        "UPDATE cases_case SET reason = 'oui' WHERE id = {twice};"
        "UPDATE cases_caseevent SET text = 'oui' WHERE case_id = {twice} AND step = 'closed'",
        {"I-21"},
    ),
    "a case opened again": (
        "UPDATE cases_case SET closed_at = NULL, closed_by_id = NULL, decision = '', reason = '' WHERE id = {twice}",
        {"I-21"},
    ),
    "another decision": ("UPDATE cases_case SET decision = 'kept_as_credit' WHERE id = {twice}", {"I-21"}),
    "a case in other hands": ("UPDATE cases_case SET assigned_to_id = NULL WHERE id = {contrary}", {"I-21"}),
    "a note lost": ("DELETE FROM cases_caseevent WHERE case_id = {contrary} AND step = 'assigned'", {"I-21"}),
    "a note after the end": (
        "INSERT INTO cases_caseevent (collectivite_id, case_id, number, step, rule, decision, text, at, by_id)"
        " SELECT collectivite_id, case_id, number + 1, 'noted', '', '', 'x', at, by_id FROM cases_caseevent"
        " WHERE case_id = {twice} AND step = 'closed'",
        {"I-21"},
    ),
    "a case that nobody looked at": (
        "UPDATE cases_case SET first_seen_at = NULL, first_seen_by_id = NULL WHERE id = {contrary};"
        "DELETE FROM cases_caseevent WHERE case_id = {contrary} AND step = 'first_seen';"
        "UPDATE cases_caseevent SET number = number - 10 + 20 WHERE case_id = {contrary};"
        "UPDATE cases_caseevent SET number = number - 11 WHERE case_id = {contrary}",
        {"I-31"},
    ),
    "another payment's case lost": (
        "DELETE FROM cases_caseevent WHERE case_id IN (SELECT id FROM cases_case WHERE kind = 'other_payment'"
        " AND subject_id = {paid}); DELETE FROM cases_case WHERE kind = 'other_payment' AND subject_id = {paid}",
        {"I-21"},
    ),
    "the case of a false notification lost": (
        "DELETE FROM cases_caseevent WHERE case_id IN (SELECT id FROM cases_case WHERE kind = 'other_payment'"
        " AND subject_id = {announced}); DELETE FROM cases_case WHERE kind = 'other_payment' AND subject_id ="
        " {announced}",
        {"I-21"},
    ),
    "two cases of one thing": (
        "DROP INDEX cases_case_one_open; INSERT INTO cases_case (collectivite_id, kind, subject_kind,"
        " subject_id, facts,"
        " rule, opened_at, decision, reason) SELECT collectivite_id, kind, subject_kind, subject_id, facts, rule,"
        " opened_at, '', '' FROM cases_case",
        {"I-03", "I-21", "I-31"},  # the second was looked at by nobody
    ),
    "a message that waits": (
        "UPDATE payments_inboxmessage SET received_at = received_at - interval '1 minute' WHERE id = {fresh}",
        {"I-24"},
    ),
    "work that waits": (
        "UPDATE agenda_effect SET done_at = NULL WHERE kind = 'presume_silent' AND subject_id = {silent}",
        {"I-29"},
    ),
    # questions
    "a refusal about which nobody asked again": (
        "UPDATE payments_evidence SET received_at = received_at - interval '3 hours'"
        " WHERE attempt_id = {turned_down} AND source = 'inquiry'",
        {"I-15"},
    ),
    "a payment presumed dead too early": (
        "UPDATE payments_attemptevent SET recorded_at = recorded_at - interval '2 hours',"
        " occurred_at = occurred_at - interval '2 hours' WHERE attempt_id = {forgotten} AND event = 'fell_silent'",
        {"I-15"},
    ),
    "a payment presumed dead and given up": (
        "UPDATE payments_evidence SET outcome = 'pending' WHERE attempt_id = {forgotten} AND outcome = 'forgotten'",
        {"I-15"},
    ),
    "an answer about another key": (
        'UPDATE payments_evidence SET facts = facts || \'{{"key": "x"}}\' WHERE attempt_id = {repaired}'
        " AND verdict = 'fits'",
        {"I-09"},
    ),
    "one key of two attempts": (
        "DROP TRIGGER key_for_ever ON payments_attempt; DROP INDEX payments_attempt_key;"
        " UPDATE payments_attempt SET key = (SELECT key FROM payments_attempt"
        " WHERE id = {repaired}) WHERE id = {turned_down}",
        {"I-09"},
    ),
    "a payment that exists, of which nobody was told": (
        "INSERT INTO payments_evidence (collectivite_id, account_id, attempt_id, source, rank, verdict, outcome, facts,"
        " digest, received_at, judged_day) SELECT collectivite_id, account_id, id, 'inquiry', 2, 'fits', 'pending',"
        f" jsonb_build_object('exists', 'yes'), repeat('0', 64), '{NOW - timedelta(minutes=8)}', '{NOW.date()}'"
        " FROM payments_attempt WHERE id = {waiting}",
        {"I-26"},
    ),
    "a payment that nobody watches": ("DELETE FROM agenda_watch WHERE attempt_id = {waiting}", {"I-25"}),
    "a payment given up while it runs": (
        f"UPDATE agenda_watch SET closed_at = '{NOW}' WHERE attempt_id = {{waiting}}",
        {"I-25"},
    ),
    "a question overdue": (
        "UPDATE agenda_watch SET due_at = due_at - interval '3 minutes' WHERE attempt_id = {waiting}",
        {"I-25"},
    ),
    "a payer who holds an invoice, and is asked about only once others may begin": (
        "UPDATE agenda_watch SET due_at = (SELECT held_until + interval '1 second' FROM titres_titre"
        " WHERE held_by = {waiting}) WHERE attempt_id = {waiting}",
        {"I-25"},
    ),
    "a question planned too late": (
        f"UPDATE agenda_watch SET asked_at = '{NOW - timedelta(minutes=6)}', due_at = '{NOW + timedelta(minutes=1)}'"
        " WHERE attempt_id = {waiting}",
        {"I-26"},
    ),
    "a question that fails again and again on our side": (
        f"UPDATE agenda_watch SET asked_at = '{NOW - timedelta(minutes=8)}', due_at = '{NOW + timedelta(minutes=1)}',"
        f" leased_until = '{NOW + timedelta(minutes=1)}' WHERE attempt_id = {{waiting}}",
        {"I-26"},
    ),
    "a silent account that nobody tries any more": (
        "UPDATE agenda_pace SET failures = 3"
        " WHERE account_id IN (SELECT account_id FROM agenda_watch WHERE attempt_id = {waiting});"
        f"UPDATE agenda_watch SET asked_at = '{NOW - timedelta(minutes=8)}', due_at = '{NOW - timedelta(minutes=8)}'"
        " WHERE account_id IN (SELECT account_id FROM agenda_watch WHERE attempt_id = {waiting})",
        {"I-25"},
    ),
    "a key that is waited for": (
        "UPDATE payments_attempt SET status = 'requested' WHERE id = {never}",
        {"I-14", "I-25", "I-27"},
    ),
    "a lease without end": (
        f"UPDATE agenda_watch SET leased_until = '{NOW + timedelta(hours=1)}' WHERE attempt_id = {{waiting}}",
        {"I-29"},
    ),
    "a lease of the dead": (
        f"UPDATE agenda_watch SET leased_until = '{NOW - timedelta(minutes=3)}' WHERE attempt_id = {{waiting}}",
        {"I-29"},
    ),
    "a late payment that nobody sees": (
        "UPDATE payments_attemptevent SET from_state = 'expired_presumed' WHERE attempt_id = {repaired}"
        " AND event = 'settled'",
        {"I-14", "I-21"},
    ),
    # walls
    "a table of nobody": ("CREATE TABLE notes (id bigint PRIMARY KEY)", {"I-32"}),
    "a table that shows all": (
        "CREATE TABLE notes (id bigint PRIMARY KEY, collectivite_id bigint NOT NULL)",
        {"I-32"},
    ),
    "a published titre that may be edited": ("DROP TRIGGER stays ON titres_titre", {"I-32"}),
    "a town that may change another": ("DROP TRIGGER own_only ON collectivites_collectivite", {"I-32"}),
    "row security off": ("ALTER TABLE payments_attempt DISABLE ROW LEVEL SECURITY", {"I-32"}),
    "row security not forced": ("ALTER TABLE payments_attempt NO FORCE ROW LEVEL SECURITY", {"I-32"}),
    "rows of nobody": ("ALTER TABLE payments_payer ALTER collectivite_id DROP NOT NULL", {"I-32"}),
    "one more policy": ("CREATE POLICY all_of_them ON payments_attempt TO regal_app USING (true)", {"I-32"}),
    "a policy that shows all": (
        "DROP POLICY tenant ON payments_payer;"
        "CREATE POLICY tenant ON payments_payer TO regal_app USING (true) WITH CHECK (true)",
        {"I-32"},
    ),
    "a policy that lets all be written": (
        "ALTER POLICY tenant ON payments_payer WITH CHECK (true)",
        {"I-32"},
    ),
    "a policy for everybody": ("ALTER POLICY owner ON payments_payer TO PUBLIC", {"I-32"}),
    "a key that leaves its town": (
        "ALTER TABLE payments_payer DROP CONSTRAINT payments_payer_attempt_in_tenant",
        {"I-32"},
    ),
    "a key that forgets its town": (
        "ALTER TABLE payments_payer ADD FOREIGN KEY (attempt_id) REFERENCES payments_attempt (id)",
        {"I-32"},
    ),
    "a view": ("CREATE VIEW everything AS SELECT * FROM payments_attempt", {"I-32"}),
    "a function that runs as its owner": (
        "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM payments_payer'",
        {"I-32"},
    ),
    "a function of ours rewritten": (
        "CREATE OR REPLACE FUNCTION regal_purge_inbox(before timestamptz) RETURNS bigint LANGUAGE sql SECURITY DEFINER"
        " SET search_path = pg_catalog, public, pg_temp AS 'SELECT 0::bigint'",
        {"I-32"},
    ),
    "a search path left open": ("ALTER FUNCTION regal_purge_inbox(timestamptz) RESET search_path", {"I-32"}),
    "a verifier who writes": ("GRANT INSERT ON payments_payer TO regal_verify", {"I-32"}),
    "an application that creates": ("GRANT CREATE ON SCHEMA public TO regal_app", {"I-32"}),
    # files
    "a confirmed payment in no line": (
        "DELETE FROM reconciliation_filedline WHERE attempt_id = {filed}",
        {"I-08", "I-38"},
    ),
    "a line that settles nothing": (
        "UPDATE reconciliation_filedline SET evidence_id = NULL, result = 'already_confirmed',"
        " attempt_id = {absent} WHERE attempt_id = {filed}",
        {"I-08"},
    ),
    "a line of another amount than it settled": (
        "UPDATE reconciliation_filedline SET amount_cents = amount_cents + 1 WHERE attempt_id = {filed}",
        {"I-08", "I-38"},
    ),
    "another amount without a case": (delete_cases("other_amount"), {"I-08"}),
    "an ambiguous line without a case": (delete_cases("ambiguous_line"), {"I-08"}),
    "a line of another contract": (
        "UPDATE collectivites_budget SET siret = '21350999500014' WHERE collectivite_id = {bourg};"
        "INSERT INTO collectivites_budget (collectivite_id, siret, code, name)"
        " VALUES ({bourg}, '21350001600011', '02', 'x');"
        "UPDATE reconciliation_depositedfile SET budget_id = (SELECT id FROM collectivites_budget"
        " WHERE code = '02') WHERE id = {file}",
        {"I-23", "I-33", "I-41"},
    ),
    "an absence of which nobody was told": (
        delete_cases("absent_from_file"),
        {"I-30"},
    ),
    "a total that its lines do not make": (
        "UPDATE reconciliation_depositedfile SET total_cents = total_cents + 1",
        {"I-38"},
    ),
    "a line too many": ("UPDATE reconciliation_depositedfile SET count = count - 1", {"I-38"}),
    "one file taken twice": (
        "DROP INDEX reconciliation_file_once;"
        "INSERT INTO reconciliation_depositedfile (collectivite_id, kind, digest, name, content, entity, budget_id,"
        " contracts, covers_from, covers_to, count, total_cents, left_out, deposited_by_id, deposited_at)"
        " SELECT collectivite_id, kind, digest, name, content, entity, budget_id, contracts, covers_from, covers_to,"
        " count, total_cents, left_out, deposited_by_id, deposited_at FROM reconciliation_depositedfile",
        {"I-38"},
    ),
    "a file of other bytes": (
        "ALTER TABLE reconciliation_depositedfile DROP CONSTRAINT reconciliation_depositedfile_is_its_digest;"
        "UPDATE reconciliation_depositedfile SET content = 'x'",
        {"I-38"},
    ),
    "a confirmed file forgotten": (
        "DELETE FROM agenda_effect WHERE kind = 'confirm_file'",
        {"I-38"},
    ),
    # remises
    "a line that leaves its payment provisional": (
        "UPDATE payments_attempt SET is_provisional = true WHERE id = {answered}",
        {"I-06", "I-08", "I-14"},
    ),
    "a line of another transaction than it settled": (
        "UPDATE reconciliation_filedline SET transaction = '7' WHERE attempt_id = {found} AND result = 'confirmed'",
        {"I-08"},
    ),
    "one transaction that paid two attempts": (
        "UPDATE reconciliation_filedline SET transaction = (SELECT transaction FROM reconciliation_filedline"
        " WHERE attempt_id = {found} AND result = 'confirmed') WHERE attempt_id = {answered} AND kind = 'payment'",
        {"I-08"},
    ),
    "a second transaction without a case": (
        "DELETE FROM cases_caseevent WHERE case_id IN (SELECT id FROM cases_case WHERE collectivite_id = {roche}"
        " AND kind = 'double_payment'); DELETE FROM cases_case WHERE collectivite_id = {roche}"
        " AND kind = 'double_payment'",
        {"I-08"},
    ),
    "a refund of which nobody was told": (
        "DELETE FROM cases_caseevent WHERE case_id IN (SELECT id FROM cases_case WHERE collectivite_id = {roche}"
        " AND kind = 'contradiction'); DELETE FROM cases_case WHERE collectivite_id = {roche}"
        " AND kind = 'contradiction'",
        {"I-08"},
    ),
    "an answer that no remise bears out": (
        "DELETE FROM cases_caseevent WHERE case_id IN (SELECT id FROM cases_case WHERE subject_id = {unfiled}"
        " AND kind = 'absent_from_file'); DELETE FROM cases_case WHERE subject_id = {unfiled}"
        " AND kind = 'absent_from_file'",
        {"I-30"},
    ),
    "a line of a contract that its file does not name": (
        "UPDATE reconciliation_depositedfile SET contracts = '3141592-02' WHERE id = {remises}",
        {"I-23"},
    ),
    "a line of another rank than its payment": (
        "UPDATE reconciliation_filedline SET contract = '3141592-02' WHERE attempt_id = {found}",
        {"I-23"},
    ),
    "a refund counted as paid": (
        "UPDATE reconciliation_filedline SET kind = 'payment', result = 'other_amount' WHERE kind = 'refund';"
        "DELETE FROM cases_caseevent WHERE case_id IN (SELECT id FROM cases_case WHERE collectivite_id = {roche}"
        " AND kind = 'contradiction'); DELETE FROM cases_case WHERE collectivite_id = {roche}"
        " AND kind = 'contradiction'",
        {"I-08", "I-38"},
    ),
    "a line that may be altered": ("GRANT UPDATE ON reconciliation_filedline TO regal_app", {"I-11"}),
    "a card number in a file's name": (
        "UPDATE reconciliation_depositedfile SET name = '4111 1111 1111 1111.xml'",
        {"I-36"},
    ),
    # signatures
    "a provisional payment that says it is confirmed": (
        "UPDATE payments_attempt SET is_provisional = false WHERE id = {provisional}",
        {"I-14"},
    ),
    "a payment confirmed by nobody": (
        "UPDATE payments_attempt SET is_provisional = true WHERE id = {answered_by_direct}",
        {"I-06", "I-14"},
    ),
    "a provisional payment of which nobody was told": (delete_cases("not_confirmed"), {"I-06"}),
    "a settlement by what the browser brought": (
        "UPDATE payments_evidence SET source = 'return' WHERE id = {provisional_proof}",
        {"I-06"},
    ),
    "a settlement by what came to the address that its payer knows": (
        "UPDATE payments_inboxmessage SET attempt_id = {provisional} WHERE id = (SELECT message_id"
        " FROM payments_evidence WHERE id = {provisional_proof})",
        {"I-06"},
    ),
    "an answer that names nothing under our reference": (
        "UPDATE payments_evidence SET facts = facts - 'reference' WHERE attempt_id = {named_by_direct}",
        {"I-06"},
    ),
    "an answer that names another call under our reference": (
        "UPDATE payments_evidence SET facts = jsonb_set(facts, ARRAY['call'], to_jsonb('7'::text))"
        " WHERE attempt_id = {named_by_direct} AND source = 'inquiry' AND facts ? 'reference'",
        {"I-06"},
    ),
    "an answer about what anybody could have named": (
        "UPDATE payments_inboxmessage SET attempt_id = {answered_by_direct} WHERE id IN (SELECT message_id"
        " FROM payments_evidence WHERE attempt_id = {answered_by_direct})",
        {"I-06"},
    ),
    "a signed payment of six years ago": (
        "UPDATE payments_settlement SET occurred_at = occurred_at - interval '6 years'"
        " WHERE attempt_id = {answered_by_direct}",
        {"I-02", "I-06", "I-13"},
    ),
    "a settlement signed where nothing is signed": (
        "UPDATE payments_settlement SET rank = 1 WHERE attempt_id = {paid};"
        "UPDATE payments_evidence SET rank = 1 WHERE id = {proof}",
        {"I-06", "I-19", "I-22"},
    ),
    "an answer about what was never signed": (
        "UPDATE payments_evidence SET verdict = 'repeated' WHERE attempt_id = {answered_by_direct} AND rank = 1",
        {"I-05", "I-06"},
    ),
    "a settlement of another transaction than its proof": (
        "UPDATE payments_settlement SET transaction = '7' WHERE attempt_id = {provisional}",
        {"I-05"},
    ),
    "one transaction that settled twice": (
        "DROP INDEX payments_settlement_transaction;"
        "UPDATE payments_settlement SET transaction = (SELECT transaction FROM payments_settlement"
        " WHERE attempt_id = {provisional}) WHERE attempt_id = {confirmed}",
        {"I-05", "I-09"},
    ),
    "a signed payment without authorisation": (
        "UPDATE payments_evidence SET facts = facts - 'authorisation' WHERE id = {provisional_proof}",
        {"I-22"},
    ),
    "a test authorisation that settled in production": (
        "UPDATE payments_evidence SET facts = jsonb_set(facts, ARRAY['authorisation'], to_jsonb('XXXXXX'::text))"
        " WHERE id = {provisional_proof}",
        {"I-22"},
    ),
    "a signature that came a month later": (
        "UPDATE payments_evidence SET received_at = received_at + interval '30 days' WHERE id = {provisional_proof}",
        {"I-22"},
    ),
    "a reference that can be guessed": (
        "UPDATE payments_attempt SET reference = debt_reference || '-1' WHERE id = {provisional}",
        {"I-22"},
    ),
    "a payer of Paybox whom nobody watches": (
        "DELETE FROM agenda_effect WHERE kind = 'presume_silent' AND subject_id = {provisional}",
        {"I-25"},
    ),
    "a titre held by a payment that is paid": (
        "UPDATE titres_titre SET held_by = {provisional}, held_until = now() WHERE id = (SELECT titre_id"
        " FROM payments_attempt WHERE id = {provisional})",
        {"I-14"},
    ),
    # rights
    "a role given behind our back": ("UPDATE people_membership SET role = 'administrator'", {"I-33"}),
    "a membership that nobody gave": (
        "INSERT INTO people_membership (collectivite_id, user_id, role) VALUES ({next_town}, {agent}, 'agent')",
        {"I-33"},
    ),
    "a membership back after its removal": (
        "INSERT INTO audit_auditentry (collectivite_id, action, subject, at)"
        " VALUES ({town}, 'remove_member', 'user {agent}', now())",
        {"I-33"},
    ),
    **{
        f"a {kind} that nobody made": (
            f"DELETE FROM audit_auditentry WHERE collectivite_id = {{town}} AND subject LIKE '{kind} %'",
            {"I-33"},
        )
        for kind in ("budget", "regie", "origin", "invitation")
    },
    **{
        f"a {kind} that nobody made": (
            f"DELETE FROM audit_auditentry WHERE collectivite_id = {{town}} AND subject LIKE '{kind} %'",
            {"I-33", "I-34"},  # some are in production
        )
        for kind in ("account", "product")
    },
    "a visit that nobody opened": (
        "DELETE FROM audit_letter; DELETE FROM audit_auditentry WHERE subject = 'visit {visit}'",
        {"I-33"},
    ),
    "a visit longer than told": (
        "DELETE FROM audit_auditentry WHERE action = 'close_visit' AND subject = 'visit {visit}'",
        {"I-33"},
    ),
    # secrets and text
    "a secret in clear": ("UPDATE collectivites_accountsecret SET sealed = 'motdepasse'", {"I-35"}),
    "a secret under a key that is gone": (
        "UPDATE collectivites_accountsecret SET key_version = 'gone', sealed = replace(sealed, 'live', 'gone')",
        {"I-35"},
    ),
    "a second factor in clear": ('UPDATE mfa_authenticator SET data = \'{{"secret": "JBSWY3DP"}}\'', {"I-35"}),
    "a card number in an operator's reason": (
        "UPDATE people_visit SET reason = 'carte 4111 1111 1111 1111' WHERE id = {visit}",
        {"I-36"},
    ),
    "a card number in a reason": (
        "UPDATE cases_case SET reason = 'carte 4111 1111 1111 1111' WHERE id = {twice};"
        "UPDATE cases_caseevent SET text = 'carte 4111 1111 1111 1111' WHERE case_id = {twice} AND step = 'closed'",
        {"I-36"},
    ),
    "a card number in a note": (
        "UPDATE cases_caseevent SET text = 'carte 4111 1111 1111 1111' WHERE step = 'noted'",
        {"I-36"},
    ),
    "a card number in a label": (
        "UPDATE payments_attempt SET label = '4111-1111-1111-1111' WHERE id = {silent}",
        {"I-36"},
    ),
    "a card number in evidence": (
        'UPDATE payments_evidence SET facts = facts || \'{{"note": "5555555555554444"}}\' WHERE id = {proof}',
        {"I-36"},
    ),
    "a batch of notices that nobody goes on with": (
        "DELETE FROM agenda_effect WHERE kind = 'make_notice_batch' AND subject_id = {notices_going_on}",
        {"I-37"},
    ),
    "a batch of notices done without its effect's end": (
        "UPDATE agenda_effect SET done_at = due_at WHERE kind = 'make_notice_batch'",
        {"I-37"},
    ),
    "a batch of notices that says too many": (
        "UPDATE notices_noticebatch SET notices = 4, left_out = '{{}}' WHERE id = {notices_made}",
        {"I-37"},
    ),
    "a titre that no count of its batch holds": (
        "UPDATE notices_noticebatch SET left_out = '{{}}' WHERE id = {notices_made}",
        {"I-37"},
    ),
    "a titre slipped into a batch of notices": (
        "UPDATE notices_noticebatch SET titres = titres || 5::bigint WHERE id = {notices_made}",
        {"I-37"},
    ),
    "a file of notices that is gone too early": (
        "DELETE FROM notices_noticepiece WHERE batch_id = {notices_made} AND number = 2",
        {"I-37"},
    ),
    "a file of notices that holds a titre twice": (
        "UPDATE notices_noticepiece SET first = 1 WHERE batch_id = {notices_made} AND number = 2",
        {"I-37"},
    ),
    "a file of notices kept too long": (
        "UPDATE notices_noticepiece SET made_at = made_at - interval '7 days' WHERE batch_id = {notices_made}",
        {"I-37"},
    ),
    "a debtor named long after the end": (
        "UPDATE titres_titre SET exercice = 2014, issued_on = '2014-11-24' WHERE id = {ended_lately};"
        "UPDATE titres_titreevent SET recorded_at = '2015-11-24T09:00Z' WHERE titre_id = {ended_lately}",
        {"I-37"},
    ),
    "a debtor whose name went before the end": (
        "DELETE FROM titres_debtor WHERE titre_id = {due_for_long};"
        "INSERT INTO titres_titreevent (collectivite_id, titre_id, number, event, from_state, to_state, reason,"
        " payer_note, recorded_at)"
        " SELECT collectivite_id, {due_for_long}, 3, event, 'open', 'open', '', '', recorded_at"
        " FROM titres_titreevent WHERE titre_id = {name_gone} AND event = 'name_erased';"
        "UPDATE audit_auditentry SET after = '{{\"names\": 4}}' WHERE action = 'erase_names'"
        " AND subject = 'names of titres' AND collectivite_id = {jadis}",
        {"I-37"},
    ),
    "a debtor whose name went too early": (
        "UPDATE titres_titreevent SET recorded_at = '2015-12-01T09:00Z'"
        " WHERE titre_id = {name_gone} AND event = 'name_erased';"
        "UPDATE audit_auditentry SET at = '2015-12-01T09:00Z' WHERE action = 'erase_names'"
        " AND subject = 'names of titres' AND collectivite_id = {jadis}",
        {"I-37"},
    ),
    "an erased debtor who is named again": (
        "INSERT INTO titres_debtor (collectivite_id, titre_id, name, address)"
        " VALUES ({jadis}, {name_gone}, 'Mme Leroy', '[]')",
        {"I-37"},
    ),
    "names of which the audit does not say that they went": (
        "DELETE FROM audit_auditentry WHERE action = 'erase_names' AND collectivite_id = {jadis}",
        {"I-37"},
    ),
    "a quittance that still names somebody": (
        "UPDATE receipts_quittanceperson SET name = 'Mme Leroy', erased_at = NULL"
        " WHERE quittance_id = {quittance_of_nobody};"
        "DELETE FROM audit_auditentry WHERE action = 'erase_names' AND subject = 'names of quittances'",
        {"I-37"},
    ),
    "a quittance whose names went too early": (
        "UPDATE receipts_quittanceperson SET name = '', erased_at = '2026-12-01T09:00Z'"
        " WHERE quittance_id = {quittance_of_somebody};"
        "INSERT INTO audit_auditentry (collectivite_id, action, subject, after, at) VALUES"
        " ({jadis}, 'erase_names', 'names of quittances', '{{\"names\": 1}}', '2026-12-01T09:00Z')",
        {"I-37"},
    ),
    "a quittance that names somebody beside its mark": (
        "INSERT INTO receipts_quittanceperson (collectivite_id, quittance_id, place, name, address, postcode, city)"
        " VALUES ({jadis}, {quittance_of_nobody}, 1, 'Mme Leroy', '[]', '', '')",
        {"I-37"},
    ),
    "a voucher that still names somebody": (
        "INSERT INTO payments_counterperson (collectivite_id, receipt_id, drawer, label)"
        " VALUES ({jadis}, {voucher_of_nobody}, 'M. Leroy', '')",
        {"I-37"},
    ),
    "a migration undone": (
        "DELETE FROM django_migrations WHERE app = 'payments' AND name = '0002_walls'",
        {"I-40"},
    ),
    "a migration of another code": (
        "INSERT INTO django_migrations (app, name, applied) VALUES ('payments', '0999_future', now())",
        {"I-40"},
    ),
}


class TestVerify:
    def test_finds_nothing_in_a_sound_base(self, world):
        assert broken(world) == {}

    @pytest.mark.parametrize("what", TAMPERINGS)
    def test_sees(self, world, what):
        statements, expected = TAMPERINGS[what]
        assert set(broken(world, statements)) == expected, broken(world, statements)

    def test_tries_every_invariant(self):
        assert {invariant.id for invariant in INVARIANTS} == set().union(*(seen for _, seen in TAMPERINGS.values()))

    @pytest.mark.parametrize(
        "statement",
        [
            "ALTER ROLE regal_app BYPASSRLS",
            "ALTER ROLE regal_verify SUPERUSER",
            "GRANT regal_owner TO regal_app",
            "GRANT regal_finder TO regal_app",
            "ALTER TABLE payments_payer OWNER TO regal_app",
        ],
    )
    def test_sees_powers_given_by_a_superuser(self, world, embedded_server, statement):
        class AsSuperuser(Snapshot):
            def ask(self, sql: str) -> list[tuple[Any, ...]]:
                return list(connection.execute(sql, self.parameters).fetchall())

        (walls,) = (invariant for invariant in INVARIANTS if invariant.id == "I-32")
        with embedded_server._as_superuser(connections["owner"].settings_dict["NAME"]) as connection:
            snapshot = AsSuperuser(using="", now=NOW, parameters=operations._parameters(NOW))
            connection.execute("BEGIN")
            assert list(walls.broken_rows(snapshot)) == []
            connection.execute(statement)
            found = list(walls.broken_rows(snapshot))
            connection.execute("ROLLBACK")
        assert found

    def test_says_nothing_of_waiting_messages_while_no_worker_is_alive(self, world):
        no_worker = "DELETE FROM procrastinate_workers;"
        for what in ("a message that waits", "work that waits"):
            assert broken(world, no_worker + TAMPERINGS[what][0]) == {}

    def test_asks_no_more_about_a_refusal_whose_days_are_over(self, world):
        refused, _ = TAMPERINGS["a refusal about which nobody asked again"]
        given_up = "UPDATE agenda_watch SET closed_at = created_at + interval '7 days' WHERE attempt_id = {turned_down}"
        assert broken(world, f"{refused};{given_up}") == {}

    def test_lets_a_question_take_its_time(self, world):
        """Its account was silent for a while, and is asked again at this instant."""
        being_asked = (
            f"UPDATE agenda_watch SET asked_at = '{NOW - timedelta(minutes=8)}',"
            f" due_at = '{NOW + timedelta(minutes=2)}', leased_until = '{NOW + timedelta(minutes=2)}'"
            " WHERE attempt_id = {waiting}"
        )
        assert broken(world, being_asked) == {}

    def test_gives_people_the_next_working_day_to_look(self, world):
        """Opened on Tuesday 24 November: Wednesday is theirs; in December, Christmas and a week-end are not counted."""
        (look,) = (invariant for invariant in INVARIANTS if invariant.id == "I-31")
        for opened, moment, is_late in (
            ("2026-11-24T09:00+01:00", "2026-11-25T23:59+01:00", False),
            ("2026-11-24T09:00+01:00", "2026-11-26T00:00+01:00", True),
            ("2026-12-24T09:00+01:00", "2026-12-28T23:59+01:00", False),
            ("2026-12-24T09:00+01:00", "2026-12-29T00:00+01:00", True),
        ):
            unseen = TAMPERINGS["a case that nobody looked at"][0]
            unseen += f"; UPDATE cases_case SET opened_at = '{opened}' WHERE id = {{contrary}}"
            with tampered(unseen, world):
                now = datetime.fromisoformat(moment)
                snapshot = Snapshot(using="owner", now=now, parameters=operations._parameters(now))
                assert bool(list(look.broken_rows(snapshot))) is is_late

    def test_gives_evidence_until_six_in_the_morning_to_be_named(self, world):
        statements = "DELETE FROM journal_entry WHERE kind = 'seal' AND collectivite_id = {town};" + (
            "UPDATE journal_head SET number = 2, hash = (SELECT hash FROM journal_entry WHERE collectivite_id = {town}"
            " AND number = 2) WHERE collectivite_id = {town}"
        )
        (books,) = (invariant for invariant in INVARIANTS if invariant.id == "I-11")
        with tampered(statements, world):
            for moment, is_broken in ((cast.later(hours=20, minutes=59), False), (cast.later(hours=21), True)):
                snapshot = Snapshot(using="owner", now=moment, parameters=operations._parameters(moment))
                assert bool(list(books.broken_rows(snapshot))) is is_broken

    def test_reads_through_a_role_and_a_transaction_that_cannot_write(self, world, monkeypatch):
        seen = []

        def look(snapshot: Snapshot) -> Iterator[tuple[None, str]]:
            seen.extend(
                snapshot.ask(
                    "SELECT current_user, current_setting('transaction_read_only'),"
                    " current_setting('transaction_isolation')"
                )
            )
            yield from ()

        report = operations.verify(now=NOW, invariants=[dataclasses.replace(INVARIANTS[0], questions=(look,))])
        assert seen == [("regal_verify", "on", "repeatable read")]
        assert report.broken == ()
        assert report.invariants == 1
        assert report.rows > 50


class TestCommand:
    def test_counts_and_exits_with_zero_when_all_is_sound(self, committed_db):
        cast.make_saint_aubin()
        said = io.StringIO()
        call_command("verify", stdout=said)
        (line,) = said.getvalue().splitlines()
        assert line.startswith(f"{len(INVARIANTS)} invariants, ")
        assert line.endswith(" : 0 anomalie(s)")

    def test_prints_one_line_per_broken_row_and_exits_with_one(self, committed_db):
        town = cast.make_saint_aubin()
        attempt = cast.start(town).attempt
        with connections["owner"].cursor() as cursor:
            cursor.execute("UPDATE payments_attempt SET status = 'open', announced = 'paid'")
        said = io.StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("verify", stdout=said)
        assert ended.value.code == 1
        *rows, total = said.getvalue().splitlines()
        assert all(f"collectivité {town.collectivite.pk} attempt {attempt.pk}" in row for row in rows)
        assert {row.split()[0] for row in rows} == {"I-14"}
        assert total.endswith(f" : {len(rows)} anomalie(s)")

    def test_says_what_people_left_undone_and_does_not_fail(self, committed_db):
        """A person who is late breaks nothing: whoever restarts servers on a red light must not be woken by it."""
        town = cast.make_saint_aubin()
        with tenant(town.collectivite):
            case = open_case(
                collectivite_id=town.collectivite.pk,
                kind=Kind.AMBIGUOUS_LINE,
                subject_kind="deposited_file",
                subject_id=1,
                rule="test",
                facts={},
                now=datetime(2026, 4, 2, 8, 0, tzinfo=UTC),
            )
        said = io.StringIO()
        call_command("verify", stdout=said)
        late, total = said.getvalue().splitlines()
        assert late == f"en retard : I-31 collectivité {town.collectivite.pk} case {case.pk}: nobody has looked at it"
        assert total.endswith(" : 0 anomalie(s)")

    def test_speaks_json(self, committed_db):
        town = cast.make_saint_aubin()
        attempt = cast.start(town).attempt
        with connections["owner"].cursor() as cursor:
            cursor.execute("UPDATE payments_attempt SET status = 'open'")
        said = io.StringIO()
        with pytest.raises(SystemExit):
            call_command("verify", "--json", stdout=said)
        answer = json.loads(said.getvalue())
        assert answer["invariants"] == len(INVARIANTS)
        assert answer["broken"][0]["collectivite_id"] == town.collectivite.pk
        assert f"attempt {attempt.pk}" in answer["broken"][0]["key"]
        assert cast.MME_LEROY not in said.getvalue()
