"""The list of payments: what each filter finds, what the totals say, and that pages forget nobody."""

import re
from datetime import date, timedelta

import pytest

from regal.backoffice import pages, queries
from regal.collectivites.models import Product
from regal.gateways.base import DebtKind, Environment, Outcome, Rank
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.lib.vault import new_master_key
from regal.payments.models import Attempt, Payer
from regal.payments.queries import ByDay, Selection, selected
from regal.payments.standing import Standing
from tests import cast, notices
from tests.cast import MME_LEROY, MORNING, later

pytestmark = pytest.mark.django_db

LIST = "/saint-aubin/paiements/"


def titre(number, ligne=1):
    return f"2026{number:08d}{ligne:06d}"


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


@pytest.fixture
def canteen(town):
    return cast.make_product(town, DebtKind.REGIE, slug="cantine", numcli="700001", environment=Environment.PRODUCTION)


@pytest.fixture
def trial(town):
    return cast.make_product(town, DebtKind.ORMC, slug="essai", numcli="700002")


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    monkeypatch.setattr(pages, "clock", lambda: MORNING)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SECRET_KEYS = f"k1:{new_master_key()}"


@pytest.fixture
def nadia(bureau, town):
    bureau.force_login(town.agent)
    return bureau


def said(town, attempt, rank, outcome=Outcome.PAID, at=MORNING):
    """PayFiP announces, or a file proves."""
    notices.hear(
        town,
        attempt,
        notices.notice(
            town, attempt, outcome, rank=rank, occurred_at=at, account_identifier=attempt.account.identifier
        ),
        now=at,
    )


def make(town, *, number=412, cents=12_550, product=None, day=0, ligne=1, standing=None, **changes):
    """One payment, begun some days after MORNING, announced or confirmed if asked."""
    product = product or town.product
    references = {
        DebtKind.TITRE: titre(number, ligne),
        DebtKind.REGIE: f"FC2026{number:06d}",
        DebtKind.ORMC: f"2026EA00{number}",
    }
    attempt = cast.start(
        town,
        now=later(days=day),
        product=product,
        debt_reference=references[DebtKind(product.debt_kind)],
        exercice=None if product.debt_kind == DebtKind.REGIE else 2026,
        amount=Money(cents),
        **changes,
    ).attempt
    if standing in ("announced", "confirmed"):
        said(town, attempt, Rank.FILED if standing == "confirmed" else Rank.UNPROVEN, at=later(days=day, minutes=5))
    if standing == "refused":
        said(town, attempt, Rank.UNPROVEN, Outcome.REFUSED, at=later(days=day, minutes=5))
    return attempt


def listed(client, query=""):
    """The keys of what the page lists, in its order."""
    answer = client.get(f"{LIST}?{query}")
    assert answer.status_code == 200
    return keys_of(answer)


def keys_of(answer):
    return [int(key) for key in re.findall(r"/saint-aubin/paiements/(\d+)/", answer.content.decode())]


def plain(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


class TestFilters:
    def test_by_product(self, nadia, town, canteen):
        ours, other = make(town), make(town, product=canteen, number=7)
        assert listed(nadia, "produit=cantine") == [other.pk]
        assert listed(nadia, "produit=titres") == [ours.pk]

    def test_by_a_product_of_another_town_filter_nothing_and_say_so(self, nadia, town):
        next_town = cast.make_next_town()
        with tenant(next_town.collectivite):
            Product.objects.of(next_town.collectivite).update(slug="orne")
        make(town)
        answer = nadia.get(f"{LIST}?produit=orne")
        assert len(keys_of(answer)) == 1
        assert "R424" in plain(answer)
        assert "Val-de" not in plain(answer)

    def test_by_the_day_it_began_in_paris(self, nadia, town):
        midnight = cast.start(town, now=later(hours=-9), amount=Money(100)).attempt  # 24 November, 0 h 00
        eve = cast.start(town, now=later(hours=-9, seconds=-1), amount=Money(200)).attempt
        assert listed(nadia, "du=2026-11-24") == [midnight.pk]
        assert listed(nadia, "au=2026-11-23") == [eve.pk]
        assert listed(nadia, "du=23/11/2026&au=24/11/2026") == [midnight.pk, eve.pk]

    def test_by_the_day_it_was_announced_or_confirmed(self, nadia, town):
        announced = make(town, number=1, day=-5, standing="announced")
        confirmed = make(town, number=2, day=-5, standing="confirmed")
        make(town, number=3)
        assert listed(nadia, "date=annonce&du=2026-11-19&au=2026-11-19") == [announced.pk]
        assert listed(nadia, "date=confirme&du=2026-11-19&au=2026-11-19") == [confirmed.pk]
        assert listed(nadia, "date=annonce&du=2026-11-20") == []
        assert listed(nadia, "date=confirme") == [confirmed.pk]

    def test_by_state(self, nadia, town):
        made = {
            "under_way": make(town, number=1),
            "announced_paid": make(town, number=2, standing="announced"),
            "announced_refused": make(town, number=3, standing="refused"),
            "confirmed": make(town, number=4, standing="confirmed"),
        }
        for state, attempt in made.items():
            assert listed(nadia, f"etat={state}") == [attempt.pk]
        assert listed(nadia, "etat=unknown") == []

    def test_by_environment(self, nadia, town, trial):
        real, pretended = make(town), make(town, product=trial, number=9)
        assert set(listed(nadia)) == {real.pk, pretended.pk}
        assert listed(nadia, "environnement=production") == [real.pk]
        assert listed(nadia, "environnement=test") == [pretended.pk]
        assert listed(nadia, "environnement=activation") == []

    def test_by_amount(self, nadia, town):
        cheap, middling, dear = (make(town, number=n, cents=c) for n, c in ((1, 100), (2, 12_550), (3, 50_000)))
        assert listed(nadia, "montant=125,50") == [middling.pk]
        assert listed(nadia, "montant=125.5 €") == [middling.pk]
        assert set(listed(nadia, "montant=100&montant_max=1 000")) == {middling.pk, dear.pk}
        assert set(listed(nadia, "montant_max=125,50")) == {cheap.pk, middling.pk}

    @pytest.mark.parametrize(
        "typed", ["412-1", "412", "…412-1", "2026-412-1", "202600000412000001", "2026 00000412 000001"]
    )
    def test_by_the_end_of_a_titre_s_reference_as_the_payer_reads_it(self, nadia, town, typed):
        meant = make(town, number=412)
        make(town, number=413)
        make(town, number=120)
        assert listed(nadia, f"reference={typed}") == [meant.pk]

    def test_by_the_end_of_a_longer_number(self, nadia, town):
        long, second_line = make(town, number=10412), make(town, number=412, ligne=2)
        assert set(listed(nadia, "reference=412")) == {long.pk, second_line.pk}
        assert listed(nadia, "reference=412-2") == [second_line.pk]
        assert listed(nadia, "reference=0412-1") == [long.pk]

    @pytest.mark.parametrize("typed", ["0007", "fc2026-000007", "FC2026000007"])
    def test_by_the_end_of_a_regie_s_number(self, nadia, town, canteen, typed):
        meant = make(town, product=canteen, number=7)
        make(town, product=canteen, number=8)
        assert listed(nadia, f"reference={typed}") == [meant.pk]

    @pytest.mark.parametrize("typed", ["%%%", "___", "4_2", "41%", "(a)", "\\412"])
    def test_take_no_sign_for_a_joker(self, nadia, town, typed):
        make(town, number=412)
        answer = nadia.get(LIST, {"reference": typed})
        assert "R423" in plain(answer) or keys_of(answer) == []

    def test_may_be_combined(self, nadia, town, canteen):
        meant = make(town, product=canteen, number=7, cents=500, day=-1, standing="confirmed")
        make(town, product=canteen, number=8, cents=500, day=-1)
        make(town, product=canteen, number=9, cents=900, day=-1, standing="confirmed")
        make(town, product=canteen, number=17, cents=500, day=-9, standing="confirmed")
        make(town, number=7, cents=500, day=-1, standing="confirmed")
        query = "produit=cantine&etat=confirmed&environnement=production&montant=5&du=2026-11-20&reference=0007"
        assert listed(nadia, query) == [meant.pk]

    @pytest.mark.parametrize(
        ("query", "code", "field"),
        [
            ("du=nonsense", "R421", "du"),
            ("au=2026-02-30", "R421", "au"),
            ("du=0001-01-01", "R421", "du"),
            ("au=9999-12-31", "R421", "au"),
            ("montant=1.234", "R422", "montant"),
            ("montant_max=beaucoup", "R422", "montant_max"),
            ("reference=1", "R423", "reference"),
            ("etat=nonsense", "R424", "etat"),
            ("payeur=nonsense", "R425", "payeur"),
            ("du=2026-11-24&au=2026-11-23", "R426", "au"),
            ("montant=10&montant_max=9", "R427", "montant_max"),
        ],
    )
    def test_that_cannot_be_read_say_so_beside_their_field(self, nadia, town, query, code, field):
        attempt = make(town)
        answer = nadia.get(f"{LIST}?{query}")
        content = answer.content.decode()
        assert answer.status_code == 200
        assert "<title>Erreur : Paiements" in content
        assert f'href="#id_{field}">{code}' in content
        assert keys_of(answer) == [attempt.pk]
        if field != "payeur":
            assert f'id="id_{field}-error">{code}' in content

    def test_stay_in_the_shortcuts_of_the_period(self, nadia, town):
        make(town)
        content = nadia.get(f"{LIST}?etat=under_way").content.decode().replace("&amp;", "&")
        assert "etat=under_way&du=2026-11-24&au=2026-11-24" in content
        assert "etat=under_way&du=2026-11-01&au=2026-11-24" in content
        assert "etat=under_way&du=2026-10-01&au=2026-10-31" in content


class TestPayer:
    def search(self, client, email, **fields):
        return client.post(f"{LIST}payeur/", {"courriel": email, **fields})

    def test_is_found_by_the_whole_address_alone(self, nadia, town):
        meant = make(town)
        make(town, number=5, email="autre@example.org")
        answer = self.search(nadia, f" {MME_LEROY.replace('example', 'EXAMPLE')} ")
        assert answer.status_code == 303
        assert keys_of(nadia.get(answer.url)) == [meant.pk]
        assert keys_of(nadia.get(self.search(nadia, "leroy@example.org").url)) == []

    def test_s_address_is_nowhere_in_the_address_of_the_page(self, nadia, town):
        make(town)
        answer = self.search(nadia, MME_LEROY, etat="under_way")
        assert "leroy" not in answer.url
        assert "%40" not in answer.url
        assert "etat=under_way" in answer.url

    def test_is_not_found_once_his_address_is_erased(self, nadia, town):
        make(town)
        with tenant(town.collectivite):
            Payer.objects.of(town.collectivite).delete()
        assert keys_of(nadia.get(self.search(nadia, MME_LEROY).url)) == []

    def test_s_link_says_nothing_in_another_town(self, bureau, nadia, town):
        address = self.search(nadia, MME_LEROY).url
        next_town = cast.make_next_town()
        cast.start(next_town)
        bureau.force_login(next_town.agent)
        answer = bureau.get(address.replace("saint-aubin", "val-de-l-orne"))
        assert "R425" in plain(answer)
        assert MME_LEROY not in plain(answer)

    @pytest.mark.parametrize("email", ["", "nonsense", "a@b", "deux@example.org, trois@example.org"])
    def test_that_cannot_be_read_is_told(self, nadia, town, email):
        make(town)
        answer = self.search(nadia, email)
        assert answer.status_code == 422
        assert "id_courriel" in answer.content.decode()
        assert "<title>Erreur" in answer.content.decode()

    def test_is_searched_with_a_post_alone(self, nadia, town):
        assert nadia.get(f"{LIST}payeur/").status_code == 405


class TestTotals:
    def test_are_the_sums_of_what_is_listed(self, nadia, town, canteen, trial):
        cents = {"confirmed": [100, 20_050], "announced": [999_999], None: [300, 400, 500]}
        number = 100
        for standing, amounts in cents.items():
            for amount in amounts:
                number += 1
                make(town, number=number, cents=amount, standing=standing)
        make(town, product=trial, number=777, cents=7_777, standing="confirmed")
        read = plain(nadia.get(LIST))
        assert "Confirmés 201,50 € 2 paiements" in read
        assert "Annoncés payés 9 999,99 € 1 paiement " in read.replace("\u202f", " ")
        assert "Autres 12,00 € 3 paiements" in read
        assert "1 essai, dans aucun total" in read

    def test_hold_no_test_money_even_when_only_tests_are_listed(self, nadia, town, trial):
        make(town, product=trial, number=777, cents=7_777, standing="confirmed")
        read = plain(nadia.get(f"{LIST}?environnement=test"))
        assert "Confirmés 0,00 € 0 paiement" in read
        assert "1 essai, dans aucun total" in read

    @pytest.mark.parametrize(
        "selection",
        [
            Selection(),
            Selection(standing=Standing.CONFIRMED),
            Selection(least=Money(1_010), most=Money(1_020)),
            Selection(first_day=date(2026, 11, 23), last_day=date(2026, 11, 23)),
            Selection(by=ByDay.CONFIRMED, first_day=date(2026, 11, 1)),
            Selection(end="7-1234"),
            Selection(environment=Environment.TEST),
        ],
        ids=str,
    )
    def test_follow_the_filters(self, town, trial, selection):
        for number in range(30):
            make(
                town,
                number=number + 1,
                cents=1_000 + number,
                day=-(number % 3),
                standing="confirmed" if number % 4 == 0 else None,
            )
        make(town, product=trial, number=50, cents=1_015)
        with tenant(town.collectivite):
            found = list(selected(collectivite=town.collectivite, selection=selection))
            totals = queries.totals_of(collectivite=town.collectivite, selection=selection)
        real = [one for one in found if one.environment == "production"]
        for tally, meant in ((totals.confirmed, "confirmed"), (totals.others, "under_way")):
            rows = [one for one in real if one.standing == meant]
            assert (tally.count, tally.amount) == (len(rows), sum((one.amount for one in rows), Money.zero))
        assert totals.trials == len(found) - len(real)
        assert totals.count == len(found)


class TestPages:
    def many(self, town, number):
        with tenant(town.collectivite):
            Attempt.objects.bulk_create(
                Attempt(
                    collectivite=town.collectivite,
                    account=town.account,
                    product=town.product,
                    environment=town.account.environment,
                    reference=tokens.new_token(),
                    debt_reference=titre(index + 1),
                    amount=Money(1_000),
                    label="Cantine",
                    flow_digest=tokens.digest(tokens.new_token()),
                    handle_digest=tokens.digest(tokens.new_token()),
                    notification_digest=tokens.digest(tokens.new_token()),
                    created_at=MORNING - timedelta(seconds=index // 70),  # more at one instant than a page holds
                )
                for index in range(number)
            )

    def walk(self, client, address, rel):
        seen = []
        while address:
            answer = client.get(address)
            seen.append(keys_of(answer))
            links = re.findall(rf'rel="{rel}" href="([^"]+)"', answer.content.decode())
            address = links[0].replace("&amp;", "&") if links else ""
        return seen

    @pytest.mark.parametrize("query", ["", "montant=10", "produit=titres", "etat=under_way", "reference=000001"])
    def test_show_every_row_once_both_ways(self, nadia, town, query):
        self.many(town, 170)
        older = self.walk(nadia, f"{LIST}?{query}", "next")
        assert [len(page) for page in older] == [50, 50, 50, 20]
        every = [key for page in older for key in page]
        assert len(set(every)) == 170
        answers = nadia.get(f"{LIST}?{query}")
        address = LIST
        while links := re.findall(r'rel="next" href="([^"]+)"', answers.content.decode()):
            address = links[0].replace("&amp;", "&")
            answers = nadia.get(address)
        assert self.walk(nadia, address, "prev") == older[::-1]

    def test_keep_every_filter(self, nadia, town):
        self.many(town, 60)
        content = nadia.get(f"{LIST}?montant=10,00&produit=titres&environnement=production").content.decode()
        (following,) = re.findall(r'rel="next" href="([^"]+)"', content)
        for filter_ in ("montant=10%2C00", "produit=titres", "environnement=production"):
            assert filter_ in following
