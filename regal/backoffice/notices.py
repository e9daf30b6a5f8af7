"""Notices to pay: of one invoice, of what was chosen in the list, of an import; and what a town's own layout needs.

Whoever holds a notice may pay, and reads what is due: taking some is an act that the audit log tells.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import Count, QuerySet
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from regal.audit.operations import record
from regal.backoffice import pages
from regal.backoffice.notice_data import csv_of, rows, workbook_of
from regal.backoffice.policies import BureauRequest
from regal.backoffice.redirects import confirm_first, see_page
from regal.backoffice.titre_bulk import chosen_titres
from regal.backoffice.titre_queries import titre_numbered
from regal.collectivites import debt_words
from regal.collectivites.models import Collectivite
from regal.lib import paris
from regal.lib.keys import key_in
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.notices import operations
from regal.notices.models import NoticeBatch, NoticePiece
from regal.notices.operations import AT_ONCE, KEPT
from regal.notices.refusals import NoNotice, TooManyNotices, Why
from regal.notices.wording import asked_of, worded
from regal.titres.models import Titre
from regal.titres.refusals import NothingChosen
from regal.titres.states import State
from regal.titres.words import word_of

COUNTED_ONE_BY_ONE = 2_000  # of more, a preview counts by state alone
BATCHES_SHOWN = 50
_PDF, _XLSX = "application/pdf", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG)
@require_http_methods(["GET", "HEAD", "POST"])
def notice(request: BureauRequest, slug: str, titre_id: int) -> HttpResponse:
    """The notice of one invoice; why there is none is said on its page."""
    town, now = request.collectivite, pages.clock()
    with tenant(town):
        titre = titre_numbered(collectivite=town, titre_id=titre_id)
        if titre is None:
            raise Http404
        if request.method != "POST":  # a sign-in in between, or an address kept: the button is there
            return see_page("titre", slug, titre_id)
        try:
            asked, logo = asked_of(titre), operations.logo_of(town)
        except NoNotice as refusal:
            with debt_words.override(word_of(titre)):
                messages.error(request, f"{refusal.code}. {refusal}")
            return see_page("titre", slug, titre_id)
    pdf = operations.compile_pdf([worded(asked)], collectivite=town, logo=logo, now=now)
    with tenant(town):  # what could not be made was given to nobody
        _note(request, action="print_notices", subject=f"titre {titre.pk}", after={"notices": 1}, now=now)
    return _file(pdf, name=f"avis-{town.slug}-{titre.reference}.pdf")


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What would be made of a selection."""

    count: int
    payable: int
    left_out: list[tuple[int, str]]  # how many, and why
    is_by_state: bool  # names and limits were not looked at: there are too many


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG)
@require_http_methods(["GET", "HEAD", "POST"])
def notices(request: BureauRequest, slug: str) -> HttpResponseBase:
    """The batches that workers make; posted with a selection, what its notices would be, then these."""
    if request.method != "POST":
        return _batches(request)
    town, now, act = request.collectivite, pages.clock(), request.POST.get("acte", "")
    if act not in ("", "pdf", "csv", "xlsx"):
        raise BadRequest("no such act")
    refused = ""
    with tenant(town):
        chosen, hidden = _chosen(request)
        if act and not did_recently_reauthenticate(request):
            return _ask_who(request, hidden)
        try:
            keys = operations.freeze(chosen)
            preview = _preview(chosen, keys, town=town)
            if not preview.payable:
                refused = _(
                    "R282. Rien de ce choix ne se paie : aucun avis n’est à éditer. Choisissez d’autres lignes."
                )
        except (NothingChosen, TooManyNotices) as refusal:
            refused, preview, keys = f"{refusal.code}. {refusal}", None, []
    if act and not refused:
        return _pdf_of(request, keys, now=now) if act == "pdf" else _data_of(request, keys, kind=act, now=now)
    context = {"hidden": hidden, "refused": refused, "preview": preview, "at_once": AT_ONCE, "days": KEPT.days}
    return render(request, "backoffice/notices.html", context, status=422 if refused else 200)


def _chosen(request: BureauRequest) -> tuple[QuerySet[Titre], list[tuple[str, str]]]:
    """What is meant, and the hidden fields that mean it again: one import, or what the list chose."""
    origin = key_in(request.POST.get("import", ""))
    if origin is not None:
        return Titre.objects.of(request.collectivite).filter(origin=origin), [("import", str(origin))]
    return chosen_titres(request)


def _ask_who(request: BureauRequest, hidden: list[tuple[str, str]]) -> HttpResponse:
    """Have him confirm who he is, and come back to where he chose; what was ticked is told to be ticked again."""
    told, slug = dict(hidden), request.collectivite.slug
    back = reverse("titres", args=[slug])
    if "import" in told:
        back = reverse("import", args=[slug, int(told["import"])])
        said = _("Confirmez que c’est vous ; de retour à l’import, demandez les avis de nouveau.")
    elif "tout" in told:
        filters = [(name, value) for name, value in hidden if name != "tout"]
        back += "?" + urlencode(filters) if filters else ""
        said = _("Confirmez que c’est vous ; de retour à la liste, demandez les avis de nouveau.")
    else:
        said = _("Confirmez que c’est vous ; de retour à la liste, cochez de nouveau, puis demandez les avis.")
    messages.info(request, said)
    return confirm_first(back)


def _preview(chosen: QuerySet[Titre], keys: Sequence[int], *, town: Collectivite) -> Preview:
    is_by_state = len(keys) > COUNTED_ONE_BY_ONE
    left_out: Counter[str] = Counter()
    if is_by_state:
        by_state = chosen.order_by().values_list("status").annotate(every=Count("pk"), paid=Count("paid_at"))
        for status, every, paid in by_state:
            left_out[Why.PAID.value] += paid
            if status != State.OPEN:
                left_out[Why(status).value] += every - paid
    else:
        for some in _in_turn(keys):
            left_out.update(operations.read_some(some, collectivite=town).left_out)
    return Preview(
        count=len(keys),
        payable=len(keys) - left_out.total(),
        left_out=told(left_out),
        is_by_state=is_by_state,
    )


def told(left_out: dict[str, int]) -> list[tuple[int, str]]:
    """How many were left out and why, in the order of the list of reasons."""
    return [(left_out[why.value], _told(why)) for why in Why if left_out.get(why.value)]


def _told(why: Why) -> str:
    refusal = NoNotice(why)
    return f"{refusal} ({refusal.code})"


def _in_turn(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    return (keys[start : start + operations.PIECE] for start in range(0, len(keys), operations.PIECE))


def _pdf_of(request: BureauRequest, keys: Sequence[int], *, now: datetime) -> HttpResponse:
    town = request.collectivite
    with tenant(town):
        if len(keys) > AT_ONCE:
            batch = operations.ask_for(collectivite=town, titre_ids=keys, now=now, actor_id=request.user.pk)
            return see_page("notice_batch", town.slug, batch.pk)
        found, logo = operations.read_some(keys, collectivite=town), operations.logo_of(town)
    if not found.asked:  # paid meanwhile
        return see_page("titres", town.slug)
    pdf = operations.compile_pdf([worded(one) for one in found.asked], collectivite=town, logo=logo, now=now)
    after = {"notices": len(found.asked), "left_out": sum(found.left_out.values())}
    with tenant(town):
        _note(request, action="print_notices", subject="pdf", after=after, now=now)
    return _file(pdf, name=f"avis-{town.slug}-{paris.today(now).isoformat()}.pdf")


def _data_of(request: BureauRequest, keys: Sequence[int], *, kind: str, now: datetime) -> HttpResponseBase:
    town = request.collectivite
    with tenant(town):
        _note(request, action="export_notices", subject=kind, after={"titres": len(keys)}, now=now)
    found, name = rows(town=town, keys=keys), f"avis-{town.slug}-{paris.today(now).isoformat()}.{kind}"
    if kind == "xlsx":
        return FileResponse(workbook_of(found), as_attachment=True, filename=name, content_type=_XLSX)
    csv = StreamingHttpResponse(csv_of(found), content_type="text/csv; charset=utf-8")
    csv.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return csv


def _batches(request: BureauRequest) -> HttpResponse:
    town = request.collectivite
    with tenant(town):
        every = NoticeBatch.objects.of(town).select_related("asked_by").defer("titres")
        found = list(every.order_by("-asked_at", "-pk")[:BATCHES_SHOWN])
    return render(request, "backoffice/notice_batches.html", {"batches": found, "days": KEPT.days, "at_once": AT_ONCE})


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG)
@require_safe
def notice_batch(request: BureauRequest, slug: str, batch_id: int) -> HttpResponse:
    """How far a worker is, and the files that are there."""
    town = request.collectivite
    with tenant(town):
        batch = _batch(town, batch_id)
        pieces = list(NoticePiece.objects.of(town).filter(batch=batch).defer("pdf").order_by("number"))
    context = {
        "batch": batch,
        "pieces": pieces,
        "left_out": told(batch.left_out),
        "waiting": batch.size - batch.done,
        "days": KEPT.days,
    }
    return render(request, "backoffice/notice_batch.html", context)


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG)
@require_http_methods(["GET", "HEAD", "POST"])
def notice_piece(request: BureauRequest, slug: str, batch_id: int, piece_id: int) -> HttpResponse:
    """One file of a batch."""
    town, now = request.collectivite, pages.clock()
    with tenant(town):
        batch = _batch(town, batch_id)
        piece = NoticePiece.objects.of(town).filter(batch=batch, pk=piece_id).first()
        if piece is None:
            if batch.purged_at is None:
                raise Http404
            messages.info(request, _("Ce fichier est effacé : il portait des noms et des adresses. Refaites le lot."))
            return see_page("notice_batch", slug, batch.pk)
        if request.method != "POST":
            return see_page("notice_batch", slug, batch.pk)
        after = {"notices": piece.notices}
        _note(request, action="take_notices", subject=f"notice_batch {batch.pk}", after=after, now=now)
    return _file(bytes(piece.pdf), name=f"avis-{town.slug}-lot-{batch.pk}-{piece.number}.pdf")


def _batch(town: Collectivite, batch_id: int) -> NoticeBatch:
    every = NoticeBatch.objects.of(town).select_related("asked_by").defer("titres")
    found = every.filter(pk=batch_id).first()
    if found is None:
        raise Http404
    return found


def _note(request: BureauRequest, *, action: str, subject: str, after: Mapping[str, object], now: datetime) -> None:
    record(
        collectivite=request.collectivite,
        action=action,
        subject=subject,
        after=after,
        now=now,
        actor_id=request.user.pk,
    )


def _file(pdf: bytes, *, name: str) -> HttpResponse:
    answer = HttpResponse(pdf, content_type=_PDF)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
