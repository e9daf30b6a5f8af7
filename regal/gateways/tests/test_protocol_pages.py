"""What the code says that `docs/protocols` explains, is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs/protocols"

_CITED = re.compile(r"`docs/protocols/(?P<page>[a-z_]+\.md)`,[\s#]+\"(?P<section>[^\"]+)\"")
_IN_THE_GATEWAY = re.compile(r"(?<=[a-z] )\(\"(?P<section>[A-Z][a-z][A-Za-z' ]*)\"[,)]")


def sections(page: str) -> set[str]:
    return set(re.findall(r"^#{2,3} (.+)$", (PAGES / page).read_text(encoding="utf-8"), re.MULTILINE))


def sources() -> list[Path]:
    return [path for path in sorted((ROOT / "regal").rglob("*")) if path.suffix in (".py", ".md")]


def test_every_section_that_is_cited_exists() -> None:
    cited = {
        (found["page"], found["section"])
        for path in sources()
        for found in _CITED.finditer(path.read_text(encoding="utf-8"))
    }
    assert len(cited) > 3
    assert {(page, section) for page, section in cited if section not in sections(page)} == set()


@pytest.mark.parametrize(
    ("gateway", "page"), [("payfip_url", "payfip.md"), ("payfip_ws", "payfip.md"), ("paybox", "paybox.md")]
)
def test_so_do_those_that_a_gateway_cites_by_their_name_alone(gateway: str, page: str) -> None:
    folder = ROOT / "regal/gateways" / gateway
    cited = {
        found["section"]
        for path in folder.glob("*.py")
        for found in _IN_THE_GATEWAY.finditer(path.read_text(encoding="utf-8"))
    }
    assert cited
    assert cited - sections(page) == set()
