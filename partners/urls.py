from __future__ import annotations

from django.urls import URLPattern, path

from .views import partners, portal

app_name = "partners"
urlpatterns: list[URLPattern] = [
    path("portal/", portal.portal, name="portal"),
    path("portal/<int:pk>/", portal.referral, name="portal-referral"),
    path("portal/<int:pk>/<str:answer>/", portal.answer, name="portal-answer"),
    path("partners/", partners.partner_list, name="partner-list"),
    path("partners/new/", partners.partner_edit, name="partner-new"),
    path("partners/<int:pk>/", partners.partner_detail, name="partner"),
    path("partners/<int:pk>/edit/", partners.partner_edit, name="partner-edit"),
]
