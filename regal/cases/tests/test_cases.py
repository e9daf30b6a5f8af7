"""Cases: one open per kind and subject, each with plain words."""

import pytest

from regal.cases.explanations import EXPLANATIONS, explanation_of
from regal.cases.models import Case, Kind
from regal.cases.operations import open_case
from regal.cases.queries import open_cases, open_cases_about
from regal.lib.tenancy import tenant
from tests import cast
from tests.cast import MORNING, later


class TestExplanations:
    @pytest.mark.parametrize("kind", list(Kind))
    def test_say_what_happened_and_what_to_do(self, kind):
        explanation = explanation_of(kind.value)
        assert str(explanation.what)
        assert str(explanation.to_do)

    def test_are_of_the_closed_list(self):
        assert set(EXPLANATIONS) == set(Kind)
        with pytest.raises(ValueError, match="nonsense"):
            explanation_of("nonsense")


@pytest.mark.django_db
class TestOpenCases:
    @pytest.fixture
    def town(self):
        town = cast.make_saint_aubin()
        with tenant(town.collectivite):
            yield town.collectivite

    def open(self, town, subject_id, kind=Kind.CONTRADICTION, now=MORNING, **facts):
        return open_case(
            collectivite_id=town.pk,
            kind=kind,
            subject_kind="attempt",
            subject_id=subject_id,
            rule="test",
            facts=facts,
            now=now,
        )

    def test_put_what_anybody_may_send_behind_what_is_proved(self, town):
        """However many forged messages: they never push a contradiction out of sight."""
        forged = [self.open(town, subject, kind=Kind.OTHER_PAYMENT, rank=0) for subject in range(10, 13)]
        proved = self.open(town, 20, kind=Kind.OTHER_PAYMENT, now=later(hours=1), rank=3)
        contrary = self.open(town, 21, now=later(hours=2))
        assert list(open_cases(collectivite=town)) == [proved, contrary, *forged]

    def test_are_one_for_each_kind_and_subject(self, town):
        assert self.open(town, 1).pk == self.open(town, 1, now=later(hours=1)).pk
        self.open(town, 2)
        self.open(town, 1, kind=Kind.OTHER_PAYMENT)
        assert open_cases(collectivite=town).count() == 3
        assert open_cases_about(collectivite=town, subject_kind="attempt", subject_id=1).count() == 2
        assert not open_cases_about(collectivite=town, subject_kind="effect", subject_id=1).exists()

    def test_come_oldest_first_and_leave_when_closed(self, town):
        late, early = self.open(town, 1, now=later(hours=1)), self.open(town, 2)
        assert list(open_cases(collectivite=town)) == [early, late]
        Case.objects.of(town).filter(pk=early.pk).update(closed_at=later(hours=2), closed_rule="test", decision="other")
        assert list(open_cases(collectivite=town)) == [late]
        assert self.open(town, 2).pk != early.pk
