"""The letters of PayFiP, each line with its source; a letter that is not here is UNKNOWN, never a crash.

The sources are the keys of `docs/protocols/payfip.md`, "Sources".
"""

from regal.gateways.base import Environment, Means, Outcome

# resultrans: what became of the payment ("Notification")
OUTCOMES: dict[str, tuple[Outcome, Means]] = {
    "P": (Outcome.PAID, Means.CARD),  # paid by card: EO, NOE, WPT, INS, MOK, HOR, SBM, PMB
    "R": (Outcome.REFUSED, Means.CARD),  # card refused: EO, NOE, WPT, MOK, HOR, SBM, PMB
    "A": (Outcome.ABANDONED, Means.CARD),  # the payer gave up: EO, NOE, WPT, MOK, HOR, SBM, PMB
    "V": (Outcome.PAID, Means.DIRECT_DEBIT),  # direct debit accepted, since 2018: EO, PMB, HOR, NPF, BPH
    "Z": (Outcome.REFUSED, Means.DIRECT_DEBIT),  # direct debit refused, since 2018: EO, PMB, HOR, NPF, BPH
}

# saisie: which environment, and in production who typed the reference ("Request", table of saisie)
SAISIE_ENVIRONMENTS: dict[str, Environment] = {
    "T": Environment.TEST,  # no money moves: EO, NOE, NPF, MOK, FFW, HOR, SBM, SYL, WPT
    "X": Environment.ACTIVATION,  # the run that opens production: EO, NOE, NPF, HOR, LUT, SBM, SYL, BPH
    "A": Environment.PRODUCTION,  # the site knew the reference and the amount: EO, NOE/GES
    "M": Environment.PRODUCTION,  # the payer typed them on the site: EO, FFW, WPT
    # W is production through the web service; in this mode it belongs to nobody, and is unreadable
}
