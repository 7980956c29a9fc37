from __future__ import annotations

from django.urls import URLPattern, path

from .views import client, editor, templates

app_name = "briefs"
urlpatterns: list[URLPattern] = [
    path("journeys/<int:pk>/brief/", editor.brief_edit, name="brief-edit"),
    path("journeys/<int:pk>/brief/link/", editor.link, name="brief-link"),
    path("journeys/<int:pk>/brief/versions/<int:version>/", editor.version, name="brief-version"),
    path("brief-templates/", templates.template_list, name="template-list"),
    path("brief-templates/default/", templates.template_edit, name="template-default"),
    path("brief-templates/<int:service>/", templates.template_edit, name="template-edit"),
    path("brief-templates/<int:service>/drop/", templates.template_drop, name="template-drop"),
    path("b/<slug:key>/", client.client_brief, name="client-brief"),
]
