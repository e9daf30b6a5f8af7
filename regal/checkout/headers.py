"""Headers of every guichet page: no cookie, no foreign origin, no frame but the town's, nothing kept, nothing told."""

from collections.abc import Callable, Iterable

from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]


def content_security_policy(*, frame_ancestors: Iterable[str] = (), form_action: Iterable[str] = ()) -> str:
    """Our own origin and nothing else; who may frame the page; where its forms may lead, redirects included."""
    return "; ".join(
        [
            "default-src 'none'",
            "style-src 'self'",
            "script-src 'self'",
            "img-src 'self'",
            "font-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            " ".join(["form-action 'self'", *form_action]),
            " ".join(["frame-ancestors", *(frame_ancestors or ["'none'"])]),
        ]
    )


class GuichetHeaders:
    """What a view did not set itself is set here, to the strictest.

    No Cross-Origin-Opener-Policy: a new tab opened from a frame that a site has put in a `sandbox` shows an error
    instead of any answer that has one, the redirection to the gateway too; and no session here needs its guard.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", content_security_policy())
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
