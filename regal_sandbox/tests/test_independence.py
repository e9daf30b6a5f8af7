"""The sandbox is a product of its own."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def test_imports_nothing_of_the_program_it_tests() -> None:
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not any(name == "regal" or name.startswith("regal.") for name in names), file


def test_asks_its_pages_for_nothing_outside() -> None:
    for file in [*PACKAGE.glob("templates/**/*.html"), *PACKAGE.glob("static/*.css")]:
        text = file.read_text("utf-8")
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text
        assert "<script" not in text.replace('<script src="{{ town.script }}"', "")  # the town's own choice
