"""`docs/anomalies.md`, drawn from the words that the bureau shows; its test says how to draw it again."""

from pathlib import Path

from django.utils.translation import override

from regal.cases.decisions import closes_itself, decisions_about
from regal.cases.explanations import explanation_of
from regal.cases.models import Decision, Kind

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "anomalies.md"

_INTRODUCTION = """\
# Les anomalies, et ce qu’il faut en faire

Une anomalie est ce que REGAL ne peut pas trancher seul : une personne regarde, demande, décide et écrit pourquoi.
La clore n’encaisse, ne rembourse et n’annule rien : les paiements et les comptes restent ce qu’ils sont. Ce qui est
clos ne se rouvre pas ; si la même chose se reproduit, une autre anomalie s’ouvre.

- Une anomalie doit être regardée au plus tard le jour ouvré qui suit son ouverture ; ensuite, le bureau la marque.
- Un agent regarde, note, et prend l’anomalie pour lui. Un régisseur ou un administrateur la confie et la clôt.
- N’écrivez dans une note ni un motif aucun numéro de carte bancaire : REGAL le refuse.

Ce document est tiré des phrases que le bureau affiche, `regal/cases/explanations.py` : ne le corrigez pas à la main.
"""


def draw() -> str:
    """The whole document, in French."""
    with override("fr"):
        contents = [f"- [{_capital(kind.label)}](#{kind.value})" for kind in Kind]
        return "\n".join([_INTRODUCTION, *contents, *(line for kind in Kind for line in _section(kind))]) + "\n"


def write() -> None:
    """Draw it again."""
    DOCUMENT.write_text(draw(), encoding="utf-8")


def _section(kind: Kind) -> list[str]:
    explanation = explanation_of(kind)
    decisions = ["resolved_itself"] if closes_itself(kind) else [*decisions_about(kind)]
    return [
        "",
        f'<a id="{kind.value}"></a>',
        "",
        f"## {_capital(kind.label)}",
        "",
        f"**Ce qui s’est passé.** {explanation.what}",
        "",
        f"**Comment cela arrive.** {explanation.how}",
        "",
        f"**À faire.** {explanation.to_do}",
        "",
        *(f"{number}. {step}" for number, step in enumerate(explanation.steps, start=1)),
        "",
        f"**Qui appeler.** {explanation.whom}",
        "",
        f"**Comment clore.** {explanation.ending}",
        "",
        *(f"- {Decision(decision).label}" for decision in decisions),
        "",
        f"**À ne jamais faire.** {explanation.never}",
    ]


def _capital(text: object) -> str:
    words = str(text)
    return words[0].upper() + words[1:]
