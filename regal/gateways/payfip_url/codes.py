"""The letters of PayFiP, each line with its source; a letter that is not here is UNKNOWN, never a crash.

The figures count the independent sources that agree, the keys name them: `docs/protocols/payfip.md`, "Sources".
"""

from regal.gateways.base import Environment, Means, Outcome

# resultrans: what became of the payment ("Notification")
OUTCOMES: dict[str, tuple[Outcome, Means]] = {
    "P": (Outcome.PAID, Means.CARD),  # paid by card [8]
    "R": (Outcome.REFUSED, Means.CARD),  # card refused [8]
    "A": (Outcome.ABANDONED, Means.CARD),  # the payer gave up [8]
    "V": (Outcome.PAID, Means.DIRECT_DEBIT),  # direct debit accepted, since 2018 [5: EO, PMB, HOR, NPF, BPH]
    "Z": (Outcome.REFUSED, Means.DIRECT_DEBIT),  # direct debit refused, since 2018 [5: EO, PMB, HOR, NPF, BPH]
}

# saisie: which environment, and in production who typed the reference ("Request", table of saisie)
SAISIE_ENVIRONMENTS: dict[str, Environment] = {
    "T": Environment.TEST,  # no money moves [9]
    "X": Environment.ACTIVATION,  # the run that opens production [8]
    "A": Environment.PRODUCTION,  # the site knew the reference and the amount [2: EO, NOE/GES]
    "M": Environment.PRODUCTION,  # the payer typed them on the site [3: EO, FFW, WPT]
    # W is production through the web service; in this mode it belongs to nobody, and is unreadable
}
