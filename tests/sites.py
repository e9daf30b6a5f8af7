"""The two hosts in one process: test clients that answer as the guichet or as the bureau."""

from typing import Any

from django.conf import settings
from django.test import Client, override_settings


class GuichetClient(Client):
    """A payer's browser. It fails as soon as a page sets a cookie."""

    def request(self, **request: Any) -> Any:
        with override_settings(ROOT_URLCONF="regal.config.urls_guichet", MIDDLEWARE=settings.GUICHET_MIDDLEWARE):
            response = super().request(**request)
        assert not response.cookies, "the guichet sets no cookie"
        return response


class BureauClient(Client):
    """An agent's browser."""

    def request(self, **request: Any) -> Any:
        with override_settings(ROOT_URLCONF="regal.config.urls_bureau", MIDDLEWARE=settings.BUREAU_MIDDLEWARE):
            return super().request(**request)
