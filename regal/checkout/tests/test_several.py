"""Several invoices in one payment: the list travels sealed, each is looked up, all leave together or none."""

import re
from datetime import timedelta

import pytest

from regal.checkout import look_ups, pages, ways
from regal.checkout.flow import Recap, seal
from regal.checkout.tests.test_by_card import FORM, bank, form_in, payer, saint_aubin, text_of  # noqa: F401 - fixtures
from regal.collectivites.models import Collectivite
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt
from regal.payments.queries import LookUp, Situation
from regal.payments.shares import shares_of
from regal.titres import holds, operations
from regal.titres.models import Titre
from tests import cast
from tests.cast import MORNING
from tests.several import allow

pytestmark = pytest.mark.django_db
LIST = f"{FORM}plusieurs/"


@pytest.fixture
def asker(payer):  # noqa: F811 - the fixture
    """Mme Leroy holds three invoices of a régie that takes them together."""
    allow(payer.product)
    payer.second = cast.make_titre(payer.product, reference="FC2026000061", amount=Money(4_010))
    payer.third = cast.make_titre(payer.product, reference="FC2026000062", amount=Money(2_005))
    return payer


def opened(who, page=None):
    """The list, opened from the recap."""
    return who.guichet.post(LIST, form_in(page or who.recap(), f"{LIST}#suite"))


def token_of(page):
    return re.findall(r'name="token" value="([^"]+)"', page.content.decode())[0]


def press(who, page, **typed):
    return who.guichet.post(LIST, {"token": token_of(page)} | typed)


def add(who, page, invoice="FC2026-000061", amount="40,10", **more):
    return press(who, page, invoice=invoice, amount=amount, ajouter="1", **more)


def both(who):
    return add(who, opened(who))


def recap_of(who, page):
    return press(who, page, continuer="1")


def leave(who, page):
    return who.guichet.post(f"{FORM}payer/", {"token": token_of(page)})


def attempts(who):
    with tenant(who.town.collectivite):
        found = list(Attempt.objects.of(who.town.collectivite).order_by("pk"))
        return [(one.amount.cents, [share.titre_id for share in shares_of(one)]) for one in found]


def plain(page):
    return text_of(page).replace("\u00a0", " ")


def title_of(page):
    return page.content.decode().partition("</title>")[0].partition("<title>")[2]


class TestTheButton:
    def test_is_there_only_where_the_regie_allows_it(self, payer):  # noqa: F811
        assert "en même temps" not in text_of(payer.recap())
        allow(payer.product)
        assert "Payer une autre facture en même temps" in text_of(payer.recap())

    def test_speaks_english(self, asker):
        page = asker.guichet.post(
            f"/en{FORM}", {"invoice": "FC2026-000042", "amount": "84,70", "email": cast.MME_LEROY}
        )
        assert f"/en{LIST}" in page.content.decode()


class TestTheList:
    def test_begins_with_the_first(self, asker):
        page = opened(asker)
        assert page.status_code == 200
        assert "84,70 €" in plain(page)
        assert 'name="retirer"' not in page.content.decode()  # there is nothing else
        assert 'class="mark"' not in page.content.decode()  # no picture of a notice either

    def test_takes_another_and_sums_up(self, asker):
        page = both(asker)
        assert page.status_code == 200
        assert "est ajoutée à la liste" in plain(page)
        assert "124,80 €" in plain(page)
        assert attempts(asker) == []

    def test_says_one_neutral_sentence_of_what_does_not_exist_and_stays(self, asker):
        page = both(asker)
        unknown = add(asker, page, invoice="FC2026-009999", amount="20,05")
        other = add(asker, page, invoice="FC2026-000062", amount="20,06")
        for answer in (unknown, other):
            assert answer.status_code == 422
            assert title_of(answer).startswith("Erreur")
            assert "ne porte ce numéro et ce montant" in plain(answer)
            assert "124,80 €" in plain(answer)
            assert "FC2026000061" in plain(answer) or "FC2026-000061" in plain(answer)

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({"invoice": "", "amount": ""}, "Indiquez le numéro"),
            ({"invoice": "FC2026-000062", "amount": "x"}, "Montant"),
            ({"invoice": "€" * 80, "amount": "20,05"}, "trop long"),
            ({"invoice": "\u0000", "amount": "20,05"}, "que l’on ne tape pas"),
            ({"invoice": "FC2026-000061", "amount": "40,10"}, "déjà dans la liste"),
            ({"invoice": "FC2026-000042", "amount": "84,70"}, "déjà dans la liste"),
        ],
    )
    def test_says_what_is_wrong_beside_its_field(self, asker, typed, said):
        page = add(asker, both(asker), **typed)
        assert page.status_code == 422
        assert said in plain(page)
        assert "124,80 €" in plain(page)

    def test_says_what_is_paid_already_to_who_types_both(self, asker):
        with tenant(asker.town.collectivite):
            holds.mark_paid(titre=asker.third, at=MORNING)
        page = add(asker, both(asker), invoice="FC2026-000062", amount="20,05")
        assert page.status_code == 422
        assert "est déjà payée depuis le" in plain(page)

    def test_names_the_form_of_what_the_comptable_collects(self, asker):
        titre = cast.make_comptable_titre(asker.town)
        answer = add(asker, opened(asker), invoice="2026-412-1", amount="125,50")
        assert answer.status_code == 422
        assert f"il se paie à part, par le formulaire « {titre.product.name} »" in plain(answer)
        with tenant(asker.town.collectivite):
            Titre.objects.filter(pk=titre.pk).update(status="suspended")
        answer = add(asker, opened(asker), invoice="2026-412-1", amount="125,50")
        assert "il ne se paie pas ici en ce moment" in plain(answer)

    def test_says_what_somebody_else_is_paying(self, asker):
        with tenant(asker.town.collectivite):
            holds.hold(titre=asker.third, attempt_id=0, until=MORNING + timedelta(minutes=15))
        page = add(asker, both(asker), invoice="FC2026-000062", amount="20,05")
        assert page.status_code == 422
        assert "en cours sur un autre écran" in plain(page)

    def test_says_that_the_bank_has_not_answered_yet(self, asker, monkeypatch):
        def pending(**asked):
            return LookUp(situation=Situation.HELD, titre=asker.third, until=MORNING, is_pending=True)

        page = both(asker)
        monkeypatch.setattr(ways, "look_up", pending)
        answer = add(asker, page, invoice="FC2026-000062", amount="20,05")
        assert answer.status_code == 422
        assert "la banque n’a pas encore dit si elle l’accepte" in plain(answer)
        assert "ne payez pas une seconde fois" in plain(answer)
        assert "sur un autre écran" not in plain(answer)

    @pytest.mark.parametrize(
        ("status", "state", "remedy"),
        [
            ("suspended", "n’est pas payable en ligne en ce moment", "demandez au service qui l’a envoyée"),
            ("cancelled", "est annulée : il n’y a rien à ajouter", "Gardez votre ticket et adressez-vous au service"),
            ("written_off", "n’est plus à payer", "ne demande plus cette somme, et il n’y a rien à ajouter"),
            ("transferred", "se paie maintenant à la trésorerie", "Attendez le courrier de la trésorerie et payez"),
        ],
    )
    def test_says_what_was_decided_and_what_to_do_to_who_types_both(self, asker, status, state, remedy):
        page = both(asker)
        unknown = add(asker, page, invoice="FC2026-000062", amount="20,06").content.decode()
        with tenant(asker.town.collectivite):
            Titre.objects.filter(pk=asker.third.pk).update(status=status)
        answer = add(asker, page, invoice="FC2026-000062", amount="20,05")
        assert answer.status_code == 422
        assert f"Cette facture {state}" in plain(answer)
        assert remedy in plain(answer)
        assert "124,80 €" in plain(answer)
        wrong = add(asker, page, invoice="FC2026-000062", amount="20,06").content.decode()
        assert re.sub(r'value="[^"]*"', "", wrong) == re.sub(r'value="[^"]*"', "", unknown)

    def test_says_nothing_of_a_draft(self, asker):
        page = both(asker)
        unknown = add(asker, page, invoice="FC2026-000062", amount="20,06")
        with tenant(asker.town.collectivite):
            Titre.objects.filter(pk=asker.third.pk).update(status="draft")
        draft = add(asker, page, invoice="FC2026-000062", amount="20,05")
        assert draft.status_code == unknown.status_code
        assert plain(draft).replace("20,05", "20,06") == plain(unknown)

    def test_says_what_the_regie_and_the_town_wrote_for_the_payer(self, asker):
        page = both(asker)
        with tenant(asker.town.collectivite):
            operations.suspend(
                titre=asker.third, reason="La mère conteste", payer_note="Appelez <la> cantine.", now=MORNING
            )
        answer = add(asker, page, invoice="FC2026-000062", amount="20,05")
        assert 'Saint-Aubin vous dit : <span lang="fr">Appelez <la> cantine.</span>' in plain(answer)
        assert "Appelez &lt;la&gt; cantine." in answer.content.decode()
        assert "La mère conteste" not in plain(answer)
        assert "Appelez" not in plain(add(asker, page, invoice="FC2026-000062", amount="20,06"))
        with tenant(asker.town.collectivite):
            Titre.objects.filter(pk=asker.third.pk).update(status="transferred")
            Collectivite.objects.filter(pk=asker.town.collectivite.pk).update(treasury_note="Trésorerie, 2 rue Foch.")
        answer = add(asker, page, invoice="FC2026-000062", amount="20,05")
        assert "se paie maintenant à la trésorerie, et non plus ici." in plain(answer)
        assert "Trésorerie, 2 rue Foch." in plain(answer)
        assert "Attendez le courrier" not in plain(answer)

    @pytest.mark.parametrize(("place", "left"), [("1", "40,10 €"), ("2", "84,70 €")])
    def test_gives_one_back(self, asker, place, left):
        page = press(asker, both(asker), retirer=place)
        assert page.status_code == 200
        assert "est retirée de la liste" in plain(page)
        assert left in plain(page)
        assert "124,80" not in plain(page)

    @pytest.mark.parametrize("place", ["", "0", "3", "-1", "x", "9" * 50, "²"])
    def test_gives_back_nothing_that_is_not_there(self, asker, place):
        page = press(asker, both(asker), retirer=place)
        assert page.status_code == 200
        assert "124,80 €" in plain(page)

    def test_pressed_twice_adds_once(self, asker):
        page = opened(asker)
        assert plain(add(asker, page)) == plain(add(asker, page)) or "124,80 €" in plain(add(asker, page))
        assert "124,80 €" in plain(add(asker, page))

    def test_goes_on_with_what_was_typed_and_not_yet_added(self, asker):
        page = press(asker, opened(asker), invoice="FC2026-000061", amount="40,10", continuer="1")
        assert "Payer 124,80 € par carte" in plain(page)

    def test_of_one_is_the_recap_of_one(self, asker):
        page = recap_of(asker, opened(asker))
        assert "Payer 84,70 € par carte" in plain(page)
        assert "une autre facture en même temps" in plain(page)

    def test_holds_ten_at_most(self, asker):
        page = opened(asker)
        for number in range(9):
            cast.make_titre(asker.product, reference=f"FC2026000{200 + number}", amount=Money(1_000))
            page = add(asker, page, invoice=f"FC2026000{200 + number}", amount="10,00")
        assert 'name="ajouter"' not in page.content.decode()
        assert "10 factures au plus" in plain(page)
        page = add(asker, page)
        assert page.status_code == 409
        assert "174,70 €" in plain(page)

    def test_typed_again_or_restored_leads_to_the_form(self, asker):
        answer = asker.guichet.get(LIST)
        assert (answer.status_code, answer["Location"]) == (302, FORM)

    def test_half_an_hour_later_keeps_what_was_typed(self, asker, monkeypatch):
        page = both(asker)
        monkeypatch.setattr(pages, "clock", lambda: MORNING + timedelta(minutes=31))
        later = add(asker, page, invoice="FC2026-000062", amount="20,05")
        assert later.status_code == 200
        assert "144,85 €" in plain(later)

    @pytest.mark.parametrize("token", ["", "x", "x" * 5_000])
    def test_is_lost_with_an_altered_token(self, asker, token):
        page = asker.guichet.post(LIST, {"token": token, "continuer": "1"})
        assert page.status_code == 400
        assert attempts(asker) == []

    def test_of_another_product_is_no_list(self, asker):
        other = cast.make_canteen(asker.town, numcli="006389", slug="creche")
        allow(other)
        page = asker.guichet.post("/saint-aubin/creche/plusieurs/", {"token": token_of(both(asker))})
        assert page.status_code == 400

    def test_is_closed_with_the_regies_leave(self, asker):
        page = both(asker)
        allow(asker.product, allowed=False)
        assert recap_of(asker, page).status_code == 409

    def test_has_the_budget_of_the_first_look_up(self, asker, monkeypatch):
        page = opened(asker)
        monkeypatch.setattr(look_ups, "MOST_WRONG", 3)
        statuses = [
            add(asker, page, invoice=f"FC2026-0091{place:02d}", amount="1,00").status_code for place in range(5)
        ]
        assert statuses[-1] == 429


class TestTheRecap:
    def test_lists_each_and_the_sum(self, asker):
        page = plain(recap_of(asker, both(asker)))
        for shown in ("84,70 €", "40,10 €", "Payer 124,80 € par carte", cast.MME_LEROY, "payée en entier"):
            assert shown in page

    def test_leads_to_one_payment_of_all(self, asker):
        left = leave(asker, recap_of(asker, both(asker)))
        assert left.status_code == 200
        assert attempts(asker) == [(12_480, [asker.titre.pk, asker.second.pk])]

    def test_pressed_twice_is_one_payment(self, asker):
        page = recap_of(asker, both(asker))
        first, second = leave(asker, page), leave(asker, page)
        assert len(attempts(asker)) == 1
        assert re.findall(r'name="PBX_CMD" value="([^"]+)"', first.content.decode()) == re.findall(
            r'name="PBX_CMD" value="([^"]+)"', second.content.decode()
        )

    def test_the_list_after_the_press_leads_to_the_payment_that_stands(self, asker):
        page = recap_of(asker, both(asker))
        leave(asker, page)
        back = press(asker, page)
        assert back.status_code == 409
        assert len(attempts(asker)) == 1

    def test_an_amount_that_changed_meanwhile_stops_all(self, asker):
        page = recap_of(asker, both(asker))
        cast.reduce(asker.second, 10)
        stopped = leave(asker, page)
        assert stopped.status_code == 409
        assert title_of(stopped).startswith("Erreur")
        assert "n’est plus à payer en ligne, ou son montant a changé" in plain(stopped)
        assert "avec son nouveau montant, ou avec la clé de paiement imprimée dessus" in plain(stopped)
        assert "tel qu’imprimé" not in plain(stopped)
        assert attempts(asker) == []
        less = press(asker, stopped, retirer="2")
        assert "Payer 84,70 € par carte" in plain(recap_of(asker, less))

    @pytest.mark.parametrize(
        ("status", "said"),
        [
            ("cancelled", "est annulée"),
            ("written_off", "n’est plus à payer"),
            ("transferred", "se paie maintenant à la trésorerie"),
            ("suspended", "n’est pas payable en ligne en ce moment"),
        ],
    )
    def test_one_that_is_stopped_meanwhile_says_why(self, asker, status, said):
        recap = recap_of(asker, both(asker))
        with tenant(asker.town.collectivite):
            Titre.objects.filter(pk=asker.second.pk).update(status=status)
        stopped = plain(leave(asker, recap))
        assert f"FC2026000061 {said} : à retirer de la liste." in stopped
        assert "tel qu’imprimé" not in stopped

    def test_one_that_somebody_else_pays_meanwhile_stops_all(self, asker):
        page = recap_of(asker, both(asker))
        with tenant(asker.town.collectivite):
            holds.hold(titre=asker.second, attempt_id=0, until=MORNING + timedelta(minutes=15))
        stopped = leave(asker, page)
        assert stopped.status_code == 409
        assert "en cours sur un autre écran" in plain(stopped)
        with tenant(asker.town.collectivite):
            assert Titre.objects.get(pk=asker.titre.pk).held_by is None

    def test_half_an_hour_later_gives_the_list_again(self, asker, monkeypatch):
        page = recap_of(asker, both(asker))
        monkeypatch.setattr(pages, "clock", lambda: MORNING + timedelta(minutes=31))
        later = leave(asker, page)
        assert later.status_code == 409
        assert "Plus de 30 minutes" in plain(later)
        assert "124,80 €" in plain(later)
        assert "Payer 124,80 € par carte" in plain(recap_of(asker, later))

    def test_the_address_is_mended_and_the_list_stays(self, asker):
        form = asker.guichet.post(FORM, {"token": token_of(recap_of(asker, both(asker)))})
        fields = {"invoice": "FC2026-000042", "amount": "84,70", "email": "autre@exemple.fr"}
        carried = re.findall(r'name="avec" value="([^"]+)"', form.content.decode())[0]
        wrong = asker.guichet.post(FORM, fields | {"email": "x", "avec": carried})
        assert wrong.status_code == 422
        assert f'name="avec" value="{carried}"' in wrong.content.decode()
        page = asker.guichet.post(FORM, fields | {"avec": carried})
        assert "Payer 124,80 € par carte" in plain(page)
        assert "autre@exemple.fr" in plain(page)

    def test_a_part_of_the_first_is_of_the_first_alone(self, asker):
        """No page offers it; whoever sends it sees what he will pay."""
        with tenant(asker.town.collectivite):
            type(asker.product).objects.filter(pk=asker.product.pk).update(partial_payment=True)
        page = asker.guichet.post(FORM, {"token": token_of(recap_of(asker, both(asker))), "part": "40,00"})
        assert "Payer 40,00 € par carte" in plain(page)
        leave(asker, page)
        assert attempts(asker) == [(4_000, [asker.titre.pk])]

    def test_a_part_put_in_a_list_is_the_whole_again(self, asker):
        with tenant(asker.town.collectivite):
            type(asker.product).objects.filter(pk=asker.product.pk).update(partial_payment=True)
        part = asker.guichet.post(FORM, form_in(asker.recap(), f"{FORM}#suite") | {"part": "40,00"})
        assert f'action="{LIST}' not in part.content.decode()
        page = press(asker, part)
        assert "84,70 €" in plain(page)

    @pytest.mark.parametrize("carried", ["x", "x" * 5_000])
    def test_a_list_that_we_did_not_seal_is_nothing(self, asker, carried):
        fields = {"invoice": "FC2026-000042", "amount": "84,70", "email": cast.MME_LEROY, "avec": carried}
        assert "Payer 84,70 € par carte" in plain(asker.guichet.post(FORM, fields))

    def test_a_sealed_list_is_looked_up_all_the_same(self, asker):
        """Even who could seal what he likes pays nothing that is not there."""
        recap = Recap(
            exercice=None,
            debt_reference="FC2026000042",
            amount_cents=8_470,
            email=cast.MME_LEROY,
            flow_token=tokens.new_token(),
            handle=tokens.new_token(),
            told_of_earlier=False,
            more=[("FC2026000061", 1_000)],
        )
        with tenant(asker.town.collectivite):
            product = type(asker.product).objects.select_related("account").get(pk=asker.product.pk)
        token = seal(recap, product=product, now=MORNING)
        assert asker.guichet.post(f"{FORM}payer/", {"token": token}).status_code == 409
        twice = seal(Recap(**{**recap.__dict__, "more": [("FC2026000042", 8_470)]}), product=product, now=MORNING)
        assert asker.guichet.post(f"{FORM}payer/", {"token": twice}).status_code == 422
        assert attempts(asker) == []

    def test_a_regie_that_allows_it_no_more_is_told_and_nothing_leaves(self, asker):
        page = recap_of(asker, both(asker))
        allow(asker.product, allowed=False)
        stopped = leave(asker, page)
        assert stopped.status_code == 422
        assert "(R044)" in plain(stopped)
        assert attempts(asker) == []

    def test_tells_of_an_earlier_payment_of_one_of_them(self, asker, monkeypatch):
        asker.leave(asker.guichet.post(FORM, {"invoice": "FC2026-000061", "amount": "40,10", "email": cast.MME_LEROY}))
        monkeypatch.setattr(pages, "clock", lambda: MORNING + timedelta(minutes=40))
        page = recap_of(asker, both(asker))
        assert "peut encore aboutir" in plain(page)
        assert "À propos de" in plain(page)
        assert leave(asker, page).status_code == 200
        assert len(attempts(asker)) == 2


class TestItsOwnPage:
    def test_lists_each_by_its_end_and_amount(self, asker):
        left = leave(asker, recap_of(asker, both(asker)))
        page = plain(asker.guichet.get(asker.page_of(left)))
        for shown in ("124,80 €", "84,70 €", "40,10 €"):
            assert shown in page
        assert "FC2026" not in page

    def test_leads_to_the_same_several_again(self, asker, monkeypatch):
        address, page = failed(asker, monkeypatch)
        again = asker.guichet.post(f"{address}recommencer/", {"token": token_of(page)})
        assert again.status_code == 200
        assert "40,10 €" in plain(again)
        gone = asker.guichet.post(f"{address}recommencer/", {"token": token_of(again), "email": cast.MME_LEROY})
        assert gone.status_code == 200
        assert [titres for _amount, titres in attempts(asker)] == [[asker.titre.pk, asker.second.pk]] * 2
        back = asker.guichet.post(f"{address}recommencer/", {"token": token_of(again)})  # « Back », then loaded again
        assert (back.status_code, back.headers["Location"]) == (303, asker.page_of(gone))

    @pytest.mark.parametrize("online", [False, True])
    def test_says_which_cannot_be_paid_again(self, asker, monkeypatch, online):
        address, page = failed(asker, monkeypatch)
        with tenant(asker.town.collectivite):
            holds.mark_paid(titre=asker.second, at=MORNING)
        monkeypatch.setattr(ways, "paid_online", lambda titre: online and titre == asker.second)
        again = asker.guichet.post(f"{address}recommencer/", {"token": token_of(page)})
        assert again.status_code == 409
        assert "déjà payée" in plain(again)
        assert ("Recevoir le ticket à nouveau" in plain(again)) is online
        assert ("n’a pas été fait en ligne" in plain(again)) is not online
        assert len(attempts(asker)) == 1

    def test_says_that_its_regie_takes_several_no_more_and_leads_to_the_form(self, asker, monkeypatch):
        address, page = failed(asker, monkeypatch)
        recap = asker.guichet.post(f"{address}recommencer/", {"token": token_of(page)})
        allow(asker.product, allowed=False)
        for carried in (
            {"token": token_of(page)},
            {"token": token_of(recap), "email": cast.MME_LEROY},
            {"token": token_of(recap), "email": "leroy"},
        ):
            answer = asker.guichet.post(f"{address}recommencer/", carried)
            assert answer.status_code == 409
            assert title_of(answer).startswith("Erreur")
            assert "ne peuvent pas être payées ensemble (R044)" in plain(answer)
            assert f'href="{FORM}"' in answer.content.decode()
            assert f'action="{address}recommencer/"' not in answer.content.decode()  # no « Payer » that leads back here
        assert len(attempts(asker)) == 1

    def test_says_of_which_something_is_too_much(self, asker, monkeypatch):
        address = asker.page_of(leave(asker, recap_of(asker, both(asker))))
        asker.change(status="paid")
        monkeypatch.setattr(pages, "too_much_of", lambda attempt: asker.second.amount)
        monkeypatch.setattr(pages, "paid_beyond", lambda attempt: shares_of(attempt)[1:])
        told = plain(asker.guichet.get(address))
        assert (
            "Une partie de ces factures (…0061) n’était plus à payer quand il est arrivé : 40,10 € sont en trop" in told
        )
        assert "La facture n’était plus" not in told


def failed(who, monkeypatch):
    """The bank refused both; the address of that payment's own page, and the page."""
    address = who.page_of(leave(who, recap_of(who, both(who))))
    who.change(status="refused")
    who.let_go()
    monkeypatch.setattr(pages, "clock", lambda: MORNING + timedelta(minutes=25))
    return address, who.guichet.get(address)
