"""The bureau as a WSGI application."""

import os

os.environ["REGAL_SITE"] = "bureau"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "regal.config.settings")

from django.core.wsgi import get_wsgi_application

from regal.config.bounds import FILES, bounded

application = bounded(get_wsgi_application(), takers=FILES)
