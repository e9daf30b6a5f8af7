"""What `docs/sandbox-fidelity.md` promises is tested where it says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
DOCUMENT = TESTS.parents[1] / "docs" / "sandbox-fidelity.md"
NAMED = re.compile(r"`(test_\w+(?:::\w+)+)`")
ROW = re.compile(r"^\| (P?\d+(?:, \d+)*) \|(.*)\|$", re.MULTILINE)


def points() -> dict[str, list[str]]:
    """The cells of each row of the table, by its number in the checklist."""
    return {number: [cell.strip() for cell in rest.split("|")] for number, rest in ROW.findall(DOCUMENT.read_text())}


def existing() -> Iterator[str]:
    """`file::Class` and `file::Class::test` of every test of the sandbox."""
    for file in TESTS.glob("test_*.py"):
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                yield f"{file.stem}::{node.name}"
            elif isinstance(node, ast.ClassDef):
                yield f"{file.stem}::{node.name}"
                yield from (f"{file.stem}::{node.name}::{one.name}" for one in node.body if hasattr(one, "name"))


def test_every_test_it_names_exists() -> None:
    named = set(NAMED.findall(DOCUMENT.read_text("utf-8")))
    assert named
    assert named - set(existing()) == set()


def test_every_point_of_the_checklist_stands_in_it() -> None:
    told = [number for numbers in points() for number in numbers.split(", ")]
    assert told == [*map(str, range(1, 23)), *(f"P{number}" for number in range(1, 27))]


@pytest.mark.parametrize("number", points())
def test_every_point_names_a_test_or_says_why_it_is_left_out(number: str) -> None:
    last = points()[number][-1]
    assert NAMED.search(last) or re.match(r"Left out: \w+", last), last
