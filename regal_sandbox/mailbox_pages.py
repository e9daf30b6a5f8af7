"""Reading the mailbox in a browser. A message comes from anybody: its text is escaped, its HTML caged."""

import re

from flask import Blueprint, Response, abort, render_template
from markupsafe import Markup, escape

from regal_sandbox.mailbox import Mail, find_mail, list_mails
from regal_sandbox.world import World

# The cage: no script, no form, no outside resource; links open elsewhere.
HTML_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")


def with_links(text: str) -> Markup:
    """Text made safe for a page, its http and https addresses made into links."""
    pieces, end = [], 0
    for match in _LINK.finditer(text):
        pieces.append(escape(text[end : match.start()]))
        pieces.append(Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(match[0]))
        end = match.end()
    pieces.append(escape(text[end:]))
    return Markup("").join(pieces)


def mailbox_pages(world: World) -> Blueprint:
    blueprint = Blueprint("mailbox", __name__, url_prefix="/boite")

    def find(number: int) -> Mail:
        with world.store.transaction() as db:
            mail = find_mail(db, number)
        if mail is None:
            abort(404)
        return mail

    @blueprint.get("/")
    def index() -> str:
        with world.store.transaction() as db:
            mails = list_mails(db)
        return render_template("mailbox.html", mails=mails)

    @blueprint.get("/<int:number>/")
    def message(number: int) -> str:
        mail = find(number)
        return render_template("mail.html", mail=mail, text=with_links(mail.text))

    @blueprint.get("/<int:number>/html")
    def html(number: int) -> Response:
        response = Response('<base target="_blank">' + find(number).html, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = HTML_POLICY
        return response

    @blueprint.get("/<int:number>/source")
    def source(number: int) -> Response:
        return Response(find(number).raw, content_type="text/plain; charset=utf-8")

    @blueprint.get("/<int:number>/piece/<int:position>")
    def attachment(number: int, position: int) -> Response:
        attachments = find(number).attachments
        if not 1 <= position <= len(attachments):
            abort(404)
        one = attachments[position - 1]
        response = Response(one.content, content_type="application/octet-stream")
        response.headers.set("Content-Disposition", "attachment", filename=one.name.encode("ascii", "replace").decode())
        return response

    return blueprint
