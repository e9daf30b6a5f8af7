"""What staff did in a collectivité, the newest act first, as its administrators read it."""

from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from regal.audit.models import AuditEntry
from regal.audit.queries import actions_done, actors, page_of_entries
from regal.backoffice import acts
from regal.backoffice.policies import BureauRequest
from regal.lib.keys import key_in
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.people.models import User

NOBODY = "0"  # the command line
PAGES = {
    "attempt": "payment",
    "invitation": "agents",
    "origin": "integration",
    "product": "integration",
    "user": "agents",
}


class AuditFilters(forms.Form):
    """Which acts to list. What cannot be read filters nothing."""

    personne = forms.ChoiceField(label=_("Qui"), required=False)
    acte = forms.ChoiceField(label=_("Quoi"), required=False)

    def __init__(self, typed: object, *, people: list[User], actions: list[str], by_nobody: bool) -> None:
        super().__init__(typed)  # type: ignore[arg-type]
        command_line = [(NOBODY, _("La ligne de commande"))] if by_nobody else []
        self.fields["personne"].choices = [  # type: ignore[attr-defined]
            ("", _("Tout le monde")),
            *((str(one.pk), str(one)) for one in people),
            *command_line,
        ]
        self.fields["acte"].choices = [  # type: ignore[attr-defined]
            ("", _("Tous les actes")),
            *((action, acts.KINDS.get(action, action)) for action in actions),
        ]

    def chosen(self, name: str) -> str:
        self.is_valid()
        return str(self.cleaned_data.get(name, ""))

    @property
    def is_narrow(self) -> bool:
        return bool(self.chosen("personne") or self.chosen("acte"))

    def query(self, **more: str) -> str:
        """The query string of another page of the same list."""
        named = {"personne": self.chosen("personne"), "acte": self.chosen("acte"), **more}
        return "?" + urlencode({name: value for name, value in named.items() if value})


@dataclass(frozen=True, kw_only=True)
class ShownAct:
    at: datetime
    sentence: str
    changes: list[acts.Change]
    address: str  # of what it is about; "" where there is no page


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG)
@require_safe
def audit(request: BureauRequest, slug: str) -> HttpResponse:
    """Every act, fifty a page."""
    town = request.collectivite
    before = key_in(request.GET.get("avant", ""))
    with tenant(town):
        people = actors(collectivite=town)
        filters = AuditFilters(
            request.GET,
            people=[one for one in people if one is not None],
            actions=sorted(actions_done(collectivite=town), key=lambda one: str(acts.KINDS.get(one, one))),
            by_nobody=None in people,
        )
        who = filters.chosen("personne")
        page = page_of_entries(
            collectivite=town,
            actor_id=int(who) if who and who != NOBODY else None,
            by_nobody=who == NOBODY,
            action=filters.chosen("acte"),
            before=before,
        )
        named = acts.people_of(page.entries)
        shown = [
            ShownAct(
                at=entry.at,
                sentence=acts.sentence_of(entry, named),
                changes=acts.changes_of(entry),
                address=_address(entry, slug),
            )
            for entry in page.entries
        ]
    context = {
        "acts": shown,
        "filters": filters,
        "is_first": before is None,
        "first_page": filters.query(),
        "next_page": filters.query(avant=str(page.next_before)) if page.next_before else "",
    }
    return render(request, "backoffice/audit.html", context)


def _address(entry: AuditEntry, slug: str) -> str:
    kind, _space, number = entry.subject.partition(" ")
    name = PAGES.get(kind, "")
    if not name or entry.action == "remove_member":
        return ""
    if name != "payment":
        return reverse(name, args=[slug])
    key = key_in(number)
    return "" if key is None else reverse(name, args=[slug, key])
