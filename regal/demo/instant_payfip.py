"""A PayFiP that costs nothing: it gives a key to whoever asks for one, and never knows a result. For `regal bench`."""

import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from regal.gateways.payfip_ws.client import SERVICE, SOAP

_ENVELOPE = f'<S:Envelope xmlns:S="{SOAP}"><S:Body>{{}}</S:Body></S:Envelope>'
_KEY = (
    f'<ns2:creerPaiementSecuriseResponse xmlns:ns2="{SERVICE}"><return><idOp>{{}}</idOp></return>'
    "</ns2:creerPaiementSecuriseResponse>"
)
_NOT_KNOWN = _ENVELOPE.format(
    f'<S:Fault><faultcode>S:Server</faultcode><detail><ns2:FonctionnelleErreur xmlns:ns2="{SERVICE}"><code>P5</code>'
    "</ns2:FonctionnelleErreur></detail></S:Fault>"
).encode()


class InstantPayfip(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer one question."""
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        if b"creerPaiementSecurise" in asked:
            status, body = 200, _ENVELOPE.format(_KEY.format(uuid.uuid1())).encode()
        else:
            status, body = 500, _NOT_KNOWN
        self.send_response(status)
        self.send_header("Content-Type", "text/xml;charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), InstantPayfip).serve_forever()
