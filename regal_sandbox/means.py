"""The means of payment played: card, prélèvement (SEPA direct debit), and virement, one that is still to come.

A request cannot choose; the payer does. Nobody knows the letters of virement: those below are ours, and settings.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Means:
    label: str  # as the ticket says it
    decision: str  # the button that chooses it
    first_state: str  # of the transaction, once chosen
    letters: dict[str, str]  # outcome → `resultrans`


CARD = "card"
DIRECT_DEBIT = "direct_debit"
TRANSFER = "transfer"
MEANS: dict[str, Means] = {
    CARD: Means(
        label="Carte bancaire",
        decision="carte",
        first_state="card",
        letters={"paid": "P", "refused": "R", "abandoned": "A"},
    ),
    DIRECT_DEBIT: Means(
        label="Prélèvement",
        decision="prelevement",
        first_state="sign_in",
        letters={"paid": "V", "refused": "Z", "abandoned": "A"},
    ),
    TRANSFER: Means(
        label="Virement",
        decision="virement",
        first_state="transfer",
        letters={"paid": "B", "refused": "C", "abandoned": "A"},
    ),
}


def resultrans(means: str, state: str) -> str:
    """PayFiP's letter for an outcome; empty until there is one. Abandoning before any choice is an `A` as well."""
    return MEANS[means or CARD].letters.get(state, "")
