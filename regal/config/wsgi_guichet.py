"""The guichet as a WSGI application."""

import os

os.environ["REGAL_SITE"] = "guichet"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "regal.config.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
