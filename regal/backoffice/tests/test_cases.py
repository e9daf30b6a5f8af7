"""The bureau's pages of what waits for a person: seen by one's own town, decided by whoever may, never moving money."""

import dataclasses
import re

import pytest

from regal.audit.models import AuditEntry
from regal.backoffice import cases as pages
from regal.backoffice import pages as other_pages
from regal.cases.decisions import closes_itself, decisions_about
from regal.cases.models import Case, CaseEvent, Kind
from regal.cases.operations import open_case
from regal.gateways.base import DebtKind, Outcome
from regal.journal.models import Entry
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, AttemptEvent, Evidence, Settlement
from regal.people.models import Membership, Role, User
from tests import cast, notices
from tests.cast import MORNING, later
from tests.sites import BureauClient

pytestmark = pytest.mark.django_db
LIST = "/saint-aubin/anomalies/"
REASON = "Le comptable l’a confirmé au téléphone."


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    for module in (pages, other_pages):
        monkeypatch.setattr(module, "clock", lambda: later(hours=5))
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose


@pytest.fixture
def nadia(bureau, town):
    bureau.force_login(town.agent)
    return bureau


@pytest.fixture
def paul(town):
    """A régisseur, and his browser."""
    user = User.objects.create_user(identifier="paul", email="paul@example.org", display_name="Paul Régis")
    with tenant(town.collectivite):
        Membership.objects.create(collectivite=town.collectivite, user=user, role=Role.REGISSEUR)
    client = BureauClient()
    client.force_login(user)
    client.user = user  # type: ignore[attr-defined]
    return client


def opened(town, kind=Kind.CONTRADICTION, subject_kind="attempt", subject_id=1, now=MORNING, facts=None):
    with tenant(town.collectivite):
        return open_case(
            collectivite_id=town.collectivite.pk,
            kind=kind,
            subject_kind=subject_kind,
            subject_id=subject_id,
            rule="test",
            facts=facts or {},
            now=now,
        )


def address(case):
    return f"{LIST}{case.pk}/"


def plain(answer):
    content = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", content)


def act(client, case, name, **fields):
    return client.post(address(case), {"acte": name, **fields})


def again(town, case):
    with tenant(town.collectivite):
        return Case.objects.of(town.collectivite).select_related("assigned_to", "closed_by").get(pk=case.pk)


def audited(town):
    with tenant(town.collectivite):
        entries = AuditEntry.objects.of(town.collectivite).filter(actor__isnull=False).order_by("pk")
        return [(one.action, one.subject, one.before, one.after, one.actor_id) for one in entries]


def money(town):
    """Everything that says what was paid."""
    with tenant(town.collectivite):
        return [
            list(model.objects.of(town.collectivite).order_by("pk").values())
            for model in (Attempt, AttemptEvent, Evidence, Settlement, Entry)
        ]


def broken_every_way(town):
    """One case of each kind, through what really opens it where it can be; the others as the matching writes them."""
    twice, unknown, contrary = (cast.start(town, debt_reference=f"20260000000{n}000001").attempt for n in (1, 2, 3))
    notices.tell(town, twice, notices.form(town, twice, montant="1"))
    notices.hear(town, unknown, notices.notice(town, unknown, Outcome.UNKNOWN))
    notices.hear(town, contrary)
    notices.hear(town, contrary, notices.notice(town, contrary, Outcome.REFUSED))
    product = cast.make_product(town, DebtKind.REGIE, slug="cantine", numcli="350005")
    regie = dataclasses.replace(town, product=product, account=product.account)
    for told in (False, True):
        started = cast.start(regie, debt_reference="FC2026000001", amount=Money(4_500), told_of_earlier=told)
        notices.hear(regie, started.attempt)
    facts = {"evidence": 1, "file": 12, "line": 7, "filed_cents": 9_900, "expected_cents": 12_550, "day": "2026-11-24"}
    for kind in (Kind.ABSENT_FROM_FILE, Kind.OTHER_AMOUNT, Kind.REFUSED_YET_FILED):
        opened(town, kind, subject_id=twice.pk, facts=facts)
    opened(town, Kind.AMBIGUOUS_LINE, "deposited_file", 12, facts={**facts, "attempts": [twice.pk, unknown.pk]})
    stuck = {"kind": "judge_message", "tries": 8, "failure": "KeyError"}
    opened(town, Kind.STUCK_EFFECT, "effect", 3, facts=stuck)
    opened(town, Kind.EXCESS, subject_id=twice.pk, facts={"excess_cents": 1_250, "titre": 5, "why": "cancelled"})
    opened(town, Kind.LATE_PAYMENT, subject_id=twice.pk, facts={"evidence": 1, "outcome": "paid"})
    opened(town, Kind.IMPOSSIBLE_ANSWER, subject_id=twice.pk, facts={"evidence": 1, "outcome": "forgotten"})
    opened(town, Kind.NOT_CONFIRMED, subject_id=twice.pk, facts={"since": later(days=-3).isoformat()})
    opened(town, Kind.NOT_NOTIFIED, subject_id=twice.pk, facts={"evidence": 1, "outcome": "pending"})
    opened(town, Kind.SAME_TRANSACTION, subject_id=twice.pk, facts={"evidence": 1, "outcome": "paid"})
    unsent = {"ticket": 1, "unsent": "bad_address", "mail_code": "smtp_550"}
    opened(town, Kind.TICKET_NOT_SENT, subject_id=twice.pk, facts=unsent)
    silent = {"contract": "350005", "since": later(hours=-2).isoformat(), "failure": "timeout"}
    opened(town, Kind.NO_ANSWER, "account", product.account_id, facts=silent)
    with tenant(town.collectivite):
        return {Kind(case.kind): case for case in Case.objects.of(town.collectivite)}


class TestEachKind:
    def test_is_opened_read_and_closed_without_moving_money(self, paul, town):
        cases = broken_every_way(town)
        assert set(cases) == set(Kind)
        before = money(town)
        for kind, case in cases.items():
            read = plain(paul.get(address(case)))
            assert f"Anomalie {case.pk} ouverte" in read
            assert "La procédure pas à pas" in read
            if closes_itself(kind):
                assert "se refermera d’elle-même" in read
                answer = act(paul, case, "clore", decision="other", motif=REASON)
                assert answer.status_code == 422
                assert "R436" in plain(answer)
                assert again(town, case).is_open
                continue
            decision = decisions_about(kind)[0]
            answer = act(paul, case, "clore", decision=decision.value, motif=REASON)
            assert (answer.status_code, answer.url) == (303, address(case))
            read = plain(paul.get(address(case)))
            assert f"{str(decision.label)[1:]}." in read
            assert "Par Paul Régis, le 24 novembre 2026 à 14 h 00. Aucun paiement n’a changé." in read
        assert money(town) == before

    def test_shows_what_its_rule_wrote_down(self, nadia, town):
        cases = broken_every_way(town)
        read = plain(nadia.get(address(cases[Kind.OTHER_AMOUNT])))
        for shown in (
            "Montant dans le fichier 99,00 €",
            "Montant demandé ici 125,50 €",
            "Fichier Fichier déposé n° 12",
            "Ligne du fichier 7",
            "Jour 24 novembre 2026",
            "Le paiement 125,50 €, référence …",
        ):
            assert shown in read
        excess = plain(nadia.get(address(cases[Kind.EXCESS])))
        assert "Montant en trop 12,50 €" in excess
        assert "Pourquoi la facture est annulée" in excess
        unsent = plain(nadia.get(address(cases[Kind.TICKET_NOT_SENT])))
        assert "Le ticket le serveur de courrier refuse cette adresse" in unsent
        assert "Réponse du serveur de courrier smtp_550" in unsent
        silent = plain(nadia.get(address(cases[Kind.NO_ANSWER])))
        assert "Contrat PayFiP 350005" in silent
        assert "Sans réponse depuis 24 novembre 2026 à 7 h 00" in silent
        assert "PayFiP n’a pas répondu à temps" in silent
        assert "PayFiP ne connaît pas, ou plus" in plain(nadia.get(address(cases[Kind.IMPOSSIBLE_ANSWER])))
        assert "Ce qui diffère le montant" in plain(nadia.get(address(cases[Kind.OTHER_PAYMENT])))
        assert "lire un message reçu" in plain(nadia.get(address(cases[Kind.STUCK_EFFECT])))
        assert plain(nadia.get(address(cases[Kind.DOUBLE_PAYMENT]))).count("45,00 €, référence …") == 2
        assert plain(nadia.get(address(cases[Kind.AMBIGUOUS_LINE]))).count("L’autre paiement") == 2

    def test_of_an_unknown_result_shows_the_code_that_came(self, nadia, town):
        attempt = cast.start(town).attempt
        said = notices.notice(town, attempt, Outcome.UNKNOWN)
        notices.hear(town, attempt, dataclasses.replace(said, facts={**said.facts, "outcome_code": "B"}))
        with tenant(town.collectivite):
            case = Case.objects.get()
        assert "Code reçu B" in plain(nadia.get(address(case)))

    @pytest.mark.parametrize(
        "facts",
        [
            {},
            {"differs": 3, "rank": "x", "outcome": [], "filed_cents": "1", "expected_cents": None, "day": 5},
            {"differs": {"x": 1}, "rank": 99, "outcome": "x", "filed_cents": 1.5, "day": "2026-13-40", "file": "x"},
            {"line": True, "kind": ["x"], "tries": {}, "failure": "x" * 5000, "attempts": "12", "other_attempt": 2**70},
            [],
            "x",
            {"attempts": [None, -1, True, 10**30, "<script>"], "other_attempt": "1"},
        ],
    )
    def test_is_shown_whatever_its_facts_are(self, nadia, town, facts):
        with tenant(town.collectivite):
            case = Case.objects.create(
                collectivite=town.collectivite,
                kind=Kind.AMBIGUOUS_LINE,
                subject_kind="deposited_file",
                subject_id=1,
                rule="test",
                facts=facts,
                opened_at=MORNING,
            )
        answer = nadia.get(address(case))
        assert answer.status_code == 200
        assert "<script>" not in answer.content.decode()


class TestList:
    def test_tells_kind_age_and_holder(self, nadia, town):
        case = opened(town, now=later(days=-3))
        opened(town, Kind.AMBIGUOUS_LINE)
        nadia.get(address(case))
        act(nadia, case, "prendre")
        read = plain(nadia.get(LIST))
        assert "Ouvertes (2) À moi (1) Closes (0)" in read
        assert "3 jours nadia" in read
        assert "aujourd’hui personne" in read
        assert "Ligne de fichier" not in plain(nadia.get(f"{LIST}?pile=a-moi")).partition("<table")[2]

    def test_marks_what_nobody_looked_at_in_time(self, nadia, town):
        case = opened(town, now=later(days=-5))
        assert "jamais regardée" in plain(nadia.get(LIST))
        nadia.head(address(case))
        assert "jamais regardée" in plain(nadia.get(LIST))
        nadia.get(address(case))
        assert "jamais regardée" not in plain(nadia.get(LIST))

    def test_is_narrowed_to_a_kind(self, nadia, town):
        opened(town)
        opened(town, Kind.AMBIGUOUS_LINE)
        body = nadia.get(f"{LIST}?nature=contradiction").content.decode().partition("<table")[2]
        assert "Message contraire" in body
        assert "Ligne de fichier" not in body

    def test_says_when_nothing_waits(self, nadia, town):
        assert "Aucune anomalie n’attend." in plain(nadia.get(LIST))
        assert "Aucune anomalie ne vous est confiée." in plain(nadia.get(f"{LIST}?pile=a-moi"))
        assert "Aucune anomalie n’a encore été close." in plain(nadia.get(f"{LIST}?pile=closes"))

    def test_shows_the_closed_ones_with_their_decision(self, paul, town):
        case = opened(town)
        act(paul, case, "clore", decision="collected", motif=REASON)
        read = plain(paul.get(f"{LIST}?pile=closes"))
        assert "Paul Régis Encaissé, le comptable public le confirme" in read
        assert "Aucune anomalie n’attend." in plain(paul.get(LIST))

    @pytest.mark.parametrize(
        "query", ["?pile=x", "?nature=%00", "?apres=%00", "?apres=0-1-1&pile=closes", "?nature=<b>"]
    )
    def test_takes_nonsense_for_nothing(self, nadia, town, query):
        opened(town)
        assert nadia.get(f"{LIST}{query}").status_code == 200

    def test_asks_as_many_questions_for_fifty_as_for_one(self, nadia, town, django_assert_max_num_queries):
        for number in range(60):
            opened(town, subject_id=number)
        with django_assert_max_num_queries(14):
            assert nadia.get(LIST).content.decode().count("<tr") == 51


class TestCase:
    def test_notes_who_looked_first(self, nadia, paul, town):
        case = opened(town)
        nadia.get(address(case))
        paul.get(address(case))
        assert "Regardée pour la première fois par nadia" in plain(paul.get(address(case)))
        assert again(town, case).first_seen_by == town.agent

    def test_is_taken_noted_and_given_back(self, nadia, town):
        case = opened(town)
        assert act(nadia, case, "prendre").status_code == 303
        assert act(nadia, case, "noter", note="Le comptable rappelle <b>demain</b>").status_code == 303
        answer = nadia.get(address(case))
        assert "Prise par nadia" in plain(answer)
        assert "Le comptable rappelle &lt;b&gt;demain&lt;/b&gt;" in answer.content.decode()
        assert act(nadia, case, "rendre", tenue_par=town.agent.pk).status_code == 303
        subject, before = f"case {case.pk}", {"assigned_to": town.agent.pk}
        assert audited(town) == [
            ("assign_case", subject, {"assigned_to": None}, before, town.agent.pk),
            ("note_case", subject, before, {"event": 2}, town.agent.pk),
            ("release_case", subject, before, {"assigned_to": None}, town.agent.pk),
        ]

    def test_is_entrusted_by_a_regisseur(self, paul, town):
        case = opened(town)
        assert act(paul, case, "confier", personne=town.agent.pk).status_code == 303
        assert again(town, case).assigned_to == town.agent
        assert "Confiée par Paul Régis à nadia" in plain(paul.get(address(case)))

    @pytest.mark.parametrize("whom", ["", "0", "x", "\x00", "9" * 40])
    def test_is_entrusted_to_nobody_from_elsewhere(self, paul, town, whom):
        next_town = cast.make_next_town()
        case = opened(town)
        for person in (whom, next_town.agent.pk):
            answer = act(paul, case, "confier", personne=person)
            assert answer.status_code == 422
            assert "R438" in plain(answer)
        assert again(town, case).assigned_to is None

    def test_is_closed_with_its_audit_row(self, paul, town):
        case = opened(town)
        act(paul, case, "clore", decision="collected", motif=REASON)
        closed = again(town, case)
        assert (closed.decision, closed.reason, closed.closed_by) == ("collected", REASON, paul.user)
        after = {"decision": "collected", "reason": REASON}
        assert audited(town) == [("close_case", f"case {case.pk}", {"assigned_to": None}, after, paul.user.pk)]

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({}, "R434"),
            ({"decision": "collected"}, "R431"),
            ({"decision": "collected", "motif": "court"}, "R431"),
            ({"decision": "collected", "motif": "Payé par 4111 1111 1111 1111 hier"}, "R433"),
            ({"decision": "collected", "motif": "Un texte assez long \u202e retourné"}, "R440"),
            ({"decision": "refund_asked", "motif": REASON}, "R434"),
            ({"decision": "resolved_itself", "motif": REASON}, "R434"),
        ],
    )
    def test_says_what_is_missing_beside_its_field(self, paul, town, fields, code):
        case = opened(town)
        answer = act(paul, case, "clore", **fields)
        assert answer.status_code == 422
        content = answer.content.decode()
        assert "<title>Erreur : Anomalie" in content
        assert code in plain(answer)
        assert 'aria-invalid="true"' in content
        assert 'href="#acte_' in content
        assert again(town, case).is_open
        assert audited(town) == []

    def test_closed_meanwhile_says_by_whom_and_keeps_what_was_typed(self, paul, town):
        case = opened(town)
        act(paul, case, "clore", decision="collected", motif=REASON)
        answer = act(paul, case, "clore", decision="never_collected", motif="Une autre réponse, arrivée après.")
        assert answer.status_code == 422
        read = plain(answer)
        assert "close entre-temps par Paul Régis le 24 novembre 2026 à 14 h 00" in read
        assert "Une autre réponse, arrivée après." in read
        assert again(town, case).decision == "collected"
        assert len(audited(town)) == 1

    @pytest.mark.parametrize("name", ["clore", "confier"])
    def test_is_neither_closed_nor_entrusted_by_an_agent(self, nadia, paul, town, name):
        case = opened(town)
        answer = act(nadia, case, name, decision="collected", motif=REASON, personne=paul.user.pk)
        assert answer.status_code == 403
        assert again(town, case).is_open
        assert audited(town) == []
        assert 'value="clore"' not in nadia.get(address(case)).content.decode()

    @pytest.mark.parametrize("name", ["prendre", "rendre", "confier", "noter", "clore", "", "x"])
    def test_is_not_there_for_the_next_town(self, paul, town, name):
        next_town = cast.make_next_town()
        case, theirs = opened(town), opened(next_town)
        assert paul.get(address(theirs)).status_code == 404
        assert act(paul, theirs, name, note="x", decision="collected", motif=REASON).status_code == 404
        assert paul.get(f"/val-de-l-orne/anomalies/{theirs.pk}/").status_code == 404
        with tenant(next_town.collectivite):
            assert CaseEvent.objects.of(next_town.collectivite).count() == 0
        assert paul.get(f"{LIST}{case.pk + theirs.pk}/").status_code == 404

    @pytest.mark.parametrize("key", ["0", str(2**63), "9" * 100])
    def test_is_not_there_for_odd_numbers(self, nadia, town, key):
        assert nadia.get(f"{LIST}{key}/").status_code == 404

    @pytest.mark.parametrize("page", [LIST, f"{LIST}1/"])
    def test_leads_strangers_to_sign_in(self, bureau, town, page):
        assert bureau.get(page).url == f"/connexion/?next={page}"
        assert bureau.post(page).status_code == 302

    def test_is_in_english_under_en(self, nadia, town):
        answer = nadia.get(f"/en{address(opened(town))}")
        assert 'lang="en"' in answer.content.decode()


class TestOtherPages:
    def test_the_first_page_leads_to_each(self, nadia, town):
        case = opened(town)
        assert f'href="{address(case)}"' in nadia.get("/saint-aubin/").content.decode()

    def test_the_payment_keeps_its_closed_ones_in_sight(self, paul, town):
        attempt = cast.start(town).attempt
        case = opened(town, subject_id=attempt.pk)
        act(paul, case, "clore", decision="collected", motif=REASON)
        answer = paul.get(f"/saint-aubin/paiements/{attempt.pk}/")
        assert "Anomalies closes" in plain(answer)
        assert f'href="{address(case)}"' in answer.content.decode()
        assert "Anomalies à regarder" not in plain(answer)

    def test_the_payment_shows_the_others_of_its_reference(self, nadia, town):
        first = cast.start(town).attempt
        second = cast.start(town, now=later(minutes=5), told_of_earlier=True, amount=Money(9_900)).attempt
        read = plain(nadia.get(f"/saint-aubin/paiements/{first.pk}/"))
        assert "Autres paiements de cette référence" in read
        assert "99,00 €" in read
        assert "payée en trop" not in read
        for attempt in (first, second):
            notices.tell(town, attempt, notices.form(town, attempt))
        for attempt in (first, second):
            read = plain(nadia.get(f"/saint-aubin/paiements/{attempt.pk}/"))
            assert "2 paiements annoncés payés ou confirmés pour cette référence" in read
        alone = cast.start(town, debt_reference="202600000413000001").attempt
        assert "Autres paiements" not in plain(nadia.get(f"/saint-aubin/paiements/{alone.pk}/"))
