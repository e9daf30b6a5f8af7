"""A PayFiP that costs nothing: it gives a key to whoever asks for one. For `regal bench`.

It never knows a result; with `paid` after its port, everybody has paid at once.
"""

import re
import sys
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from regal.gateways.payfip_ws.client import SERVICE, SOAP
from regal.lib.paris import to_paris

_ENVELOPE = f'<S:Envelope xmlns:S="{SOAP}"><S:Body>{{}}</S:Body></S:Envelope>'
_RETURN = f'<ns2:{{0}}Response xmlns:ns2="{SERVICE}"><return>{{1}}</return></ns2:{{0}}Response>'
_NOT_KNOWN = _ENVELOPE.format(
    f'<S:Fault><faultcode>S:Server</faultcode><detail><ns2:FonctionnelleErreur xmlns:ns2="{SERVICE}"><code>P5</code>'
    "</ns2:FonctionnelleErreur></detail></S:Fault>"
).encode()
_FIELD = re.compile(r"<(\w+)>([^<>]*)</\1>")
_DETAIL = [
    *("dattrans", "exer", "heurtrans", "idOp", "mel", "montant"),
    *("numauto", "numcli", "refdet", "resultrans", "saisie"),
]
_PAID = {"numauto": "3feabd", "resultrans": "P"}


class InstantPayfip(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    disable_nagle_algorithm = True
    is_paid = False
    orders: dict[str, dict[str, str]] = {}

    def do_POST(self) -> None:
        """Answer one question."""
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        said = dict(_FIELD.findall(asked))
        status = 200
        if "creerPaiementSecurise" in asked:
            key = str(uuid.uuid1())
            if self.is_paid:
                self.orders[key] = said
            body = _told("creerPaiementSecurise", {"idOp": key})
        elif (order := self.orders.get(said.get("idOp", ""))) is not None:
            body = _told("recupererDetailPaiementSecurise", _detail(said["idOp"], order))
        else:
            status, body = 500, _NOT_KNOWN
        self.send_response(status)
        self.send_header("Content-Type", "text/xml;charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """Say where a key's notification is to be sent: whoever measures plays that part too."""
        body = self.orders[self.path.rpartition("/")[2]]["urlnotif"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _detail(key: str, order: dict[str, str]) -> dict[str, str]:
    local = to_paris(datetime.now(UTC))
    fields = order | _PAID | {"idOp": key, "dattrans": f"{local:%d%m%Y}", "heurtrans": f"{local:%H%M}"}
    return {name: fields[name] for name in _DETAIL if fields.get(name)}


def _told(operation: str, fields: dict[str, str]) -> bytes:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    return _ENVELOPE.format(_RETURN.format(operation, inner)).encode()


if __name__ == "__main__":
    InstantPayfip.is_paid = "paid" in sys.argv
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), InstantPayfip).serve_forever()
