import stat
from pathlib import Path

import pytest

from regal.demo.environment import DemoError, Ports, demo_environment, paybox_key, ports
from regal.demo.supervisor import main


class TestPorts:
    def test_are_counted_from_the_first_one(self):
        assert list(Ports(guichet=9000).uses()) == [9000, 9001, 9010, 9011, 9012, 9020, 9021]

    @pytest.mark.parametrize("text", ["guichet", "-1", "0", "65530", "80.5", "８０００"])
    def test_refuse_what_is_no_port(self, monkeypatch, text):
        monkeypatch.setenv("REGAL_PORT", text)
        with pytest.raises(DemoError, match="REGAL_PORT doit être un numéro de port"):
            ports()


class TestSecrets:
    def test_are_made_once_and_kept_from_others(self, tmp_path: Path):
        first = demo_environment(tmp_path, Ports(guichet=8000))
        kept = {name: Path(first[name]).read_text() for name in ("REGAL_SECRET_KEYS_FILE", "REGAL_SECRET_KEY_FILE")}
        again = demo_environment(tmp_path, Ports(guichet=8000))
        assert {name: Path(again[name]).read_text() for name in kept} == kept
        for name in kept:
            assert stat.S_IMODE(Path(first[name]).stat().st_mode) == 0o600

    def test_are_never_in_the_environment_itself(self, tmp_path: Path):
        environment = demo_environment(tmp_path, Ports(guichet=8000))
        key = Path(environment["REGAL_SECRET_KEYS_FILE"]).read_text().strip()
        assert key.startswith("k1:")
        assert key not in environment.values()


class TestPayboxKey:
    def test_is_the_sandbox_s_once_it_has_made_one(self, tmp_path: Path):
        assert "REGAL_PAYBOX_PUBLIC_KEY_FILE" not in demo_environment(tmp_path, Ports(guichet=8000))
        paybox_key(tmp_path).parent.mkdir()
        paybox_key(tmp_path).write_text("-----BEGIN PUBLIC KEY-----")
        environment = demo_environment(tmp_path, Ports(guichet=8000))
        assert environment["REGAL_PAYBOX_PUBLIC_KEY_FILE"] == str(paybox_key(tmp_path))


class TestReset:
    def test_forgets_everything_it_kept(self, tmp_path: Path, monkeypatch):
        monkeypatch.setenv("REGAL_VAR", str(tmp_path))
        (tmp_path / "log").mkdir()
        (tmp_path / "log" / "guichet.log").write_text("x")
        (tmp_path / "sandbox.json").write_text("{}")
        assert main(["--reset"]) == 0
        assert [path.name for path in tmp_path.iterdir()] == ["demo.lock"]
