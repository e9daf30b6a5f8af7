"""A client of the sandbox without sockets, for httpx: what a program would meet on the network, it meets here.

    >>> from datetime import UTC, datetime
    >>> import httpx, regal_sandbox
    >>> from regal_sandbox import Answer, soap
    >>> heard = []
    >>> sandbox = regal_sandbox.create(
    ...     clock=lambda: datetime(2026, 3, 16, 11, 0, tzinfo=UTC),
    ...     seed="any text",
    ...     send_notification=lambda request: heard.append(request) or Answer(status=200),
    ... )
    >>> payfip = httpx.Client(transport=sandbox.transport(), base_url="https://www.payfip.gouv.fr")

The program under test creates a payment, as it would at PayFiP's:

    >>> asked = "<numcli>090912</numcli><refdet>CANTINE2026</refdet><montant>1250</montant><mel>payeur@exemple.fr</mel>"
    >>> asked += "<saisie>T</saisie><urlnotif>https://site.exemple.fr/notif</urlnotif>"
    >>> call = f'<Envelope xmlns="{soap.ENVELOPE}"><Body><ns:creerPaiementSecurise xmlns:ns="{soap.SERVICE}" xmlns="">'
    >>> call += f"<arg0>{asked}</arg0></ns:creerPaiementSecurise></Body></Envelope>"
    >>> payfip.post("/tpa/services/securite", content=call).status_code
    200
    >>> idop = sandbox.idops()[0]["idop"]
    >>> sandbox.idops()[0]["service"]  # what an inquiry would hear now
    'P5'

The payer opens the page (a redirect leads to the step he is at) and presses buttons, each named `decision`:

    >>> page = payfip.get("/tpa/paiementws.web", params={"idop": idop}, follow_redirects=True)
    >>> for decision in ("continuer", "carte", "payer"):
    ...     page = payfip.post(page.url, data={"decision": decision}, follow_redirects=True)
    >>> 'data-outcome="P"' in page.text
    True

`carte`, `prelevement` (then `identifier`) and `virement` choose a means when the client has several; `payer`, `refuser`
and `abandonner` end the payment; `valider` is the bank's 3-D Secure page, when the settings ask for it. A page that
refuses has `data-refusal="rule"`; the way back to the site is the element that bears `data-return`.

Nothing leaves by itself:

    >>> sandbox.deliver_due()  # the notification, and the ticket to the mailbox
    2
    >>> heard[0].body.decode() == f"idop={idop}"
    True
    >>> one = sandbox.idops(numcli="090912", refdet="CANTINE2026")[0]
    >>> one["service"], one["resultrans"], one["montant"], one["decided_at"]
    ('P', 'P', 1250, '2026-03-16T11:00:00.000000+00:00')
    >>> sandbox.close()
"""

from wsgiref.types import WSGIApplication

import httpx

from regal_sandbox.page_faults import PATIENCE, AnswerTooLate, ConnectionCut, ConnectionReset


class InProcessTransport(httpx.BaseTransport):
    """Sends each request to a WSGI application; its faults come as httpx's own errors.

    A connection cut is httpx.RemoteProtocolError, one reset httpx.ReadError, an answer later than the request's read
    time-out httpx.ReadTimeout. Any host name leads here.
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
        except ConnectionReset:
            raise httpx.ReadError("[Errno 104] Connection reset by peer", request=request) from None
        except ConnectionCut:
            raise httpx.RemoteProtocolError(
                "Server disconnected without sending a response.", request=request
            ) from None
        return response
