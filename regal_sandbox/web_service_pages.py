"""The addresses of the web service: calls, and the documents that describe it."""

import re

from flask import Flask, Response, abort, render_template, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as BaseResponse

from regal_sandbox import soap, web_service
from regal_sandbox.settings import Settings, read_settings
from regal_sandbox.soap import NotACall, is_xml_type, read_call
from regal_sandbox.world import World
from regal_sandbox.wsdl import DOCUMENTED_PATH, SCHEMAS, SERVICE_PATH, schema_document, wsdl_document

DOCUMENT_TYPE = "text/xml;charset=utf-8"

_HOST = re.compile(r"[A-Za-z0-9._\-\[\]:]{1,255}")


def add_service(app: Flask, world: World) -> None:
    def known() -> Settings:
        with world.store.transaction() as db:
            return read_settings(db)

    def answer(reply: web_service.Reply) -> Response:
        return Response(reply.body, reply.status, content_type=soap.CONTENT_TYPE)

    def host(settings: Settings) -> str:
        """Where the one who asks found us; a proxy's word is taken only when the settings say so."""
        if _HOST.fullmatch(request.host) is None:
            abort(400)
        told = request.headers.get("X-Forwarded-Proto", "")
        scheme = told if settings.trust_forwarded_proto and told in ("http", "https") else request.scheme
        return f"{scheme}://{request.host}"

    def describe() -> BaseResponse | str:
        asked = {name.lower(): value for name, value in request.args.items()}
        settings = known()
        if "wsdl" in asked:
            document = wsdl_document(flavour=settings.wsdl_flavour, host=host(settings), path=request.path)
            return Response(document, content_type=DOCUMENT_TYPE)
        if "xsd" in asked:
            if asked["xsd"] not in SCHEMAS:
                abort(404)
            document = schema_document(
                asked["xsd"], flavour=settings.wsdl_flavour, host=host(settings), path=request.path
            )
            return Response(document, content_type=DOCUMENT_TYPE)
        return render_template("web_service.html", path=request.path)

    def call() -> Response:
        content_type = request.headers.get("Content-Type", "")
        if not is_xml_type(content_type) if content_type else not known().missing_content_type:
            problem = NotACall(f"Unsupported Content-Type: {content_type[:100]!a} Supported ones are: [text/xml]")
            return answer(web_service.refuse(world, problem, b"", status=415))
        try:
            body = request.get_data()
        except RequestEntityTooLarge:
            return answer(web_service.refuse(world, NotACall("Couldn't create SOAP message: too large"), b""))
        try:
            read = read_call(body, content_type)
        except NotACall as problem:
            return answer(web_service.refuse(world, problem, body))
        return answer(web_service.perform(world, read))

    for name, path in (("service", SERVICE_PATH), ("documented_service", DOCUMENTED_PATH)):
        app.add_url_rule(path, f"{name}_description", describe, methods=["GET"])
        app.add_url_rule(path, name, call, methods=["POST"])
