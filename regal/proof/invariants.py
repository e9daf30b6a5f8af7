"""Every invariant that can be asked of today's tables. What cannot be asked yet is not here, so it never seems to hold.

An invariant is a sentence that is true at any instant; its questions find the rows that break it.
"""

from regal.proof.cases import CASES
from regal.proof.files import FILES
from regal.proof.findings import Invariant
from regal.proof.money import MONEY
from regal.proof.names import NAMES
from regal.proof.notices import NOTICES
from regal.proof.quittances import QUITTANCES
from regal.proof.repairs import REPAIRS
from regal.proof.rights import RIGHTS
from regal.proof.routing import ROUTING
from regal.proof.signed import SIGNED
from regal.proof.states_and_messages import STATES_AND_MESSAGES
from regal.proof.tickets import TICKETS
from regal.proof.titres import TITRES
from regal.proof.walls import WALLS

INVARIANTS: tuple[Invariant, ...] = tuple(
    sorted(
        (
            *CASES,
            *FILES,
            *MONEY,
            *QUITTANCES,
            *NAMES,
            *NOTICES,
            *REPAIRS,
            *RIGHTS,
            *ROUTING,
            *SIGNED,
            *STATES_AND_MESSAGES,
            *TICKETS,
            *TITRES,
            *WALLS,
        ),
        key=lambda invariant: invariant.id,
    )
)
