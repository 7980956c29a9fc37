from django.urls import path, re_path

from . import panel_views, plan_views, views
from .campaigns.views import campaigns

app_name = "kpi"
urlpatterns = [
    path("dashboard/", views.dashboard, name="dashboard"),
    path("campaigns/", campaigns, name="campaigns"),
    path("dashboard/panels/<slug:key>/", panel_views.panel, name="panel"),
    path("plans/", plan_views.grid, name="plan-grid"),
    path("plans/import/", plan_views.upload, name="plan-import"),
    path("plans/undo/<str:code>/", plan_views.undo, name="plan-undo"),
    re_path(r"^plans/(?P<year>[0-9]{4})\.(?P<suffix>csv|xlsx)$", plan_views.download, name="plan-download"),
]
