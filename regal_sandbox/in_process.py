"""A client of the sandbox without sockets, for httpx: what a program would meet on the network, it meets here."""

from wsgiref.types import WSGIApplication

import httpx

from regal_sandbox.page_faults import PATIENCE, AnswerTooLate, ConnectionCut


class InProcessTransport(httpx.BaseTransport):
    """Sends each request to a WSGI application; its faults come as httpx's own errors.

    A connection cut is httpx.RemoteProtocolError, an answer later than the request's read time-out httpx.ReadTimeout.
    Any host name leads here.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        patience = request.extensions.get("timeout", {}).get("read")

        def app(environ, start_response):  # type: ignore[no-untyped-def]
            environ[PATIENCE] = patience
            return self._app(environ, start_response)

        try:
            response = httpx.WSGITransport(app=app).handle_request(request)
            response.read()
        except AnswerTooLate:
            raise httpx.ReadTimeout("The read operation timed out", request=request) from None
        except ConnectionCut:
            raise httpx.RemoteProtocolError("The connection was cut", request=request) from None
        return response
