"""The letters of PayFiP's web service, each line with its source; one that is not here is UNKNOWN, never a crash.

The figures count the independent sources that agree, the keys name them: `docs/protocols/payfip.md`, "Sources".
"""

from regal.gateways.base import Environment, Means, Outcome

# resultrans: what became of the payment ("What became of it")
OUTCOMES: dict[str, tuple[Outcome, Means]] = {
    "P": (Outcome.PAID, Means.CARD),  # paid by card [8; REC]
    "R": (Outcome.REFUSED, Means.CARD),  # card refused [8; REC]
    "A": (Outcome.ABANDONED, Means.CARD),  # the payer gave up; may still become P [8; REC]
    "V": (Outcome.PAID, Means.DIRECT_DEBIT),  # direct debit accepted [5: EO, PMB, HOR, NPF, BPH; REC]
    "Z": (Outcome.REFUSED, Means.DIRECT_DEBIT),  # direct debit refused [5: EO, PMB, HOR, NPF, BPH]
}

# saisie: which environment ("Web service")
SAISIE_ENVIRONMENTS: dict[str, Environment] = {
    "T": Environment.TEST,  # no money moves [9]
    "X": Environment.ACTIVATION,  # the run that opens production [8]
    "W": Environment.PRODUCTION,  # the web service's own letter [6: EO, HOR, LUT, SBM, SYL, SEO]
    # A and M are production in address mode; in this mode they belong to nobody, and are unreadable
}

# What a FonctionnelleErreur says when we ask about an idOp; any other code says that our question was wrong ("Faults")
ANSWERING_FAULTS: dict[str, Outcome] = {
    "P5": Outcome.PENDING,  # the result is not known yet [4: REC, EO, SYL, BPH]
    "P1": Outcome.FORGOTTEN,  # the idOp is unknown: never existed, or purged in the night [3: REC, EO, BPH]
    "P3": Outcome.PENDING,  # already used: said of the payer's page only [1: BPH]; here it would tell no result either
    "P4": Outcome.PENDING,  # older than 15 minutes: said of the payer's page only [1: BPH]; likewise
}

# The three other faults of the interface definition: PayFiP itself is out of order [WSDL; HOR reads all of them]
TECHNICAL_FAULTS: dict[str, str] = {
    "TechDysfonctionnementErreur": "tech_dysfonctionnement",
    "TechIndisponibiliteErreur": "tech_indisponibilite",
    "TechProtocolaireErreur": "tech_protocolaire",
}
