"""A history at Paybox, with Direct or without: what its payers do there, what befalls its calls, and what it collected.

The régisseur deposits the file of each remise, on some morning, sometimes twice: without Direct nothing else confirms.
"""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from django.test import override_settings

from regal.cases.models import Case
from regal.cases.models import Kind as CaseKind
from regal.collectivites.operations import keep_secret
from regal.gateways.base import DebtKind, Environment, Message, PostForm
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.lib.vault import Secret, new_master_key
from regal.payments.departure import Departure
from regal.payments.models import Attempt, InboxMessage, Settlement
from regal.payments.operations import receive, receive_for_account
from regal.payments.queries import account_by_notification_token
from regal.payments.states import State
from regal.reconciliation import operations as reconciliation
from regal.reconciliation.refusals import AlreadyDeposited
from regal_sandbox.paybox_merchants import find_merchant
from regal_sandbox.paybox_payment import Payment, find_payment_by_token
from regal_sandbox.paybox_payments import Typed, decide, open_payment, see
from regal_sandbox.paybox_remises import list_remises, remise_file
from regal_sandbox.paybox_requests import Fields, Refused, check_request
from regal_sandbox.paybox_ways_back import way_back
from regal_sandbox.settings import read_settings, write_settings
from tests import cast
from tests.simulation.history import Disagreement, History, Payer
from tests.simulation.world import FORM, Post, World, sandbox

ADDRESS = "https://paybox.example/"
BACKUP = f"{ADDRESS}secours/"
HMAC = "0F1E2D3C4B5A6978" * 8
DIRECT = "S3CRET"
RANK = "01"


@contextmanager
def speaking_to_the_sandbox() -> Iterator[None]:
    """Paybox is the sandbox, for the whole installation."""
    with override_settings(
        SECRET_KEYS=f"k1:{new_master_key()}",
        PAYBOX_URL=ADDRESS,
        PAYBOX_BACKUP_URL=BACKUP,
        PAYBOX_DIRECT_URL=ADDRESS,
        PAYBOX_DIRECT_BACKUP_URL=BACKUP,
        PAYBOX_PUBLIC_KEY=sandbox().paybox_public_key,
    ):
        yield


class PayboxPost(Post):
    """Of the odd ones, some are truly signed: for one euro, or by the test platform for the right amount."""

    ways = ("late", "twice", "altered", "wrongly_signed", "other_amount", "other_reference", "test_platform")

    def made_of(self, body: bytes, way: str) -> tuple[bytes, ...]:
        text = body.decode("ascii")
        if way == "altered":
            return (text.replace("Mt=", "Mt=1").encode(), body)
        if way == "wrongly_signed":
            return (text.replace("Sign=", "Sign=A").encode(), body)
        if way == "other_amount":
            return (self._forge(text, Mt="100", Auto="123456"), body)
        if way == "other_reference":
            return (self._forge(text, Ref="AAAAAAAAAAAAAAAAAAAAAA"), body)
        if way == "test_platform":
            return (self._forge(text, Auto="XXXXXX"), body)
        return super().made_of(body, way)

    def _forge(self, text: str, **told: str) -> bytes:
        """Whoever pays elsewhere with this reference gets this, signed by the one key of all merchants."""
        said = dict(parse_qsl(text))
        numbers = {name: str(self._draw.randrange(10**9)) for name in ("Trans", "Appel")}
        fields = {
            name: said.get(name, "") for name in ("Mt", "Ref", "Auto", "Erreur", "Trans", "Appel", "Date", "Heure")
        }
        fields |= numbers | {"Erreur": "00000"} | told
        variables = "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())
        return sandbox().paybox_forge(variables).encode()


class PayboxWorld(World):
    """Paybox's page, and Direct where the contract has it.

    One account in two has its address in Paybox's back office; of the others, what nobody can ask waits for the remise.
    """

    def __init__(self, *, seed: int, amounts: Sequence[Money], direct: bool, has_address: bool | None = None) -> None:
        super().__init__(seed=seed, post=PayboxPost)
        self.site = f"{3_000_000 + seed % 6_000_000}"
        self.merchant = f"{self.site}-{RANK}-{seed + 1}"
        drawn = self.draw.random() < 1 / 2
        has_address = drawn if has_address is None else has_address
        self.product = cast.make_product(
            self.town,
            DebtKind.REGIE,
            slug="restaurant-scolaire",
            numcli=self.merchant,
            gateway="paybox",
            environment=Environment.PRODUCTION,
            reference_form={"pattern": "FC#{6}"},
            options={"notified_in_back_office": True} if has_address else {},
        )
        self.account = self.product.account
        merchant: dict[str, Any] = {
            "site": self.site,
            "rank": int(RANK),
            "identifier": f"{seed + 1}",
            "hmac_key": HMAC,
            "mode": "production",
            "direct_key": DIRECT if direct else "",
            "options": {"direct": direct, "most_tries": 5},
        }
        with tenant(self.town.collectivite):
            keep_secret(account=self.account, name="hmac", value=Secret.of_text(HMAC))
            if direct:
                keep_secret(account=self.account, name="direct", value=Secret.of_text(DIRECT))
            if has_address:
                token = tokens.new_token()
                self.account.notification_digest = tokens.digest(token)
                self.account.save(update_fields=["notification_digest"])
                address = f"https://payer.example/s/p/{self.town.collectivite.pk}/{token}"
                merchant["addresses"] = {"notified": address}
        self.forget_and_know(seed=seed, clients=[], merchants=[merchant])
        self.owe(*amounts)

    @property
    def asleep(self) -> str:
        """The host that does not answer: main, backup, both or none."""
        with self.sandbox.world.store.transaction() as db:
            return read_settings(db).paybox_asleep

    def fall_asleep(self, which: str) -> None:
        with self.sandbox.world.store.transaction() as db:
            write_settings(db, replace(read_settings(db), paybox_asleep=which))

    def keep_call(self, url: str, body: bytes) -> InboxMessage:
        """Paybox calls an attempt's own address, or the account's."""
        path = urlsplit(url).path
        if not path.startswith("/s/p/"):
            return super().keep_call(url, body)
        collectivite_id, _, token = path.removeprefix("/s/p/").partition("/")
        message = Message(method="POST", query=b"", body=body, content_type=FORM, received_at=self.clock())
        with tenant(int(collectivite_id)):
            account = account_by_notification_token(collectivite_id=int(collectivite_id), token=token, now=self.clock())
            if account is None:
                raise AssertionError("Paybox calls an address that we did not give")
            return receive_for_account(account=account, message=message, now=self.clock())

    def come_back(self, attempt: Attempt, address: str) -> None:
        """The payer's browser brings what Paybox's page gave it."""
        self.may_die(lambda: self.keep_return(attempt, address), who="guichet")

    def keep_return(self, attempt: Attempt, address: str) -> InboxMessage:
        """Store what it brought."""
        query = urlsplit(address).query.encode("ascii")
        message = Message(method="GET", query=query, body=b"", content_type="", received_at=self.clock())
        with tenant(self.town.collectivite):
            return receive(attempt=attempt, message=message, channel=InboxMessage.Channel.RETURN, now=self.clock())


class PayboxHistory(History):
    direct = False
    world: PayboxWorld

    def __init__(self, *, seed: int, loss: float | None = None) -> None:
        amounts = itertools.islice(itertools.count(8_470, 1_130), 1 + seed // 3 % 2)
        super().__init__(world=PayboxWorld(seed=seed, amounts=[*map(Money, amounts)], direct=self.direct), loss=loss)
        self._deposited: set[int] = set()

    def begin(self) -> None:
        self.accident(self._host_sleeps, longest=40)
        if self.direct:
            self.accident(self._direct_is_away, longest=90)

    def arrive(self, payer: Payer, departure: Departure, *, tries: int) -> None:
        form, world = departure.hand_off, self.world
        assert isinstance(form, PostForm)
        backup = form.url.startswith(BACKUP)
        if world.asleep in ("both", "backup" if backup else "main"):
            world.note(f"{payer.name} finds no page")
            self.come_again(payer, (1, 10), tries=tries)
            return
        raw = urlencode(form.fields).encode()
        store = world.sandbox.world
        with store.store.transaction() as db:
            try:
                request = check_request(Fields.read(raw), db=db, now=store.now())
                payment = open_payment(store, db, request, raw=raw, entry="/php/", backup=backup)
            except Refused as refused:
                raise Disagreement(f"Paybox refuses our form: {refused.rule} {refused.detail}") from refused
        self.in_(payer.thinks, lambda: self._decide(payer, departure, payment.token, tries=tries))

    def _decide(self, payer: Payer, departure: Departure, token: str, *, tries: int) -> None:
        decision = payer.decision(tries)
        if decision == "fermer":
            self.world.note(f"{payer.name} closes the tab")
            self.come_again(payer, (3, 20, 50), tries=tries)
            return
        if decision == "payer" and self._draw.random() < 0.1:
            decision = "attendre"
        payment = self._press(token, decision)
        self.world.note(f"{payer.name} at Paybox: {decision}, {payment.state} {payment.code}")
        is_called_first = self._draw.random() < 0.5
        if is_called_first:
            self.world.sandbox.deliver_due()
        if not payment.is_ended:  # refused, and he may try again on the same page
            if tries < payer.patience and self._draw.random() < 0.6:
                again = self._draw.choice((0.5, 4, 9))
                self.in_(again, lambda: self._decide(payer, departure, token, tries=tries + 1))
                return
            payment = self._press(token, "abandonner")
        self._leave_paybox(payer, departure, payment, tries=tries)

    def _press(self, token: str, decision: str) -> Payment:
        """What he does at each step, until his card was tried."""
        world = self.world.sandbox.world
        with world.store.transaction() as db:
            payment = see(world, db, find_payment_by_token(db, token))
            for _ in range(4):
                step = {"arrived": "continuer", "choice": "CB", "secure": "valider"}.get(payment.state)
                if payment.is_ended:
                    break
                payment = decide(world, db, payment, step or decision, Typed())
                if step in (None, "valider") and payment.state != "secure":
                    break
        return payment

    def _leave_paybox(self, payer: Payer, departure: Departure, payment: Payment, *, tries: int) -> None:
        """His browser is sent back, at once, later, or never; then he may begin again."""
        when = self._draw.choice((0, 0, 0.2, 6, None))
        if when is not None:
            self.in_(when, lambda: self._come_back(payer, departure, payment))
        if payment.state in ("refused", "abandoned", "expired"):
            self.come_again(payer, (1, 10, 30), tries=tries)

    def way_back_of(self, payment: Payment) -> str:
        """Where Paybox sends the browser of whoever has ended."""
        world = self.world.sandbox.world
        with world.store.transaction() as db:
            merchant = find_merchant(db, payment.merchant)
            assert merchant is not None
            return way_back(db, world.paybox_key, payment, merchant, now=world.now())

    def _come_back(self, payer: Payer, departure: Departure, payment: Payment) -> None:
        address = self.way_back_of(payment)
        self.world.note(f"{payer.name} comes back: {payment.code}")
        self.world.come_back(departure.attempt, address)

    def _host_sleeps(self, minutes: float) -> None:
        which = self._draw.choice(("main", "backup", "both"))
        self.world.fall_asleep(which)
        self.world.befall(f"Paybox asleep: {which}")
        self.in_(minutes, lambda: self.world.fall_asleep(""))

    def _direct_is_away(self, minutes: float) -> None:
        self.world.wire.silent = "/PPPS.php"
        self.world.befall("Direct is away")
        self.in_(minutes, lambda: setattr(self.world.wire, "silent", ""))

    def pass_a_night(self) -> None:
        """The régisseur deposits what has come, or forgets it this morning; once the week is over, everything."""
        world = self.world
        is_last = world.clock() > world.began + timedelta(days=5)
        if self._draw.random() < 0.4 and not is_last:
            return
        world.sandbox.deliver_due()
        with world.sandbox.world.store.transaction() as db:
            files = {one.number: remise_file(db, one) for one in list_remises(db, site=world.site)}
        for number, file in files.items():
            is_again = number in self._deposited
            if is_again and self._draw.random() < 0.7:
                continue
            try:
                self._deposit(file.content, file.name)
            except AlreadyDeposited:
                world.note("a remise is deposited again")
                assert is_again
            else:
                world.note("a remise is deposited")
            self._deposited.add(number)

    def _deposit(self, content: bytes, name: str) -> None:
        collectivite, now = self.world.town.collectivite, self.world.clock()
        with tenant(collectivite):
            file = reconciliation.deposit(
                collectivite=collectivite,
                content=content,
                name=name,
                account_identifier="",
                actor_id=self.world.town.agent.pk,
                now=now,
            )
            assert file.covers_from is not None
            assert file.covers_to is not None
            reconciliation.confirm(
                collectivite=collectivite,
                file_id=file.pk,
                covers_from=file.covers_from,
                covers_to=file.covers_to,
                actor_id=self.world.town.agent.pk,
                now=now,
            )

    def agree_on_payments(self, attempts: Sequence[Attempt]) -> None:
        """Captured is paid, by the same transaction, for the same cents; what the remises say in all, we say."""
        collectivite = self.world.town.collectivite
        captured = {
            payment["reference"]: (f"{made['trans']}", made["captured_cents"])
            for payment in self.world.sandbox.paybox_payments(merchant=self.world.merchant)
            for made in payment["tries"]
            if made["captured"]
        }
        settled = {
            one.attempt.reference: (one.transaction, one.amount.cents)
            for one in Settlement.objects.of(collectivite).filter(receipt__isnull=True).select_related("attempt")
        }
        self.same("captured", settled, captured)
        self.same("paid", {one.reference for one in attempts if one.status == State.PAID}, set(captured))
        self.same("to be confirmed", [one.pk for one in attempts if one.is_provisional], [])
        with self.world.sandbox.world.store.transaction() as db:
            remitted = sum(one.debit_cents for one in list_remises(db, site=self.world.site))
        self.same("remises", sum(cents for _, cents in settled.values()), remitted)
        waiting = Case.objects.of(collectivite).filter(kind=CaseKind.NOT_CONFIRMED, closed_at__isnull=True)
        self.same("cases of what is to be confirmed", waiting.count(), 0)


class PayboxDirectHistory(PayboxHistory):
    direct = True
