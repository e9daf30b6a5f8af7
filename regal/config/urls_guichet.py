"""The guichet: public pages, notifications, returns. French without a prefix, English under /en/."""

from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.urls import path

import regal.lib.keys  # noqa: F401 - what <key:…> is
from regal.checkout import by_link, health, look, notifications, pages, several, tickets
from regal.demo import panel, start
from regal.demo.data import SAMPLE
from regal.demo.six_steps import CANTEEN

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    # Any number: the view counts what comes to an address that is not ours.
    path("s/n/<int:collectivite_id>/<str:token>", notifications.notification, name="notification"),
    path("s/p/<int:collectivite_id>/<str:token>", notifications.account_notification, name="account_notification"),
    path("s/l/<key:collectivite_id>/<str:colours>.css", look.colours, name="town_colours"),
    path("s/l/<key:collectivite_id>/<str:logo>.png", look.logo, name="town_logo"),
    *([path(SAMPLE, start.sample, name="demo_sample")] if settings.DEMO else []),
    *([path(CANTEEN, start.canteen, name="demo_canteen")] if settings.DEMO else []),
    *i18n_patterns(
        path("", start.start if settings.DEMO else pages.home, name="start"),
        *([path(panel.PATH, panel.panel, name="demo_faults")] if settings.DEMO else []),
        path("<slug:slug>/", pages.products, name="products"),
        path("<slug:slug>/suivi/<str:handle>/", pages.follow, name="follow"),
        path("<slug:slug>/suivi/<str:handle>/retour/", pages.back, name="back"),
        path("<slug:slug>/suivi/<str:handle>/recommencer/", pages.again, name="again"),
        path("<slug:slug>/<slug:product_slug>/", pages.product, name="product"),
        path("<slug:slug>/<slug:product_slug>/plusieurs/", several.several, name="several"),
        path("<slug:slug>/<slug:product_slug>/payer/", pages.leave, name="leave"),
        path("<slug:slug>/<slug:product_slug>/ticket/", tickets.ticket, name="ticket_again"),
        path("<slug:slug>/avis/<str:link>/", by_link.by_link, name="by_link"),
        prefix_default_language=False,
    ),
]
handler400 = "regal.checkout.pages.bad_request"
handler404 = "regal.checkout.pages.not_found"
handler500 = "regal.checkout.pages.server_error"
