"""The régisseur's quittances in a history, from a draw of their own: the rest goes as without them."""

import random

from regal.lib.tenancy import tenant
from regal.payments.models import Settlement
from regal.people.models import Role
from regal.receipts import quittances
from regal.receipts.models import Quittance
from regal.titres.refusals import Refusal
from tests.simulation.world import World

ACTS = (0, 1, 2, 5)  # how many in a history


class Quittances:
    """Issued, or taken, at any moment, whatever the settlement is; some of his processes die."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.draw = random.Random(f"quittances {world.town.collectivite.slug}")  # noqa: S311 - a simulation

    def moments(self) -> list[float]:
        """Minutes after the beginning."""
        return [self.draw.uniform(1, 175) for _ in range(self.draw.choice(ACTS))]

    def act(self) -> None:
        """Issue one, and perhaps take it, twice perhaps."""
        town = self.world.town.collectivite
        with tenant(town):
            settled = list(Settlement.objects.of(town).order_by("pk"))
            given = list(Quittance.objects.of(town).select_related("regie", "issued_by").order_by("pk"))
        after = self.draw.randrange(25) if self.draw.random() < 0.3 else None
        if given and self.draw.random() < 0.5:
            quittance = self.draw.choice(given)
            self.world.may_die(lambda: quittances.deliver(quittance=quittance, now=self.world.clock()), after=after)
            self.world.note("somebody takes a quittance")
        elif settled:
            settlement = self.draw.choice(settled)
            try:
                self.world.may_die(
                    lambda: quittances.issue(settlement=settlement, role=Role.REGISSEUR, now=self.world.clock()),
                    after=after,
                )
            except Refusal as refusal:
                self.world.note(f"no quittance: {refusal.code}")
            else:
                self.world.note("the régisseur issues a quittance")
