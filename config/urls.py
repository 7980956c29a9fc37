"""Every address of the site: each app's own, and what the installation itself answers."""

from __future__ import annotations

from django.urls import include, path, re_path

from config import health
from funnel.views.faults import fault, malformed, missing, no_door

handler400, handler404, handler500 = malformed, missing, fault
urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("accounts/", include("allauth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/v1/", include(("config.api", "api"))),
    re_path(r"^api(?:/|$)", no_door),
    path("welcome/", include("config.welcome.urls")),
    path("", include("funnel.urls")),
    path("", include("leads.urls")),
    path("", include("briefs.urls")),
    path("", include("partners.urls")),
    path("", include("deals.urls")),
    path("", include("kpi.urls")),
]
