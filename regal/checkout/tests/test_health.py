"""Whether the guichet is ready, for whoever starts or watches it."""

import logging

import pytest
from django.test import Client


@pytest.mark.django_db
class TestReadiness:
    def test_names_what_is_missing(self, client: Client) -> None:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {"database": True, "migrations": True, "worker": False}

    def test_is_no_error_while_a_worker_is_starting(self, client: Client, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO, logger="django.request"):
            client.get("/readyz")
        assert [record.levelname for record in caplog.records] == ["INFO"]
        assert "worker" in caplog.text
