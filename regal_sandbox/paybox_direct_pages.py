"""`PPPS.php`, at each of Paybox's two hosts."""

from flask import Flask, Response, abort, request

from regal_sandbox.paybox_direct import answer
from regal_sandbox.paybox_frames import CONTENT_TYPE, PATHS
from regal_sandbox.settings import read_settings
from regal_sandbox.world import World


def add_direct(app: Flask, world: World) -> None:
    def ask() -> Response:
        with world.store.transaction() as db:
            asleep = read_settings(db).paybox_asleep
        if asleep in ("both", "main" if request.path == PATHS[0] else "backup"):
            abort(503)
        body = request.get_data() if request.method == "POST" else request.query_string
        return Response(answer(world, body, address=request.remote_addr or ""), content_type=CONTENT_TYPE)

    for path in PATHS:
        app.add_url_rule(path, f"direct{path}", ask, methods=["GET", "POST"])
