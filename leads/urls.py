from __future__ import annotations

from django.urls import URLPattern, path

from .views import campaigns, duplicates, imports, inbox, leads, public, web_forms

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
    path("journeys/<int:pk>/application/<slug:name>/", leads.application_keep, name="application-keep"),
    path("journeys/<int:pk>/duplicates/", leads.duplicates, name="duplicates"),
    path("duplicates/", duplicates.pair_list, name="pair-list"),
    path("duplicates/<slug:kind>/<int:pk>/merge/", duplicates.pair_merge, name="pair-merge"),
    path("duplicates/<slug:kind>/<int:pk>/apart/", duplicates.pair_apart, name="pair-apart"),
    path("duplicates/<slug:kind>/<int:pk>/back/", duplicates.pair_back, name="pair-back"),
    path("campaigns/new/", campaigns.campaign_new, name="campaign-new"),
    path("campaigns/costs/", campaigns.costs_import, name="campaign-costs"),
    path("campaigns/<int:pk>/", campaigns.campaign_edit, name="campaign-edit"),
    path("imports/", imports.import_list, name="import-list"),
    path("imports/<int:pk>/", imports.import_detail, name="import"),
    path("imports/<int:pk>/land/", imports.import_land, name="import-land"),
    path("imports/<int:pk>/undo/", imports.import_undo, name="import-undo"),
    path("imports/<int:pk>/rejected/", imports.import_rejected, name="import-rejected"),
    path("f/<slug:slug>/", public.public_form, name="form"),
    path("f/<slug:slug>/thanks/", public.thanks, name="form-thanks"),
    path("f/<slug:slug>/confirm/<str:token>/", public.confirm, name="form-confirm"),
]
