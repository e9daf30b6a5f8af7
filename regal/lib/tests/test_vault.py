"""Secrets at rest: who can open them, where, and with which key."""

import base64
import copy
import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regal.lib.vault import (
    BadVaultSetting,
    CannotOpen,
    MalformedToken,
    Secret,
    UnknownKeyVersion,
    Vault,
    VaultError,
    new_master_key,
)

OLD_KEY, NEW_KEY = bytes(32), bytes([1]) * 32
OLD = Vault({"2026a": OLD_KEY})
BOTH = Vault({"2026b": NEW_KEY, "2026a": OLD_KEY})
NEW = Vault({"2026b": NEW_KEY})

HERE, ELSEWHERE = b"account 1, hmac key", b"account 2, hmac key"


def encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


def seeded() -> random.Random:
    return random.Random(7)  # noqa: S311


class TestVault:
    @given(st.binary(max_size=200), st.binary(max_size=50))
    def test_opens_what_it_sealed_in_the_same_context(self, plaintext: bytes, context: bytes) -> None:
        assert BOTH.open(BOTH.seal(plaintext, context), context).reveal() == plaintext

    def test_seals_a_secret_without_showing_it(self) -> None:
        token = BOTH.seal(Secret.of_text("0123456789ABCDEF"), HERE)
        assert token.isascii()
        assert "0123456789ABCDEF" not in token
        assert BOTH.open(token, HERE).reveal_text() == "0123456789ABCDEF"

    def test_seals_the_same_secret_differently_each_time(self) -> None:
        assert BOTH.seal(b"secret", HERE) != BOTH.seal(b"secret", HERE)

    def test_makes_the_same_token_from_the_same_seed(self) -> None:
        one, other = (Vault({"2026a": OLD_KEY}, randomness=seed.randbytes) for seed in (seeded(), seeded()))
        assert one.seal(b"secret", HERE) == other.seal(b"secret", HERE)

    def test_does_not_open_what_was_sealed_for_another_account(self) -> None:
        with pytest.raises(CannotOpen):
            BOTH.open(BOTH.seal(b"secret", HERE), ELSEWHERE)

    def test_does_not_open_halves_of_two_tokens(self) -> None:
        one, other = BOTH.seal(b"one", HERE).split("."), BOTH.seal(b"other", HERE).split(".")
        with pytest.raises(CannotOpen):
            BOTH.open(".".join([*one[:3], other[3]]), HERE)

    def test_does_not_open_under_another_key_of_the_same_name(self) -> None:
        with pytest.raises(CannotOpen):
            Vault({"2026b": OLD_KEY}).open(NEW.seal(b"secret", HERE), HERE)

    def test_opens_nothing_once_any_character_was_altered(self) -> None:
        token = NEW.seal(b"secret", HERE)
        for position, character in enumerate(token):
            altered = token[:position] + ("A" if character != "A" else "B") + token[position + 1 :]
            with pytest.raises(VaultError):
                NEW.open(altered, HERE)

    def test_knows_one_spelling_of_a_token_only(self) -> None:
        token = NEW.seal(b"secret", HERE)  # 34 bytes: the last character holds four bits that mean nothing
        respelled = token[:-1] + chr(ord(token[-1]) + 1)
        with pytest.raises(MalformedToken):
            NEW.open(respelled, HERE)

    @given(st.text())
    def test_calls_any_other_text_malformed(self, text: str) -> None:
        with pytest.raises(MalformedToken):
            BOTH.open(text, HERE)

    @pytest.mark.parametrize(
        "token", ["rv1.2026b..", "rv1.2026b.AAAA.AAAA", "rv2.2026b.x.x", "rv1.2026B.x.x", "rv1.a.é.x"]
    )
    def test_calls_a_broken_token_malformed(self, token: str) -> None:
        with pytest.raises(MalformedToken):
            BOTH.open(token, HERE)


class TestRotation:
    def test_seals_with_the_newest_key(self) -> None:
        assert BOTH.seal(b"secret", HERE).startswith("rv1.2026b.")
        assert BOTH.versions == ("2026b", "2026a")

    def test_still_opens_what_an_older_key_sealed(self) -> None:
        assert BOTH.open(OLD.seal(b"secret", HERE), HERE).reveal() == b"secret"

    def test_knows_what_to_rewrap(self) -> None:
        assert BOTH.needs_rewrap(OLD.seal(b"secret", HERE))
        assert not BOTH.needs_rewrap(BOTH.seal(b"secret", HERE))

    def test_rewraps_so_that_the_old_key_can_go(self) -> None:
        token = BOTH.rewrap(OLD.seal(b"secret", HERE), HERE)
        assert not BOTH.needs_rewrap(token)
        assert NEW.open(token, HERE).reveal() == b"secret"

    def test_does_not_rewrap_for_another_account(self) -> None:
        with pytest.raises(CannotOpen):
            BOTH.rewrap(OLD.seal(b"secret", HERE), ELSEWHERE)

    def test_names_the_key_that_is_missing(self) -> None:
        with pytest.raises(UnknownKeyVersion) as unknown:
            NEW.open(OLD.seal(b"secret", HERE), HERE)
        assert unknown.value.version == "2026a"


class TestSetting:
    def test_lists_keys_newest_first(self) -> None:
        vault = Vault.from_setting(f"2026b:{encoded(NEW_KEY)}, 2026a:{encoded(OLD_KEY)}")
        assert vault.versions == ("2026b", "2026a")
        assert vault.open(OLD.seal(b"secret", HERE), HERE).reveal() == b"secret"

    def test_takes_the_keys_it_makes(self) -> None:
        assert Vault.from_setting(f"a:{new_master_key()}").versions == ("a",)
        assert new_master_key() != new_master_key()

    @pytest.mark.parametrize(
        "setting",
        [
            "",
            "a",
            "a:",
            "a:????",
            f"a:{encoded(bytes(31))}",
            f"a:{encoded(bytes(33))}",
            f"A:{encoded(OLD_KEY)}",
            f":{encoded(OLD_KEY)}",
            f"a.b:{encoded(OLD_KEY)}",
            f"{'a' * 17}:{encoded(OLD_KEY)}",
            f"a:{encoded(OLD_KEY)},",
            f"a:{encoded(OLD_KEY)},a:{encoded(NEW_KEY)}",
        ],
    )
    def test_is_refused_when_it_cannot_be_used(self, setting: str) -> None:
        with pytest.raises(BadVaultSetting):
            Vault.from_setting(setting)

    def test_is_never_repeated_in_an_error(self) -> None:
        with pytest.raises(BadVaultSetting) as bad:
            Vault.from_setting("a:c2VjcmV0")
        assert "c2VjcmV0" not in str(bad.value)
        assert bad.value.__cause__ is None

    def test_needs_a_key(self) -> None:
        with pytest.raises(BadVaultSetting):
            Vault({})


class TestSecret:
    def test_is_dots_wherever_it_is_shown(self) -> None:
        secret = Secret(b"hmac")
        for shown in (repr(secret), str(secret), f"{secret}", f"{secret:>20}", f"{secret!r}", repr([secret])):
            assert "hmac" not in shown
            assert "••••••" in shown

    def test_is_known_by_comparing(self) -> None:
        assert Secret(b"a") == Secret(b"a")
        assert Secret(b"a") != Secret(b"b")
        assert Secret(b"a") != b"a"

    def test_is_not_pickled_and_is_no_key_of_a_dictionary(self) -> None:
        with pytest.raises(TypeError):
            pickle.dumps(Secret(b"a"))
        with pytest.raises(TypeError):
            hash(Secret(b"a"))

    def test_is_copied_as_itself(self) -> None:
        secret = Secret(b"a")
        assert copy.deepcopy({"key": secret})["key"] is secret

    def test_is_made_of_bytes(self) -> None:
        with pytest.raises(TypeError):
            Secret("text")  # type: ignore[arg-type]
