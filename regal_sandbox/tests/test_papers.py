"""The papers name every rule and every setting there is."""

from pathlib import Path

import pytest

from regal_sandbox.rules import RULES
from regal_sandbox.settings import Settings

PACKAGE = Path(__file__).parents[1]


@pytest.mark.parametrize("rule", RULES)
def test_the_paper_on_fidelity_names_every_rule(rule: str) -> None:
    assert f"`{rule}`" in (PACKAGE.parent / "docs" / "sandbox-fidelity.md").read_text("utf-8")


@pytest.mark.parametrize("setting", Settings().to_json())
def test_the_readme_names_every_setting(setting: str) -> None:
    assert f"`{setting}`" in (PACKAGE / "README.md").read_text("utf-8")
