"""What the end of a run tells of the histories, and that it fails where an accident never happened."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation import tally

REPOSITORY = Path(__file__).parents[2]
EVERYTHING = dict.fromkeys(tally.ACCIDENTS, 1) | {"PayfipHistory histories": tally.ENOUGH, "PayfipHistory paid": 7}

A_RUN = """
import pytest

@pytest.mark.parametrize("counted", {batches!r})
def test_histories(counted, record_property):
    record_property("histories", counted)
"""


class TestAccidentsThatNeverHappened:
    def test_none(self) -> None:
        assert tally.missing(EVERYTHING) == []

    @pytest.mark.parametrize("kind", tally.ACCIDENTS)
    def test_each_is_missed(self, kind: str) -> None:
        assert tally.missing(EVERYTHING | {kind: 0}) == [kind]
        assert tally.lines(EVERYTHING | {kind: 0})[-1] == f"NEVER HAPPENED: {kind}"

    def test_few_histories_show_nothing_of_it(self) -> None:
        assert tally.missing({"PayboxHistory histories": tally.ENOUGH - 1}) == []


class TestTheEndOfARun:
    """A run of pytest of its own, with the hooks of this repository."""

    def test_it_tells_the_sum_of_its_batches_and_passes(self, tmp_path: Path) -> None:
        ended = _run(tmp_path, [EVERYTHING, {"PayfipHistory histories": 25, "PayfipHistory paid": 3}])
        assert ended.returncode == 0, ended.stdout
        assert "simulated histories" in ended.stdout
        assert f"{tally.ENOUGH + 25:,} histories: 0 broken invariants" in ended.stdout
        paid = next(line for line in ended.stdout.splitlines() if line.startswith("paid "))
        assert paid.split() == ["paid", "10", "0", "0", "10"]

    def test_it_fails_where_an_accident_befell_nobody(self, tmp_path: Path) -> None:
        ended = _run(tmp_path, [EVERYTHING | {"mail: broken": 0}])
        assert "1 passed" in ended.stdout
        assert "NEVER HAPPENED: mail: broken" in ended.stdout
        assert ended.returncode == pytest.ExitCode.TESTS_FAILED

    def test_a_run_without_histories_tells_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "test_run.py").write_text("def test_nothing():\n    pass\n", encoding="utf-8")
        ended = _pytest(tmp_path)
        assert ended.returncode == 0, ended.stdout
        assert "simulated histories" not in ended.stdout


def _run(folder: Path, batches: list[dict[str, int]]) -> subprocess.CompletedProcess[str]:
    (folder / "test_run.py").write_text(A_RUN.format(batches=batches), encoding="utf-8")
    return _pytest(folder)


def _pytest(folder: Path) -> subprocess.CompletedProcess[str]:
    """With these hooks, and nothing else of this run."""
    ours = ("-c", str(REPOSITORY / "pyproject.toml"), f"--rootdir={REPOSITORY}", "-p", "conftest")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *ours, str(folder)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
    )


class TestTurns:
    @pytest.fixture(autouse=True)
    def _nothing_played_yet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever histories this process may have played before."""
        monkeypatch.setattr(tally, "_spent", 0.0)

    def test_are_taken_in_order_whoever_asks(self, tmp_path: Path) -> None:
        assert [tally.next_turn(tmp_path, least=2) for _ in range(3)] == [0, 1, 2]

    def test_end_with_the_time_but_not_before_the_least(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tally, "_spent", tally.MOST_SECONDS)
        assert [tally.next_turn(tmp_path, least=2) for _ in range(3)] == [0, 1, None]
