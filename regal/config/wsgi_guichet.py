"""The guichet as a WSGI application."""

import os

os.environ["REGAL_SITE"] = "guichet"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "regal.config.settings")

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

from regal.config.bounds import NOTIFICATIONS, bounded

django.setup(set_prefix=False)
settings.MIDDLEWARE = settings.GUICHET_MIDDLEWARE  # neither session nor sign-in: the guichet sets no cookie
application = bounded(WSGIHandler(), receiver=NOTIFICATIONS)
