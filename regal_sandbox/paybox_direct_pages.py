"""`PPPS.php`, at the address of each of Paybox's two hosts."""

from flask import Flask, Response, request

from regal_sandbox.paybox_direct import answer
from regal_sandbox.paybox_frames import CONTENT_TYPE
from regal_sandbox.world import World

PATH = "PPPS.php"
PATHS = (f"/{PATH}", f"/secours/{PATH}")


def add_direct(app: Flask, world: World) -> None:
    def ask() -> Response:
        body = request.get_data() if request.method == "POST" else request.query_string
        return Response(answer(world, body, address=request.remote_addr or ""), content_type=CONTENT_TYPE)

    for path in PATHS:
        app.add_url_rule(path, f"direct{path}", ask, methods=["GET", "POST"])
