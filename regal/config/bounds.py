"""What no request of either host may do: send a large body, or choose how its own text is read."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

LONGEST_BODY = 64 * 1024


class BoundRequests:
    """The outermost middleware: 413 beyond 64 KB, before anything is read; text is UTF-8, whatever the request says."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or int(length) > LONGEST_BODY:
            return HttpResponse(status=413)
        request.encoding = "utf-8"
        return self.get_response(request)
