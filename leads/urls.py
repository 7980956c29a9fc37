from __future__ import annotations

from django.urls import URLPattern, path

from .views import inbox, leads, public, web_forms

app_name = "leads"
urlpatterns: list[URLPattern] = [
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/share/", inbox.share, name="inbox-share"),
    path("inbox/<int:pk>/take/", inbox.take, name="inbox-take"),
    path("leads/new/", leads.lead_create, name="lead-create"),
    path("leads/forms/", web_forms.form_list, name="form-list"),
    path("leads/forms/new/", web_forms.form_edit, name="form-new"),
    path("leads/forms/<int:pk>/", web_forms.form_edit, name="form-edit"),
    path("journeys/<int:pk>/first-meeting/", leads.first_meeting, name="first-meeting"),
    path("journeys/<int:pk>/duplicates/", leads.duplicates, name="duplicates"),
    path("f/<slug:slug>/", public.public_form, name="form"),
    path("f/<slug:slug>/thanks/", public.thanks, name="form-thanks"),
    path("f/<slug:slug>/confirm/<str:token>/", public.confirm, name="form-confirm"),
]
