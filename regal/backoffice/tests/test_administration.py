"""What a collectivité is made of: each act whole, traced, or refused with a sentence that says what to mend."""

import sys
from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError

from regal.audit.models import AuditEntry, PlatformAct
from regal.backoffice import activation_refusals, administration, refusals
from regal.collectivites.models import (
    RESERVED_SLUGS,
    AllowedOrigin,
    Budget,
    Collectivite,
    GatewayAccount,
    Logo,
    Product,
    Regie,
)
from regal.gateways.base import DebtKind, Environment
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.people.models import Membership, Role, User
from tests import pictures
from tests.cast import MORNING

pytestmark = pytest.mark.django_db

SIRET = "21350999500014"


@pytest.fixture(autouse=True)
def quick(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose


def create(slug="bourg", name="Le Bourg", siret=SIRET, **more):
    return administration.create_collectivite(slug=slug, name=name, siret=siret, now=MORNING, **more)


@pytest.fixture
def bourg():
    return create()


@pytest.fixture
def account(bourg):
    return administration.add_account(
        collectivite=bourg, debt_kind=DebtKind.TITRE, environment="test", identifier="006382", now=MORNING
    )


def acts(collectivite):
    with tenant(collectivite):
        return [
            (entry.action, entry.subject, entry.after) for entry in AuditEntry.objects.of(collectivite).order_by("pk")
        ]


class TestCollectivite:
    def test_comes_with_its_main_budget_and_its_traces(self, bourg):
        with tenant(bourg):
            budget = Budget.objects.of(bourg).get()
        assert (budget.siret, budget.code) == (SIRET, "00")
        assert [action for action, _, _ in acts(bourg)] == ["create_collectivite", "add_budget"]
        assert PlatformAct.objects.filter(subject=f"collectivite {bourg.pk}").count() == 1

    @pytest.mark.parametrize("slug", sorted(RESERVED_SLUGS))
    def test_never_takes_one_of_our_own_addresses(self, slug):
        with pytest.raises(refusals.ReservedSlug, match="réservée"):
            create(slug=slug)

    @pytest.mark.parametrize(
        "slug", ["", "Bourg", "bourg--la", "-bourg", "b" * 41, "le bourg", "évry", "bourg\n", "a_b"]
    )
    def test_has_a_plain_address(self, slug):
        with pytest.raises(refusals.BadSlug):
            create(slug=slug)

    def test_has_an_address_of_its_own(self, bourg):
        with pytest.raises(refusals.SlugTaken, match="bourg"):
            create(name="L’autre")

    @pytest.mark.parametrize("siret", ["", "2135099950001", "21350999500015", "21350999400014", "a1350999500014"])
    def test_has_a_true_siret_or_does_not_come_to_be(self, siret):
        with pytest.raises(refusals.BadSiret):
            create(siret=siret)
        assert not Collectivite.objects.filter(slug="bourg").exists()
        assert not PlatformAct.objects.exists()

    def test_may_have_its_siret_typed_with_spaces(self):
        bourg = create(siret="213 509 995 00014")
        with tenant(bourg):
            assert Budget.objects.of(bourg).get().siret == SIRET

    @pytest.mark.parametrize("name", ["", "   ", "x" * 121, "Le\0Bourg"])
    def test_has_a_name(self, name):
        with pytest.raises(refusals.MissingName):
            create(name=name)

    @pytest.mark.parametrize(
        "address",
        [
            "http://bourg.example/",
            "javascript:alert(1)",
            "bourg.example",
            "https://",
            "https://a b",
            "https://x/" + "y" * 200,
        ],
    )
    def test_has_a_safe_site(self, address):
        with pytest.raises(refusals.BadWebAddress):
            create(site_url=address)

    @pytest.mark.parametrize(
        "address", ["", "https://www.bourg.example/", "http://localhost:8020/", "http://127.0.0.1/"]
    )
    def test_may_have_a_site(self, address):
        assert create(site_url=address).site_url == address


def connect_to_web_service(town, numcli, environment):
    with tenant(town):
        regie = Regie.objects.of(town).first()
    return administration.add_account(
        collectivite=town,
        debt_kind="regie",
        environment=environment,
        identifier=numcli,
        gateway="payfip_ws",
        regie=regie or administration.add_regie(collectivite=town, name="Cantine", number="12", now=MORNING),
        now=MORNING,
    )


class TestAccount:
    def test_is_the_comptable_s_through_the_main_budget(self, bourg, account):
        assert account.budget.siret == SIRET
        assert account.regie is None
        assert acts(bourg)[-1][0] == "add_account"

    @pytest.mark.parametrize("identifier", ["", "12345", "1234567", "12345a", " 12345", "１２３４５６"])
    def test_has_six_digits(self, bourg, identifier):
        with pytest.raises(refusals.BadIdentifier, match="6\u00a0chiffres"):
            administration.add_account(
                collectivite=bourg, debt_kind="titre", environment="test", identifier=identifier, now=MORNING
            )

    def test_is_connected_once_on_the_whole_platform(self, account):
        other = create(slug="autre", siret="21610999100010")
        for environment in Environment:
            with pytest.raises(activation_refusals.OfAnotherTown):
                administration.add_account(
                    collectivite=other, debt_kind="titre", environment=environment, identifier="006382", now=MORNING
                )
            with pytest.raises(activation_refusals.OfAnotherTown):
                connect_to_web_service(other, "006382", environment)
        assert "add_account" not in [action for action, _, _ in acts(other)]

    def test_is_connected_by_one_way_only(self, bourg, account):
        with pytest.raises(activation_refusals.ConnectedOtherwise):
            connect_to_web_service(bourg, "006382", Environment.ACTIVATION)
        connect_to_web_service(bourg, "350005", Environment.TEST)
        with pytest.raises(activation_refusals.ConnectedOtherwise):
            administration.add_account(
                collectivite=bourg, debt_kind="titre", environment="activation", identifier="350005", now=MORNING
            )

    def test_of_the_web_service_is_a_regie_s(self, bourg):
        with pytest.raises(activation_refusals.ForRegiesOnly):
            administration.add_account(
                collectivite=bourg,
                debt_kind="titre",
                environment="test",
                identifier="350005",
                gateway="payfip_ws",
                now=MORNING,
            )

    def test_is_connected_once_in_each_environment(self, bourg, account):
        with pytest.raises(refusals.AccountTaken):
            administration.add_account(
                collectivite=bourg, debt_kind="titre", environment="test", identifier="006382", now=MORNING
            )
        administration.add_account(
            collectivite=bourg, debt_kind="titre", environment="production", identifier="006382", now=MORNING
        )
        assert [action for action, _, _ in acts(bourg)].count("add_account") == 2

    def test_of_production_is_opened_by_nobody_alone(self, bourg, account):
        with pytest.raises(activation_refusals.NeedsTwoPeople):
            administration.add_account(
                collectivite=bourg,
                debt_kind="titre",
                environment="production",
                identifier="006382",
                now=MORNING,
                actor_id=1,
            )
        assert [action for action, _, _ in acts(bourg)].count("add_account") == 1

    @pytest.mark.parametrize("options", [{"nonsense": 1}, {"min_amount_cents": "100"}, {"max_amount_cents": 0}])
    def test_has_only_options_that_its_gateway_knows(self, bourg, options):
        with pytest.raises(refusals.BadOptions):
            administration.add_account(
                collectivite=bourg,
                debt_kind="titre",
                environment="test",
                identifier="006382",
                options=options,
                now=MORNING,
            )
        with tenant(bourg):
            assert not GatewayAccount.objects.of(bourg).exists()

    def test_of_a_regie_and_of_the_comptable_never_mix(self, bourg):
        with tenant(bourg):
            regie = Regie.objects.create(
                collectivite=bourg, budget=Budget.objects.of(bourg).get(), name="Cantine", number="1"
            )
        asked: dict[str, Any] = {
            "collectivite": bourg,
            "environment": Environment.TEST,
            "identifier": "006382",
            "now": MORNING,
        }
        with pytest.raises(refusals.NeedsRegie):
            administration.add_account(debt_kind=DebtKind.REGIE, **asked)
        with pytest.raises(refusals.NeedsRegie):
            administration.add_account(debt_kind=DebtKind.TITRE, regie=regie, **asked)
        assert administration.add_account(debt_kind=DebtKind.REGIE, regie=regie, **asked).budget is None


class TestProduct:
    def add(self, bourg, account, slug="titres", name="Avis"):
        return administration.add_product(collectivite=bourg, slug=slug, name=name, account=account, now=MORNING)

    def test_stands_after_the_others(self, bourg, account):
        assert [self.add(bourg, account, slug=slug).position for slug in ("zoo", "eau")] == [0, 1]
        assert acts(bourg)[-1][0] == "add_product"

    @pytest.mark.parametrize("slug", ["suivi", "", "Eau", "e" * 41, "l'eau"])
    def test_has_a_plain_address(self, bourg, account, slug):
        with pytest.raises(refusals.BadProductSlug):
            self.add(bourg, account, slug=slug)

    def test_has_an_address_of_its_own(self, bourg, account):
        self.add(bourg, account)
        with pytest.raises(refusals.ProductTaken):
            self.add(bourg, account)
        with tenant(bourg):
            assert Product.objects.of(bourg).count() == 1


class TestRegie:
    def add(self, bourg, name="Cantine", number="12"):
        return administration.add_regie(collectivite=bourg, name=name, number=number, now=MORNING)

    def test_belongs_to_the_main_budget_and_leaves_its_trace(self, bourg):
        assert self.add(bourg).budget.code == "00"
        assert acts(bourg)[-1][::2] == ("add_regie", {"name": "Cantine", "number": "12"})

    def test_has_a_plain_number_of_its_own(self, bourg):
        self.add(bourg)
        with pytest.raises(refusals.RegieTaken):
            self.add(bourg)
        for number in ("", "1 2", "1" * 11, "é"):
            with pytest.raises(refusals.BadRegieNumber):
                self.add(bourg, number=number)


class TestTerms:
    """When a product can be paid, how its form asks, within what amounts."""

    @pytest.fixture
    def of_a_regie(self, bourg):
        regie = administration.add_regie(collectivite=bourg, name="Cantine", number="12", now=MORNING)
        return administration.add_account(
            collectivite=bourg,
            debt_kind=DebtKind.REGIE,
            environment=Environment.TEST,
            identifier="350005",
            regie=regie,
            now=MORNING,
        )

    @pytest.fixture
    def of_roles(self, bourg):
        return administration.add_account(
            collectivite=bourg,
            debt_kind=DebtKind.ORMC,
            environment=Environment.TEST,
            identifier="350004",
            now=MORNING,
        )

    def add(self, bourg, account, **terms):
        return administration.add_product(
            collectivite=bourg,
            slug="eau",
            name="Eau",
            account=account,
            terms=administration.ProductTerms(**terms),
            now=MORNING,
        )

    def test_of_a_regie_need_a_pattern_or_a_key_and_an_amount_range(self, bourg, of_a_regie):
        whole = {"reference_form": {"check_key": "luhn"}, "min_amount": Money(100), "max_amount": Money(60_000)}
        for missing in whole:
            with pytest.raises(refusals.UncheckedInvoices):
                self.add(bourg, of_a_regie, **{name: value for name, value in whole.items() if name != missing})
        product = self.add(bourg, of_a_regie, **whole)
        assert (product.debt_kind, product.words.check_key) == ("regie", "luhn")

    def test_of_a_regie_are_needed_by_the_base_too(self, bourg, of_a_regie):
        with pytest.raises(IntegrityError, match="regie_is_checked"), tenant(bourg):
            Product.objects.create(
                collectivite=bourg, slug="eau", name="Eau", account=of_a_regie, debt_kind=DebtKind.REGIE
            )

    def test_are_of_the_account_s_kind_in_the_base_too(self, bourg, account):
        with pytest.raises(IntegrityError, match="kind_of_account"), tenant(bourg):
            Product.objects.create(collectivite=bourg, slug="eau", name="Eau", account=account, debt_kind=DebtKind.ORMC)

    @pytest.mark.parametrize(
        ("form", "field"),
        [
            ({"code": "E"}, "code"),
            ({"code": 12}, "code"),
            ({"number_digits": 14}, "number_digits"),
            ({"number_digits": True}, "number_digits"),
            ({"number_name": "n" * 41}, "number_name"),
            ({"number_name": "a\0"}, "number_name"),
            ({"pattern": "#{6}"}, "pattern"),
            ({"whatever": ""}, "whatever"),
        ],
    )
    def test_of_a_role_are_known_words_and_lengths(self, bourg, of_roles, form, field):
        with pytest.raises(refusals.BadReferenceForm) as refusal:
            self.add(bourg, of_roles, reference_form=form)
        assert field in str(refusal.value)

    @pytest.mark.parametrize("form", [{"pattern": "fa#"}, {"check_key": "md5"}, {"pattern": 6}])
    def test_of_a_regie_are_a_readable_pattern_or_a_known_key(self, bourg, of_a_regie, form):
        with pytest.raises(refusals.BadReferenceForm):
            self.add(bourg, of_a_regie, reference_form=form, min_amount=Money(1), max_amount=Money(2))

    def test_are_possible(self, bourg, account):
        with pytest.raises(refusals.BadDays):
            self.add(bourg, account, opens_on=date(2026, 12, 2), closes_on=date(2026, 12, 1))
        for least, most in ((2, 1), (0, 1), (1, 10**12)):
            with pytest.raises(refusals.BadAmounts):
                self.add(bourg, account, min_amount=Money(least), max_amount=Money(most))

    @pytest.mark.parametrize(
        "form",
        [
            {"pattern": "#{3}"},
            {"pattern": "FC#{6}", "check_key": "luhn"},
            {"pattern": "*{8}", "check_key": "mod_97_10"},
        ],
    )
    def test_of_a_regie_can_be_satisfied_by_some_number(self, bourg, of_a_regie, form):
        with pytest.raises(refusals.ImpossibleNumbers):
            self.add(bourg, of_a_regie, reference_form=form, min_amount=Money(100), max_amount=Money(200))

    @pytest.mark.parametrize(("least", "most"), [(1, 50), (10_000_000, 10_000_001)])
    def test_have_amounts_that_payfip_takes(self, bourg, account, least, most):
        with pytest.raises(refusals.BadAmounts):
            self.add(bourg, account, min_amount=Money(least), max_amount=Money(most))

    def test_of_a_regie_without_a_word_of_a_check_are_refused_by_the_base(self, bourg, of_a_regie):
        with pytest.raises(IntegrityError, match="regie_is_checked"), tenant(bourg):
            Product.objects.create(
                collectivite=bourg,
                slug="eau",
                name="Eau",
                account=of_a_regie,
                debt_kind=DebtKind.REGIE,
                reference_form={"pattern": "", "check_key": ""},
                min_amount=Money(100),
                max_amount=Money(200),
            )

    def test_change_with_their_trace_before_and_after(self, bourg, account):
        product = self.add(bourg, account, closes_on=date(2026, 12, 1))
        changed = administration.change_terms(
            product=product, terms=administration.ProductTerms(is_open=False, closed_note="Au guichet."), now=MORNING
        )
        assert (changed.is_open, changed.closes_on) == (False, None)
        with tenant(bourg):
            act = AuditEntry.objects.of(bourg).get(action="change_terms")
        assert act.before == {"is_open": True, "closes_on": "2026-12-01"}
        assert act.after == {"is_open": False, "closed_note": "Au guichet."}


class TestOrigin:
    @pytest.mark.parametrize("origin", ["https://www.bourg.example", "https://x.fr:8443", "http://localhost:8020"])
    def test_is_allowed_and_traced(self, bourg, origin):
        administration.allow_origin(collectivite=bourg, origin=origin, now=MORNING)
        assert acts(bourg)[-1][::2] == ("allow_origin", {"origin": origin})

    @pytest.mark.parametrize(
        "origin",
        [
            "",
            "*",
            "https://*",
            "https://bourg.example/",
            "http://bourg.example",
            "https://bourg.example; script-src *",
            "https://a b",
            "https://é.fr",
            "https://" + "a" * 120,
            "https://localhost.evil\n",
        ],
    )
    def test_is_a_plain_origin(self, bourg, origin):
        if origin.endswith("\n"):
            origin += "x"
        with pytest.raises(refusals.BadOrigin):
            administration.allow_origin(collectivite=bourg, origin=origin, now=MORNING)

    def test_is_allowed_once(self, bourg):
        administration.allow_origin(collectivite=bourg, origin="https://bourg.example", now=MORNING)
        with pytest.raises(refusals.OriginTaken):
            administration.allow_origin(collectivite=bourg, origin="https://BOURG.example", now=MORNING)
        with tenant(bourg):
            assert AllowedOrigin.objects.of(bourg).count() == 1


class TestAgent:
    def create(self, bourg, **changes):
        usual: dict[str, Any] = {"identifier": "lea", "email": "lea@example.org", "role": Role.AGENT}
        return administration.create_agent(collectivite=bourg, now=MORNING, **(usual | changes))

    def test_enters_by_an_invitation_only(self, bourg):
        lea = self.create(bourg)
        assert not lea.has_usable_password()
        assert acts(bourg)[-1] == ("add_member", f"user {lea.pk}", {"role": "agent"})
        assert PlatformAct.objects.get(subject=f"user {lea.pk}").action == "create_user"

    def test_may_work_in_two_towns_under_one_name(self, bourg):
        other = create(slug="autre", siret="21610999100010")
        assert self.create(bourg).pk == self.create(other, email="LEA@example.org", role="administrator").pk
        with tenant(other):
            assert Membership.objects.of(other).get().role == Role.ADMINISTRATOR

    def test_comes_once(self, bourg):
        self.create(bourg)
        with pytest.raises(refusals.AlreadyMember):
            self.create(bourg)

    def test_never_takes_the_name_of_another(self, bourg):
        self.create(bourg)
        with pytest.raises(refusals.IdentifierTaken):
            self.create(bourg, email="autre@example.org")
        with pytest.raises(refusals.EmailTaken):
            self.create(bourg, identifier="autre")
        assert User.objects.count() == 1

    @pytest.mark.parametrize("identifier", ["", "x", "a@b", "é", "a b", "-a", "x" * 41, "na\0dia"])
    def test_has_a_plain_name(self, bourg, identifier):
        with pytest.raises(refusals.BadUserIdentifier):
            self.create(bourg, identifier=identifier)

    @pytest.mark.parametrize("email", ["", "lea", "lea@", "léa@example.org", "a@b.fr, c@d.fr"])
    def test_has_an_address(self, bourg, email):
        with pytest.raises(refusals.BadEmail):
            self.create(bourg, email=email)

    @pytest.mark.parametrize("password", ["court", "motdepasse", "123456789012", "lea@example.org"])
    def test_has_no_weak_password(self, bourg, password):
        with pytest.raises(refusals.WeakPassword):
            self.create(bourg, password=password)
        assert not User.objects.exists()

    def test_of_the_demonstration_may_have_a_printed_one(self, bourg):
        assert self.create(bourg, password="demonstration", is_demo=True).check_password("demonstration")


class TestOperator:
    def test_runs_the_platform_and_belongs_nowhere(self):
        zoe = administration.create_operator(identifier="Zoe", email="zoe@example.org", now=MORNING)
        assert (zoe.identifier, zoe.is_operator) == ("zoe", True)

    def test_is_nobody_who_is_there_already(self, bourg):
        asked: dict[str, Any] = {"identifier": "lea", "email": "lea@example.org", "now": MORNING}
        administration.create_agent(collectivite=bourg, role=Role.AGENT, **asked)
        with pytest.raises(refusals.IdentifierTaken):
            administration.create_operator(**asked)

    def test_joins_no_town_under_his_operator_s_name(self, bourg):
        asked: dict[str, Any] = {"identifier": "zoe", "email": "zoe@example.org", "now": MORNING}
        administration.create_operator(**asked)
        with pytest.raises(refusals.IdentifierTaken):
            administration.create_agent(collectivite=bourg, role=Role.AGENT, **asked)


class TestRefusals:
    def test_have_each_a_code_and_a_sentence(self):
        kinds = refusals.Refusal.__subclasses__()
        assert len({kind.code for kind in kinds}) == len(kinds)
        for kind in kinds:
            assert kind.code in (sys.modules[kind.__module__].__doc__ or "")
            assert str(kind.sentence)


class TestLook:
    def look(self, bourg, **chosen):
        return administration.set_look(collectivite=bourg, now=MORNING, **chosen)

    def logos(self, bourg):
        with tenant(bourg):
            return [(logo.digest, bytes(logo.png)) for logo in Logo.objects.of(bourg).order_by("pk")]

    def test_is_kept_whole_with_its_trace(self, bourg):
        changed = self.look(
            bourg, main_colour="0B5563", accent_colour="#FA0", logo=pictures.picture(), logo_text=" Terre d’eau "
        )
        ((digest, png),) = self.logos(bourg)
        kept = (changed.main_colour, changed.accent_colour, changed.logo_digest, changed.logo_text)
        assert kept == ("#0b5563", "#ffaa00", digest, "Terre d’eau")
        assert pictures.opened(png).format == "PNG"
        with tenant(bourg):
            entry = AuditEntry.objects.of(bourg).get(action="set_look")
        assert set(entry.before.values()) == {""}
        assert entry.after == {
            "main_colour": "#0b5563",
            "accent_colour": "#ffaa00",
            "logo_text": "Terre d’eau",
            "logo_digest": digest,
        }

    def test_changes_only_what_is_given_and_says_what_was_before(self, bourg):
        first = self.look(bourg, main_colour="#0b5563", logo=pictures.picture())
        changed = self.look(first, main_colour="#6b2d3c")
        assert (changed.main_colour, changed.logo_digest) == ("#6b2d3c", first.logo_digest)
        with tenant(bourg):
            entry = AuditEntry.objects.of(bourg).filter(action="set_look").latest("pk")
        assert (entry.before, entry.after) == ({"main_colour": "#0b5563"}, {"main_colour": "#6b2d3c"})

    def test_leaves_no_trace_when_nothing_changes(self, bourg):
        for _ in range(2):
            self.look(bourg, main_colour="#0b5563", logo=pictures.picture())
        assert [action for action, _, _ in acts(bourg)].count("set_look") == 1

    def test_is_taken_away_by_what_is_empty(self, bourg):
        self.look(bourg, main_colour="#0b5563", accent_colour="#fa0", logo=pictures.picture(), logo_text="x")
        bare = self.look(bourg, main_colour="", accent_colour="", logo=b"", logo_text="")
        assert (bare.main_colour, bare.accent_colour, bare.logo_digest, bare.logo_text) == ("", "", "", "")

    def test_finds_an_earlier_logo_again(self, bourg):
        one, other = pictures.picture("#0b5563"), pictures.picture("#6b2d3c")
        digests = [self.look(bourg, logo=logo).logo_digest for logo in (one, other, one)]
        assert digests[0] == digests[2] != digests[1]
        assert len(self.logos(bourg)) == 2

    @pytest.mark.parametrize("colour", ["rouge", "#12345", "#1234567", "url(x)", "#0b5563;}"])
    @pytest.mark.parametrize("which", ["main_colour", "accent_colour"])
    def test_refuses_what_is_no_colour(self, bourg, which, colour):
        with pytest.raises(refusals.BadColour, match="#0b5563"):
            self.look(bourg, **{which: colour})

    def test_refuses_a_colour_that_white_is_not_read_on_and_proposes_a_darker_one(self, bourg):
        with pytest.raises(refusals.PaleColour, match="trop claire") as refused:
            self.look(bourg, main_colour="#f2b544")
        self.look(bourg, main_colour=str(refused.value.values["darker"]))

    def test_takes_any_accent_because_it_tells_nothing(self, bourg):
        assert self.look(bourg, accent_colour="#ffffff").accent_colour == "#ffffff"

    @pytest.mark.parametrize(
        ("logo", "refusal"),
        [
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", refusals.NotALogo),
            (pictures.picture(kind="GIF"), refusals.NotALogo),
            (bytes(2_000_001), refusals.HeavyLogo),
            (pictures.picture(size=(4000, 2501)), refusals.HugeLogo),
        ],
        ids=["svg", "gif", "heavy", "huge"],
    )
    def test_refuses_a_logo_with_the_remedy_and_changes_nothing(self, bourg, logo, refusal):
        with pytest.raises(refusal, match=r"puis\srecommencez"):
            self.look(bourg, main_colour="#0b5563", logo=logo)
        bourg.refresh_from_db()
        assert (bourg.main_colour, self.logos(bourg)) == ("", [])

    @pytest.mark.parametrize("text", ["x" * 121, "deux\nlignes"])
    def test_refuses_a_text_that_is_too_long_to_be_heard(self, bourg, text):
        with pytest.raises(refusals.LogoTextTooLong):
            self.look(bourg, logo_text=text)
