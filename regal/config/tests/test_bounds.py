"""What no request to either host may do."""

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.db import close_old_connections
from django.test import RequestFactory, override_settings

from regal.config.bounds import FILES, LONGEST_BODY, bounded
from regal.lib.uploads import LARGEST_PAYMENTS_FILE
from tests import cast

pytestmark = pytest.mark.django_db
HOSTS = {"guichet": settings.GUICHET_MIDDLEWARE, "bureau": settings.BUREAU_MIDDLEWARE}


@pytest.fixture(params=HOSTS)
def ask(request):
    """Ask a host through its whole WSGI application; the status."""
    host = request.param
    request_started.disconnect(close_old_connections)  # the test's own transaction stands open

    def ask(path: str, *, body: bytes = b"", content_type: str = "text/plain", method: str = "GET", **environ: str):
        with override_settings(ROOT_URLCONF=f"regal.config.urls_{host}", MIDDLEWARE=HOSTS[host], ALLOWED_HOSTS=["*"]):
            application = bounded(WSGIHandler())
            asked = RequestFactory().generic(method, path, body, content_type="text/plain").environ
            asked |= {"CONTENT_TYPE": content_type, **environ}
            statuses: list[str] = []
            list(application(asked, lambda status, headers: statuses.append(status)))
        return int(statuses[0].split()[0])

    yield ask
    request_started.connect(close_old_connections)


class TestBounds:
    @pytest.mark.parametrize("charset", ["hex", "zlib", "rot13", "idna", "undefined", "utf-7", "nonsense", '"hex"'])
    @pytest.mark.parametrize("media_type", ["text/plain", "multipart/form-data; boundary=x"])
    def test_a_request_does_not_choose_how_it_is_read(self, ask, charset, media_type):
        cast.make_saint_aubin()
        for path in ("/saint-aubin/titres/?a=%C3%A9", "/connexion/?next=%C3%A9", "/?%ff=%ff"):
            for method in ("GET", "POST"):
                content_type = f"{media_type}; charset={charset}"
                assert ask(path, body=b"a=%C3%A9", content_type=content_type, method=method) < 500

    @pytest.mark.parametrize(
        ("length", "status"),
        [(str(LONGEST_BODY + 1), 413), ("9" * 40, 413), ("9" * 5000, 413), ("-1", 413), ("x", 413), ("²", 413)],
    )
    def test_a_large_body_is_refused_before_it_is_read(self, ask, length, status):
        assert ask("/saint-aubin/titres/", method="POST", CONTENT_LENGTH=length) == status

    @pytest.mark.parametrize(
        ("path", "length", "status"),
        [
            ("/saint-aubin/fichiers/", LARGEST_PAYMENTS_FILE, 200),
            ("/en/saint-aubin/fichiers/", LARGEST_PAYMENTS_FILE, 200),
            ("/saint-aubin/fichiers/", LARGEST_PAYMENTS_FILE + LONGEST_BODY + 1, 413),
            ("/saint-aubin/fichiers/12/", LARGEST_PAYMENTS_FILE, 413),
            ("/saint-aubin/paiements/", LARGEST_PAYMENTS_FILE, 413),
        ],
    )
    def test_a_file_is_let_through_where_one_is_taken(self, path, length, status):
        def application(environ, start_response):
            start_response("200 OK", [])
            return [b""]

        statuses = []
        environ = {"PATH_INFO": path, "CONTENT_LENGTH": str(length)}
        list(bounded(application, takers=FILES)(environ, lambda status, headers: statuses.append(status)))
        assert int(statuses[0].split()[0]) == status

    def test_a_file_is_taken_nowhere(self, ask):
        cast.make_saint_aubin()
        body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nabc\r\n--x--\r\n'
        content_type = "multipart/form-data; boundary=x"
        assert ask("/saint-aubin/titres/", body=body, content_type=content_type, method="POST") in (400, 403, 404)
