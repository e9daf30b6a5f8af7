"""Every act that staff can do has its sentence in the audit log."""

import ast

from regal.backoffice import acts
from regal.collectivites.debt_words import said
from tests.test_house_rules import code, dotted, name, tree

ELSEWHERE = {  # calls whose `action` is not an act of staff in a collectivité
    "record_on_platform",
    "add_argument",
    "consume_or_429",
}


def actions() -> dict[str, str]:
    """Every act of the code and where it stands: `action="…"`, `_record(…, "…")`, what the acts on a case return."""
    found: dict[str, str] = {}
    for file in code():
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] not in ELSEWHERE:
                told = [keyword.value for keyword in node.keywords if keyword.arg == "action"]
                if dotted(node.func) == "_record":
                    told += node.args
            elif isinstance(node, ast.Return) and name(file).endswith("backoffice/cases.py"):
                told = node.value.elts[:1] if isinstance(node.value, ast.Tuple) else []
            else:
                continue
            for one in told:
                for constant in (one.body, one.orelse) if isinstance(one, ast.IfExp) else (one,):
                    if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                        found[constant.value] = f"{name(file)}:{node.lineno}"
    return found


class TestActs:
    def test_have_each_a_sentence_and_a_name(self):
        there = actions()
        assert {action: where for action, where in there.items() if action not in acts.SENTENCES} == {}
        assert set(acts.SENTENCES) == set(acts.KINDS) == set(there)

    def test_are_said_of_somebody(self):
        for sentence in acts.SENTENCES.values():
            told = said(sentence, actor="Paul", person="Nadia")
            assert told.startswith("Paul")
            assert told.endswith(".")
