"""Files that agents send: as large as the route says, from whoever is signed in, and nowhere else."""

from types import SimpleNamespace

import pytest
from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory

from regal.lib import uploads
from regal.lib.policy import Tenant, Who, policy
from regal.lib.uploads import BoundedUpload, is_too_large


@policy(who=Who.AGENT, tenant=Tenant.SLUG, largest_file=1000)
def taker(request):
    pass


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
def no_taker(request):
    pass


def sent(content, view=taker, *, is_authenticated=True):
    request = RequestFactory().post("/", {"file": SimpleUploadedFile("a.csv", content), "name": "Nadia"})
    request.resolver_match = SimpleNamespace(func=view)  # type: ignore[assignment]
    request.user = SimpleNamespace(is_authenticated=is_authenticated)  # type: ignore[assignment]
    request.upload_handlers = [BoundedUpload(request)]
    return request


class TestBoundedUpload:
    @pytest.mark.parametrize("size", [0, 1, 999, 1000])
    def test_gives_the_file_whole(self, size):
        request = sent(b"x" * size)
        assert request.FILES["file"].read() == b"x" * size
        assert request.POST["name"] == "Nadia"
        assert not is_too_large(request)

    @pytest.mark.parametrize("size", [1001, 300_000])
    def test_keeps_nothing_of_a_file_that_is_too_large_and_says_so(self, size):
        request = sent(b"x" * size)
        assert "file" not in request.FILES
        assert is_too_large(request)

    def test_takes_none_where_the_route_takes_none(self):
        with pytest.raises(TooManyFilesSent):
            _ = sent(b"x", no_taker).FILES

    def test_takes_none_from_a_stranger(self):
        with pytest.raises(TooManyFilesSent):
            _ = sent(b"x", is_authenticated=False).FILES

    def test_keeps_a_large_file_out_of_memory(self, monkeypatch):
        monkeypatch.setattr(uploads, "LARGEST_IN_MEMORY", 100)
        file = sent(b"x" * 1000).FILES["file"]
        assert file.file._rolled
        assert file.read() == b"x" * 1000
