"""What a migration makes of what was there before it."""

from importlib import import_module

from django.db import connections

from regal.cases.models import Case
from regal.lib.tenancy import tenant
from tests import cast, notices, proof

CUT_AND_CASES = import_module("regal.payments.migrations.0004_messages_cut_and_cases_of_what_differs")


def test_what_differed_before_there_were_cases_for_it_gets_one(committed_db):
    towns = [cast.make_saint_aubin(), cast.make_next_town()]
    attempts = [cast.start(town).attempt for town in towns]
    for town, attempt in zip(towns, attempts, strict=True):
        for montant in ("1", "2"):
            notices.tell(town, attempt, notices.form(town, attempt, montant=montant))
    with connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM cases_case")
        assert {row.invariant for row in proof.broken()} == {"I-21"}
        for _ in range(2):
            cursor.execute(CUT_AND_CASES.CASES_OF_WHAT_DIFFERS)
    for town, attempt in zip(towns, attempts, strict=True):
        with tenant(town.collectivite):
            (case,) = Case.objects.all()
        assert (case.kind, case.subject_kind, case.subject_id) == ("other_payment", "attempt", attempt.pk)
        assert case.facts["differs"] == ["amount"]
    assert proof.broken() == ()
