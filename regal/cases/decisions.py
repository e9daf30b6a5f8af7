"""How a case of each kind may end. A decision is written down; it never changes a payment."""

from regal.cases.models import Decision, Kind

DECISIONS: dict[Kind, tuple[Decision, ...]] = {
    Kind.CONTRADICTION: (
        Decision.COLLECTED,
        Decision.COLLECTED_THEN_REJECTED,
        Decision.NEVER_COLLECTED,
        Decision.OTHER,
    ),
    Kind.OTHER_PAYMENT: (
        Decision.WITHOUT_PROOF,
        Decision.OF_ANOTHER_PAYMENT,
        Decision.REPORTED,
        Decision.OTHER,
    ),
    Kind.UNKNOWN_OUTCOME: (
        Decision.COLLECTED,
        Decision.NEVER_COLLECTED,
        Decision.REPORTED,
        Decision.OTHER,
    ),
    Kind.STUCK_EFFECT: (),  # its rule closes it: a person who did would see it open again within the minute
    Kind.ABSENT_FROM_FILE: (
        Decision.COLLECTED,
        Decision.LATER_FILE,
        Decision.NEVER_COLLECTED,
        Decision.OTHER,
    ),
    Kind.OTHER_AMOUNT: (
        Decision.AMOUNT_OF_FILE,
        Decision.AMOUNT_ASKED,
        Decision.OF_ANOTHER_PAYMENT,
        Decision.OTHER,
    ),
    Kind.REFUSED_YET_FILED: (
        Decision.PAYER_TOLD,
        Decision.PAYER_NEVER_CHASED,
        Decision.OTHER,
    ),
    Kind.AMBIGUOUS_LINE: (
        Decision.DEBT_NAMED,
        Decision.NOT_OURS,
        Decision.OTHER,
    ),
    Kind.DOUBLE_PAYMENT: (
        Decision.REFUND_ASKED,
        Decision.KEPT_AS_CREDIT,
        Decision.NOTHING_TOO_MUCH,
        Decision.OTHER,
    ),
    Kind.EXCESS: (
        Decision.REFUND_ASKED,
        Decision.KEPT_AS_CREDIT,
        Decision.OTHER,
    ),
    Kind.LATE_PAYMENT: (
        Decision.PAYER_TOLD,
        Decision.PAYER_NEVER_CHASED,
        Decision.OTHER,
    ),
    Kind.IMPOSSIBLE_ANSWER: (
        Decision.COLLECTED,
        Decision.NEVER_COLLECTED,
        Decision.REPORTED,
        Decision.OTHER,
    ),
    Kind.NO_ANSWER: (
        Decision.COLLECTED,
        Decision.NEVER_COLLECTED,
        Decision.REPORTED,
        Decision.OTHER,
    ),
    Kind.NOT_CONFIRMED: (
        Decision.COLLECTED,
        Decision.LATER_FILE,
        Decision.NEVER_COLLECTED,
        Decision.OTHER,
    ),
    Kind.NOT_NOTIFIED: (
        Decision.COLLECTED,
        Decision.LATER_FILE,
        Decision.NEVER_COLLECTED,
        Decision.OTHER,
    ),
    Kind.SAME_TRANSACTION: (
        Decision.COLLECTED,
        Decision.NEVER_COLLECTED,
        Decision.REPORTED,
        Decision.OTHER,
    ),
    Kind.TICKET_NOT_SENT: (
        Decision.TICKET_GIVEN,
        Decision.NOT_ASKED_FOR,
        Decision.OTHER,
    ),
}


def decisions_about(kind: str) -> tuple[Decision, ...]:
    """What a person may decide; nothing where only the rule closes. Raises ValueError for a kind that is not ours."""
    return DECISIONS[Kind(kind)]


def closes_itself(kind: str) -> bool:
    """Whether cases of this kind are closed by their rule alone."""
    return not decisions_about(kind)
