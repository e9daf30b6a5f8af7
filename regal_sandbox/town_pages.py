"""A demo town site: a little news, and a page that embeds the payment service of each product."""

from urllib.parse import urlsplit

from flask import Flask, Response, abort, render_template
from werkzeug.exceptions import HTTPException

from regal_sandbox.towns import Town, find_town, luminance
from regal_sandbox.world import World

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; "
    "frame-src http: https:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def town_app(world: World, position: int) -> Flask:
    """The site of the town registered at `position`, whatever it is at the moment of each page."""
    app = Flask("regal_sandbox")

    def described() -> Town | None:
        with world.store.transaction() as db:
            return find_town(db, position)

    def town() -> Town:
        found = described()
        if found is None:
            abort(404)
        return found

    @app.after_request
    def protect(response: Response) -> Response:
        policy = CONTENT_SECURITY_POLICY
        found = described() if response.status_code < 500 else None
        if found and found.script:
            script = urlsplit(found.script)
            policy += f"; script-src {script.scheme}://{script.netloc}"
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @app.get("/")
    def home() -> str:
        return render_template("town/home.html", town=town(), here="home")

    @app.get("/payer-en-ligne/")
    def pay() -> str:
        products = town().products
        return render_template("town/pay.html", town=town(), here="pay", product=products[0] if products else None)

    @app.get("/payer-en-ligne/<slug>/")
    def pay_product(slug: str) -> str:
        for product in town().products:
            if product.slug == slug:
                return render_template("town/pay.html", town=town(), here="pay", product=product)
        abort(404)

    @app.get("/couleurs.css")
    def colours() -> Response:
        chosen = town()
        on_accent = "#000000" if luminance(chosen.accent_colour) > 0.18 else "#ffffff"
        sheet = (
            f":root {{ --main: {chosen.main_colour}; --accent: {chosen.accent_colour}; --on-accent: {on_accent}; }}\n"
        )
        return Response(sheet, content_type="text/css; charset=utf-8")

    @app.errorhandler(HTTPException)
    def other_problem(problem: HTTPException) -> tuple[str, int] | HTTPException:
        status = problem.code or 500
        return (render_template("town/none.html", status=status), status) if status >= 400 else problem

    @app.errorhandler(404)
    def missing(problem: Exception) -> tuple[str, int]:
        found = described()
        if found is None:
            return render_template("town/none.html"), 404
        return render_template("town/missing.html", town=found, here=""), 404

    return app
