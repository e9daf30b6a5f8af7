"""The guichet's routes as a demonstration has them."""

from django.urls import path

from regal.config import urls_guichet
from regal.demo import panel, start
from regal.demo.six_steps import CANTEEN

urlpatterns = [
    path("", start.start, name="demo_start"),
    path(CANTEEN, start.canteen, name="demo_canteen"),
    path(panel.PATH, panel.panel, name="demo_faults"),
    *urls_guichet.urlpatterns,
]
