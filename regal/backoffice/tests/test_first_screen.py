"""The first screen: what came in, what is announced and how old, what waits; test money nowhere."""

import re
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from regal.backoffice import pages
from regal.backoffice.charts import chart_of
from regal.backoffice.first_screen import CameIn, first_screen
from regal.backoffice.queries import Tally
from regal.cases.models import Kind
from regal.cases.operations import open_case
from regal.gateways.base import DebtKind, Environment, Rank
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from tests import cast, notices
from tests.cast import MORNING, later

pytestmark = pytest.mark.django_db

FIRST = "/saint-aubin/"


@pytest.fixture
def town():
    return cast.make_town(
        slug="saint-aubin",
        name="Saint-Aubin",
        numcli="006382",
        agent="nadia",
        origin="https://saint-aubin.example",
        environment=Environment.PRODUCTION,
    )


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    monkeypatch.setattr(pages, "clock", lambda: MORNING)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def nadia(bureau, town):
    bureau.force_login(town.agent)
    return bureau


def paid(town, cents, *, days=0, rank=Rank.FILED, product=None, **changes):
    """A payment proved, or merely announced, so many days from MORNING."""
    attempt = cast.start(
        town, now=later(days=days, hours=-1), amount=Money(cents), product=product or town.product, **changes
    ).attempt
    at = later(days=days, minutes=-30)
    said = notices.notice(town, attempt, rank=rank, occurred_at=at, account_identifier=attempt.account.identifier)
    notices.hear(town, attempt, said, now=at)
    return attempt


def announced(town, cents, **changes):
    return paid(town, cents, rank=Rank.UNPROVEN, **changes)


def state(town):
    with tenant(town.collectivite):
        return first_screen(collectivite=town.collectivite, now=MORNING)


def plain(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


class TestCameIn:
    def test_tells_today_from_this_month_and_the_month_before(self, town):
        paid(town, 1_000)
        paid(town, 2_000, days=-3)
        paid(town, 4_000, days=-25)  # October
        found = state(town)
        assert found.today.whole.confirmed == Tally(count=1, amount=Money(1_000))
        assert found.month.whole.confirmed == Tally(count=2, amount=Money(3_000))
        assert (found.month.first_day, found.month.last_day) == (date(2026, 11, 1), date(2026, 11, 24))

    def test_keeps_announced_money_apart(self, town):
        paid(town, 1_000)
        announced(town, 500)
        whole = state(town).today.whole
        assert whole == CameIn(
            confirmed=Tally(count=1, amount=Money(1_000)), announced=Tally(count=1, amount=Money(500))
        )

    def test_counts_once_what_was_announced_then_confirmed(self, town):
        attempt = announced(town, 500, days=-2)
        notices.hear(town, attempt)
        found = state(town)
        assert found.month.whole == CameIn(confirmed=Tally(count=1, amount=Money(500)))
        assert found.today.whole.confirmed.count == 1
        assert found.waiting.whole.count == 0

    def test_is_told_by_product(self, town):
        canteen = cast.make_product(
            town, DebtKind.REGIE, slug="cantine", numcli="700001", environment=Environment.PRODUCTION
        )
        paid(town, 1_000)
        paid(town, 2_000, product=canteen, debt_reference="FC2026000001", exercice=None)
        rows = {row.name: row.came_in.confirmed.amount for row in state(town).today.rows}
        assert rows == {"Avis des sommes à payer": Money(1_000), "Cantine": Money(2_000)}

    def test_holds_no_test_money(self, nadia, town):
        trial = cast.make_product(town, DebtKind.ORMC, slug="essai", numcli="700002")
        paid(town, 7_700, product=trial, debt_reference="2026EA001234")
        announced(town, 8_800, product=trial, debt_reference="2026EA001235")
        found = state(town)
        assert found.month.whole == CameIn()
        assert found.waiting.whole.count == found.started_today == 0
        assert chart_of(found.days) is None
        assert "Rien n’est encore entré ce mois-ci" in plain(nadia.get(FIRST))

    def test_holds_nothing_of_the_next_town(self, town):
        next_town = cast.make_town(
            slug="orne",
            name="Orne",
            numcli="012327",
            agent="marc",
            origin="https://o.example",
            environment=Environment.PRODUCTION,
        )
        paid(next_town, 1_000)
        assert state(town).month.whole == CameIn()

    def test_leads_to_the_very_payments_it_counts(self, nadia, town):
        paid(town, 1_000, days=-3)
        announced(town, 500, days=-4)
        announced(town, 600, days=-9)
        content = nadia.get(FIRST).content.decode()
        links = [link.replace("&amp;", "&") for link in re.findall(r'href="(/saint-aubin/paiements/\?[^"]+)"', content)]
        counts = [
            len(re.findall(r'scope="row"><a href="/saint-aubin/paiements/\d', nadia.get(link).content.decode()))
            for link in links
        ]
        assert counts == [1, 2, 1, 1]  # of the month: confirmed, announced; from 3 to 7 days, more than 7


class TestWaiting:
    @pytest.mark.parametrize(
        ("days", "age"), [(0, "young"), (-2, "young"), (-3, "middle"), (-7, "middle"), (-8, "old"), (-400, "old")]
    )
    def test_says_how_old_an_announcement_is(self, town, days, age):
        announced(town, 500, days=days)
        waiting = state(town).waiting
        tallies = {name: getattr(waiting, name).tally.count for name in ("young", "middle", "old")}
        assert tallies == {"young": 0, "middle": 0, "old": 0} | {age: 1}
        assert waiting.oldest == MORNING.date() + timedelta(days=days)

    def test_adds_up(self, nadia, town):
        for days in (0, -4, -10, -11):
            announced(town, 500 - days, days=days)
        waiting = state(town).waiting
        assert waiting.whole == waiting.young.tally + waiting.middle.tally + waiting.old.tally
        read = plain(nadia.get(FIRST))
        assert "Le plus ancien est du 13 novembre 2026" in read
        assert "4 annoncés payés attendent leur confirmation" in read


class TestCases:
    def test_are_counted_by_kind_and_three_are_shown(self, nadia, town):
        with tenant(town.collectivite):
            for number, kind in enumerate([Kind.CONTRADICTION, *[Kind.STUCK_EFFECT] * 4]):
                open_case(
                    collectivite_id=town.collectivite.pk,
                    kind=kind,
                    subject_kind="effect",
                    subject_id=number,
                    rule="test",
                    facts={},
                    now=MORNING,
                )
        assert [count for _, count in state(town).cases] == [1, 4]
        content = nadia.get(FIRST).content.decode()
        assert content.count('class="case"') == 3
        assert "4 traitement en échec répété" in plain(nadia.get(FIRST))


class TestChart:
    def test_stands_for_each_of_the_last_thirty_days(self, town):
        paid(town, 1_000)
        announced(town, 500, days=-29)
        found = state(town)
        chart = chart_of(found.days)
        assert chart is not None
        assert [bar.day for bar in chart.bars] == [date(2026, 10, 26) + timedelta(days=n) for n in range(30)]
        assert chart.bars[-1].confirmed_height > 0 == chart.bars[-1].announced_height
        assert chart.bars[0].announced_height > 0 == chart.bars[0].confirmed_height

    def test_is_drawn_to_scale_and_inside_its_frame(self):
        day = date(2026, 11, 24)
        full = CameIn(confirmed=Tally(count=1, amount=Money(30_000)), announced=Tally(count=1, amount=Money(30_000)))
        least = CameIn(confirmed=Tally(count=1, amount=Money(1)))
        chart = chart_of([(day, full), (day, least), (day, CameIn())])
        assert chart is not None
        whole, tiny, nothing = chart.bars
        assert whole.confirmed_height == whole.announced_height > 90
        assert whole.announced_y + whole.announced_height == whole.confirmed_y
        assert whole.confirmed_y + whole.confirmed_height == chart.base
        assert min(bar.announced_y for bar in chart.bars) >= 0
        assert tiny.confirmed_height == 1
        assert nothing.confirmed_height == 0
        assert [line.amount for line in chart.lines] == [Money(30_000), Money(60_000)]

    def test_has_a_table_and_no_style_of_its_own(self, nadia, town):
        paid(town, 1_000)
        content = nadia.get(FIRST).content.decode()
        assert 'role="img"' in content
        assert "style=" not in content
        table = content.partition("Ce qui est entré, jour par jour")[2]
        assert "24 novembre 2026" in table
        assert "10,00\u00a0€" in table


class TestQuestions:
    def test_are_as_many_however_much_there_is(self, nadia, town):
        paid(town, 1_000)
        nadia.get(FIRST)  # the first page of a session notes when it was seen
        few = self.asked(nadia)
        for number in range(6):
            paid(town, 1_001 + number, days=-number)
            announced(town, 2_000 + number, days=-number)
        assert self.asked(nadia) == few <= 17

    def asked(self, client):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(FIRST).status_code == 200
        return len([one for one in captured if "SAVEPOINT" not in one["sql"]])
