"""One act on many debts: nothing before it is confirmed, each by itself, once, and every refusal said."""

import pytest
from django.db import transaction

from regal.audit.models import AuditEntry
from regal.backoffice import pages, titre_groups
from regal.gateways.base import Environment
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.counter import record_receipt
from regal.payments.models import Means, Settlement
from regal.payments.queries import paid_of
from regal.payments.reversing import reverse
from regal.people.models import Role
from regal.titres import operations, refusals
from regal.titres.models import GroupAct, Titre, TitreEvent, TitreGroup, TitreGroupLine
from tests import cast, notices
from tests.cast import MORNING, later

pytestmark = pytest.mark.django_db

LIST = "/saint-aubin/factures/"
NEW = "/saint-aubin/factures/groupe/"


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    monkeypatch.setattr(pages, "clock", lambda: later(hours=1))
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    return cast.make_canteen(town, environment=Environment.PRODUCTION)


@pytest.fixture
def titres(canteen):
    return [cast.make_titre(canteen, reference=f"FC202600010{place}") for place in range(4)]


@pytest.fixture
def paul(bureau, town):
    """Its régisseur, who may act."""
    bureau.force_login(cast.make_agent(town, "paul", Role.REGISSEUR))
    return bureau


def prepare(client, titres, act="suspend", **typed):
    told = {"acte": "preparer", "decision": act, "motif": "Réclamation du quartier", "payeur": ""}
    return client.post(NEW, told | {"choix": [titre.pk for titre in titres]} | typed)


def states(town):
    with tenant(town.collectivite):
        return list(Titre.objects.of(town.collectivite).order_by("pk").values_list("status", flat=True))


def lines(town):
    with tenant(town.collectivite):
        rows = TitreGroupLine.objects.of(town.collectivite).order_by("titre")
        return [(row.titre_id, row.refusal, row.done_at is not None) for row in rows]


class TestPreparing:
    def test_asks_what_to_do_with_what_is_ticked(self, paul, titres):
        page = paul.post(NEW, {"choix": [titres[0].pk, titres[1].pk]})
        assert (page.status_code, page.context["tally"].count) == (200, 2)

    def test_changes_nothing_and_says_line_by_line_what_it_would_do(self, paul, town, titres):
        notices.pay(town, titres[1])
        answer = prepare(paul, titres[:3])
        assert states(town) == ["open"] * 4
        page = paul.get(answer["Location"])
        assert [(line.titre_id, line.refusal) for line in page.context["lines"]] == [
            (titres[1].pk, "R215"),
            (titres[0].pk, ""),
            (titres[2].pk, ""),
        ]
        sums = page.context["sums"]
        assert (sums.good.count, sums.good.amount, sums.refused) == (2, Money(2 * 8_470), 1)

    def test_takes_the_whole_selection_of_the_list(self, paul, town, titres):
        operations.suspend(titre=titres[0], reason="Contestée", now=MORNING)
        told = {"acte": "preparer", "decision": "resume", "motif": "Tout est clair", "tout": "1", "etat": "suspendue"}
        paul.post(NEW, told)
        assert [key for key, _, _ in lines(town)] == [titres[0].pk]

    def test_takes_nothing_at_all_of_a_selection_that_cannot_be_read(self, paul, titres):
        assert paul.post(NEW, {"tout": "1", "etat": "n’importe quoi"}).status_code == 400

    @pytest.mark.parametrize(
        ("typed", "place", "code"),
        [
            ({"decision": ""}, "decision", "R221"),
            ({"motif": ""}, "motif", "R211"),
            ({"payeur": "x" * 201}, "payeur", "R241"),
            ({"decision": "resume", "payeur": "Payez."}, "payeur", "R248"),
        ],
    )
    def test_says_beside_its_field_what_is_missing(self, paul, town, titres, typed, place, code):
        answer = prepare(paul, titres, **({"act": typed.pop("decision")} if "decision" in typed else {}), **typed)
        assert answer.status_code == 422
        assert code in answer.context["form"].errors[place][0]
        assert lines(town) == []

    def test_needs_no_reason_to_issue(self, paul, titres):
        assert prepare(paul, titres, act="issue", motif="").status_code == 303

    def test_refuses_nothing_and_too_much_with_a_remedy(self, paul, titres, monkeypatch):
        assert "R244" in paul.post(NEW, {}).content.decode()
        monkeypatch.setattr("regal.backoffice.titre_bulk.MOST", 3)
        assert "R245" in paul.post(NEW, {"tout": "1"}).content.decode()

    def test_refuses_the_one_whose_name_the_payer_would_read(self, paul, town, titres):
        prepare(paul, titres[:1], payeur="Madame Leroy a déménagé.")
        assert lines(town) == [(titres[0].pk, "R242", False)]

    def test_knows_nothing_of_the_next_town_s(self, paul, town):
        theirs = cast.make_titre(cast.make_canteen(cast.make_next_town(), numcli="350091"))
        assert "R244" in prepare(paul, [theirs]).content.decode()

    def test_foresees_of_every_act_exactly_what_it_would_do(self, paul, town, canteen, titres):
        draft = operations.record_titre(
            product=canteen,
            number="FC2026-000108",
            label="Cantine",
            debtor="M. Petit",
            amount=Money(100),
            issued_on=MORNING.date(),
            now=MORNING,
        )
        operations.suspend(titre=titres[0], reason="Contestée", now=MORNING)
        operations.cancel(titre=titres[1], reason="Saisie en double", paid=paid_of, now=MORNING)
        notices.pay(town, titres[2])
        cast.leave_with(titres[3], key=cast.IDOP.replace("42", "43"), now=later(minutes=59))
        every = [*titres, draft]
        for act in GroupAct:
            with tenant(town.collectivite):
                rows = Titre.objects.of(town.collectivite)
                group = titre_groups.prepare(
                    collectivite=town.collectivite, act=act, reason="Un motif", titres=rows, now=later(hours=1)
                )
                foreseen = {line.titre_id: line.refusal for line in TitreGroupLine.objects.filter(group=group)}
            for titre in every:
                found = ""
                with tenant(town.collectivite):
                    told = {} if act is GroupAct.ISSUE else {"reason": "Un motif"}
                    try:
                        with transaction.atomic():
                            titre_groups.ACTS[act].do(titre=titre, now=later(hours=1), **told)
                            transaction.set_rollback(True)
                    except refusals.Refusal as refusal:
                        found = refusal.code
                assert foreseen[titre.pk] == found, (act, titre.number)


class TestConfirming:
    def test_does_it_to_each_with_its_event_and_its_audit_row(self, paul, town, titres):
        address = prepare(paul, titres[:3], payeur="Appelez la mairie.")["Location"]
        assert paul.post(address).status_code == 303
        assert states(town) == ["suspended"] * 3 + ["open"]
        with tenant(town.collectivite):
            last = TitreEvent.objects.filter(titre=titres[0]).latest("number")
            acts = AuditEntry.objects.of(town.collectivite)
            assert acts.filter(action="suspend_titre").count() == 3
            assert acts.get(action="confirm_titre_group").after == {"act": "suspend", "rows": 3}
        assert (last.reason, last.payer_note) == ("Réclamation du quartier", "Appelez la mairie.")
        assert str(last.by) == "paul"
        assert paul.get(address).context["sums"].done.count == 3

    def test_does_it_once_however_often_it_is_pressed(self, paul, town, titres):
        address = prepare(paul, titres)["Location"]
        paul.post(address)
        answer = paul.post(address, follow=True)
        assert "R246" in answer.content.decode() or "déjà été confirmé" in answer.content.decode()
        with tenant(town.collectivite):
            assert TitreEvent.objects.filter(event="suspended").count() == 4

    def test_leaves_out_what_changed_since_it_was_read_and_says_so(self, paul, town, titres):
        address = prepare(paul, titres[:3], act="cancel")["Location"]
        cast.reduce(titres[0], now=later(minutes=30))
        notices.pay(town, titres[1])
        paul.post(address)
        assert [refusal for _, refusal, _ in lines(town)] == ["R220", "R220", ""]
        assert states(town) == ["open", "open", "cancelled", "open"]
        assert paul.get(address).context["sums"].changed == 2

    def test_leaves_out_what_money_taken_back_has_reopened(self, paul, town, canteen, titres):
        with tenant(town.collectivite):
            canteen.partial_payment = True
            canteen.save(update_fields=["partial_payment"])
        receipt = record_receipt(
            titre=titres[0],
            means=Means.CASH,
            amount=Money(3_000),
            received_on=MORNING.date(),
            form_token="form",
            now=later(minutes=10),
        )
        address = prepare(paul, titres[:1], act="write_off")["Location"]
        with tenant(town.collectivite):
            settlement = Settlement.objects.get(receipt=receipt)
        reverse(settlement=settlement, cause="typing_error", reason="Tapé deux fois", now=later(minutes=20))
        paul.post(address)
        assert [refusal for _, refusal, _ in lines(town)] == ["R220"]

    def test_takes_no_number_that_no_database_holds(self, paul):
        assert paul.post(NEW, {"choix": ["9" * 5_000]}).status_code == 422

    def test_of_many_is_a_worker_s_in_parts_that_are_each_done_once(self, paul, town, titres, monkeypatch):
        monkeypatch.setattr(titre_groups, "AT_ONCE", 2)
        address = prepare(paul, titres[:3])["Location"]
        paul.post(address)
        assert paul.get(address).context["sums"].waiting == 3
        assert notices.run_due(later(hours=2)) >= 2
        assert states(town) == ["suspended"] * 3 + ["open"]
        with tenant(town.collectivite):
            for line in TitreGroupLine.objects.all():
                titre_groups.carry_out(town.collectivite.pk, line.pk, later(hours=3))
            assert TitreEvent.objects.filter(event="suspended").count() == 3

    def test_is_for_those_who_may_act(self, bureau, town, titres):
        with tenant(town.collectivite):
            group = titre_groups.prepare(
                collectivite=town.collectivite,
                act=GroupAct.CANCEL,
                reason="Un motif",
                titres=Titre.objects.of(town.collectivite),
                now=MORNING,
            )
        bureau.force_login(town.agent)
        assert bureau.get(f"{NEW}{group.pk}/").status_code == 200
        assert bureau.post(f"{NEW}{group.pk}/").status_code == 403
        with tenant(town.collectivite):
            assert TitreGroup.objects.get(pk=group.pk).confirmed_at is None


class TestList:
    def test_offers_boxes_to_those_who_may_act(self, paul, bureau, town, titres):
        assert paul.get(LIST).content.decode().count('name="choix"') == 4
        bureau.force_login(town.agent)
        assert 'name="choix"' not in bureau.get(LIST).content.decode()

    def test_keeps_its_filters_for_the_whole_selection(self, paul, titres):
        page = paul.get(f"{LIST}?etat=a-payer").content.decode()
        assert '<input type="hidden" name="etat" value="a-payer">' in page
