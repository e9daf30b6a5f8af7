"""A Paybox that costs nothing: its page is open, and Direct knows every transaction as captured. For `regal bench`."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

OPEN = b'<html><head></head><body><div id="server_status">OK</div></body></html>'


class InstantPaybox(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Say that the page is open."""
        self._answer(OPEN)

    def do_POST(self) -> None:
        """Answer one question to Direct."""
        asked = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode("ascii")))
        fields = {
            "NUMTRANS": asked.get("NUMTRANS", "0" * 10),
            "NUMAPPEL": asked.get("NUMAPPEL", "0" * 10),
            "NUMQUESTION": asked["NUMQUESTION"],
            "SITE": asked["SITE"],
            "RANG": asked["RANG"],
            "AUTORISATION": "581204",
            "CODEREPONSE": "00000",
            "COMMENTAIRE": "OK",
            "STATUS": "Captur\xe9",
            "REMISE": "",
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
