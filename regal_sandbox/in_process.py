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

At Paybox, the program signs the form that its payer's browser sends:

    >>> import hmac, re
    >>> def signed(form, key="0123456789ABCDEF" * 8):
    ...     text = "&".join(f"{name}={value}" for name, value in form.items())
    ...     return form | {"PBX_HMAC": hmac.new(bytes.fromhex(key), text.encode(), "sha512").hexdigest().upper()}
    >>> form = {"PBX_SITE": "1999888", "PBX_RANG": "32", "PBX_IDENTIFIANT": "107904482"}
    >>> form |= {"PBX_TOTAL": "1250", "PBX_DEVISE": "978", "PBX_CMD": "CANTINE-7Kd2", "PBX_PORTEUR": "moi@exemple.fr"}
    >>> form |= {"PBX_TYPEPAIEMENT": "CARTE", "PBX_TYPECARTE": "CB"}  # without them, a page has the payer choose
    >>> form |= {"PBX_RETOUR": "Mt:M;Ref:R;Auto:A;Erreur:E;Sign:K", "PBX_REPONDRE_A": "https://site.exemple.fr/ipn"}
    >>> form |= {"PBX_EFFECTUE": "https://site.exemple.fr/paye", "PBX_RUF1": "POST"}
    >>> form |= {"PBX_HASH": "SHA512", "PBX_TIME": "2026-03-16T12:00:00+01:00"}
    >>> paybox = httpx.Client(transport=sandbox.transport(), base_url="https://tpeweb.paybox.com")
    >>> paybox.follow_redirects = True
    >>> page = paybox.post("/php/", data=signed(form))
    >>> session = re.search('data-session="([^"]+)"', page.text)[1]
    >>> page = paybox.post("/cgi/MYpagepaiement.cgi", data={"session": session, "decision": "continuer"})
    >>> for decision in ("refuser", "payer"):  # refused, then paid on the same page: two calls to the site
    ...     page = paybox.post("/cgi/MYtraitetransaction.cgi", data={"session": session, "decision": decision})
    >>> 'data-state="paid"' in page.text
    True
    >>> sandbox.deliver_due()  # both calls, and the ticket
    3
    >>> [request.body.decode().partition("&Sign=")[0] for request in heard[-2:]]
    ['Mt=1250&Ref=CANTINE-7Kd2&Erreur=00105', 'Mt=1250&Ref=CANTINE-7Kd2&Auto=XXXXXX&Erreur=00000']
    >>> sandbox.paybox_public_key.splitlines()[0]  # what verifies their signatures
    '-----BEGIN PUBLIC KEY-----'
    >>> [(one["code"], one["status"]) for one in sandbox.paybox_payments(reference="CANTINE-7Kd2")[0]["tries"]]
    [('00105', 'refused'), ('00000', 'captured')]
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
