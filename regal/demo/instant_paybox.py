"""A Paybox that costs nothing: its page is open, and Direct knows every reference as captured. For `regal bench`."""

import sys
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

OPEN = b'<html><head></head><body><div id="server_status">OK</div></body></html>'


def numbers_of(reference: str) -> tuple[str, str]:
    """The transaction and the call of whatever was paid under this reference."""
    number = zlib.crc32(reference.encode("ascii")) or 1
    return f"{number:010d}", f"{number + 1:010d}"


class InstantPaybox(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Say that the page is open."""
        self._answer(OPEN)

    def do_POST(self) -> None:
        """Answer one question to Direct."""
        asked = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode("ascii")))
        state: dict[str, str] = {}
        if "REFERENCE" in asked:  # that it exists, not what became of it
            transaction, call = numbers_of(asked["REFERENCE"])
        else:
            transaction, call = asked["NUMTRANS"], asked["NUMAPPEL"]
            state = {"STATUS": "Captur\xe9", "REMISE": ""}
        fields = {
            "NUMTRANS": transaction,
            "NUMAPPEL": call,
            "NUMQUESTION": asked["NUMQUESTION"],
            "SITE": asked["SITE"],
            "RANG": asked["RANG"],
            "AUTORISATION": "581204",
            "CODEREPONSE": "00000",
            "COMMENTAIRE": "OK",
            **state,
        }
        self._answer("&".join(f"{name}={value}" for name, value in fields.items()).encode("latin-1"))

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), InstantPaybox).serve_forever()
