"""The guichet: public pages, notifications, returns. French without a prefix, English under /en/."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import path

from regal.checkout import health, notifications

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("s/n/<int:collectivite_id>/<str:token>", notifications.notification, name="notification"),
    *i18n_patterns(prefix_default_language=False),
]
