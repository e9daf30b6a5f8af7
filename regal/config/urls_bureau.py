"""The bureau: what agents see. French without a prefix, English under /en/."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import path

from regal.checkout import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    *i18n_patterns(prefix_default_language=False),
]
handler404 = "regal.backoffice.errors.not_found"
