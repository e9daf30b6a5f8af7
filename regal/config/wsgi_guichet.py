"""The guichet as a WSGI application."""

import os

os.environ["REGAL_SITE"] = "guichet"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "regal.config.settings")

import django  # noqa: E402 - the settings read REGAL_SITE
from django.conf import settings  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402

django.setup(set_prefix=False)
settings.MIDDLEWARE = settings.GUICHET_MIDDLEWARE  # neither session nor sign-in: the guichet sets no cookie
application = WSGIHandler()
