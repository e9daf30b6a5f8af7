"""What no request of either host may do."""

import pytest

from tests import cast

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["guichet", "bureau"])
def host(request):
    return request.getfixturevalue(request.param)


class TestBounds:
    @pytest.mark.parametrize("charset", ["hex", "zlib", "rot13", "idna", "undefined", "utf-7", "nonsense"])
    @pytest.mark.parametrize("media_type", ["text/plain", "multipart/form-data; boundary=x"])
    def test_a_request_does_not_choose_how_it_is_read(self, host, charset, media_type):
        cast.make_saint_aubin()
        for path in ("/saint-aubin/titres/?a=%C3%A9", "/connexion/?next=%C3%A9", "/?%ff=%ff"):
            answers = [
                host.get(path, headers={"content-type": f"{media_type}; charset={charset}"}),
                host.post(path, b"a=%C3%A9", content_type=f"{media_type}; charset={charset}"),
            ]
            assert all(answer.status_code < 500 for answer in answers)

    def test_a_large_body_is_refused_before_it_is_read(self, host):
        cast.make_saint_aubin()
        answer = host.post("/saint-aubin/titres/", b"x" * (64 * 1024 + 1), content_type="text/plain")
        assert answer.status_code == 413

    def test_a_file_is_taken_nowhere(self, host):
        cast.make_saint_aubin()
        body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nabc\r\n--x--\r\n'
        answer = host.post("/saint-aubin/titres/", body, content_type="multipart/form-data; boundary=x")
        assert answer.status_code < 500
        assert not answer.wsgi_request.FILES
