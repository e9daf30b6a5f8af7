"""What the database itself refuses of a collectivité, and how its contracts' secrets are kept."""

import hashlib

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from regal.collectivites.models import RESERVED_SLUGS, AccountSecret, Collectivite, Logo
from regal.collectivites.operations import keep_secret, open_secret
from regal.collectivites.queries import collectivites_called, workplace, workplaces
from regal.lib.tenancy import tenant
from regal.lib.vault import CannotOpen, Secret, UnknownKeyVersion, new_master_key
from regal.people.models import Role
from tests import cast, pictures
from tests.cast import MORNING
from tests.routes import all_routes


@pytest.fixture
def town(db):
    return cast.make_saint_aubin()


class TestSlug:
    @pytest.mark.parametrize("slug", [*sorted(RESERVED_SLUGS), "", "Bourg", "le bourg", "-bourg", "bourg-", "a--b"])
    def test_is_refused_by_the_database_itself(self, db, slug):
        with pytest.raises(IntegrityError, match="collectivites_collectivite_slug"), transaction.atomic():
            Collectivite.objects.create(slug=slug, name="x")

    def test_never_hides_one_of_our_own_addresses(self):
        firsts = {route.path.split("/")[0] for route in all_routes()}
        assert {first for first in firsts if first and not first.startswith("<")} <= RESERVED_SLUGS


class TestLook:
    """What the database itself keeps out."""

    @pytest.mark.parametrize("colour", ["red", "#0B5563", "#fff", "#0b5563;", "#0b556\n"])
    @pytest.mark.parametrize("field", ["main_colour", "accent_colour"])
    def test_has_colours_or_none(self, db, field, colour):
        with pytest.raises(DatabaseError, match=r"collectivites_collectivite_colours|too long"), transaction.atomic():
            Collectivite.objects.create(slug="bourg", name="x", **{field: colour})

    def test_has_the_digest_of_a_logo_or_none(self, db):
        with pytest.raises(IntegrityError, match="collectivites_collectivite_logo"), transaction.atomic():
            Collectivite.objects.create(slug="bourg", name="x", logo_digest="../x")

    @pytest.mark.parametrize(
        ("png", "constraint"),
        [
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "small_png"),
            (pictures.picture() + bytes(60_000), "small_png"),
            (b"", "small_png"),
        ],
        ids=["svg", "heavy", "empty"],
    )
    def test_has_small_pngs_only(self, town, png, constraint):
        with pytest.raises(IntegrityError, match=f"collectivites_logo_{constraint}"), tenant(town.collectivite):
            self.add(town, png, hashlib.sha256(png).hexdigest())

    def test_has_logos_that_are_what_their_digest_says_and_stay_so(self, town):
        png = pictures.picture()
        with pytest.raises(IntegrityError, match="collectivites_logo_is_its_digest"), tenant(town.collectivite):
            self.add(town, png, "0" * 64)
        with tenant(town.collectivite):
            logo = self.add(town, png, hashlib.sha256(png).hexdigest())
        with pytest.raises(DatabaseError, match="permission denied"), tenant(town.collectivite):
            logo.save(update_fields=["png"])
        with pytest.raises(DatabaseError, match="permission denied"), tenant(town.collectivite):
            logo.delete()

    def add(self, town, png, digest):
        return Logo.objects.create(collectivite=town.collectivite, png=png, digest=digest)


class TestWorkplaces:
    def test_are_the_towns_where_somebody_works(self, town):
        next_town = cast.make_next_town()
        assert workplaces(town.agent.pk, now=MORNING) == [town.collectivite]
        assert workplaces(2**62, now=MORNING) == []
        assert list(collectivites_called()) == [town.collectivite, next_town.collectivite]

    def test_are_entered_by_their_slug_in_one_s_role(self, town):
        cast.make_next_town()
        assert workplace(user_id=town.agent.pk, slug="saint-aubin", now=MORNING) == (town.collectivite, Role.AGENT)
        assert workplace(user_id=town.agent.pk, slug="val-de-l-orne", now=MORNING) is None
        assert workplace(user_id=town.agent.pk, slug="nulle-part", now=MORNING) is None


class TestSecrets:
    VALUE = "un secret de passerelle"

    @pytest.fixture(autouse=True)
    def keys(self, settings):
        settings.SECRET_KEYS = f"k1:{new_master_key()}"

    def keep(self, town):
        with tenant(town.collectivite):
            return keep_secret(account=town.account, name="hmac", value=Secret.of_text(self.VALUE))

    def test_are_sealed_and_open_again(self, town):
        row = self.keep(town)
        assert self.VALUE not in row.sealed
        assert row.key_version == "k1"
        assert open_secret(row).reveal_text() == self.VALUE

    @pytest.mark.parametrize(
        "change", [{"name": "password"}, {"account_id": 1_000_000}, {"collectivite_id": 1_000_000}]
    )
    def test_do_not_open_anywhere_else(self, town, change):
        row = self.keep(town)
        moved = AccountSecret(
            **{
                "collectivite_id": row.collectivite_id,
                "account_id": row.account_id,
                "name": row.name,
                "sealed": row.sealed,
                **change,
            }
        )
        with pytest.raises(CannotOpen):
            open_secret(moved)

    def test_do_not_open_without_their_key(self, town, settings):
        row = self.keep(town)
        settings.SECRET_KEYS = f"k2:{new_master_key()}"
        with pytest.raises(UnknownKeyVersion):
            open_secret(row)
