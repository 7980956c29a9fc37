from django.urls import path, re_path

from . import panel_views, plan_views
from .campaigns.views import campaigns
from .dashboards import views as dashboards
from .digest import views as digest_views
from .records.views import records
from .staff import views as staff_views

app_name = "kpi"
urlpatterns = [
    path("dashboard/", dashboards.management, name="dashboard"),
    path("dashboard/marketing/", dashboards.marketing, name="dashboard-marketing"),
    path("dashboard/sales/", dashboards.sales, name="dashboard-sales"),
    path("dashboard/attention/", dashboards.needs_attention, name="attention"),
    re_path(r"^dashboard/(?P<key>[a-z]+)\.(?P<suffix>csv|xlsx)$", dashboards.export, name="dashboard-export"),
    path("dashboard/records/", records, name="records"),
    path("campaigns/", campaigns, name="campaigns"),
    path("dashboard/panels/<slug:key>/", panel_views.panel, name="panel"),
    path("plans/", plan_views.grid, name="plan-grid"),
    path("plans/import/", plan_views.upload, name="plan-import"),
    path("plans/undo/<str:code>/", plan_views.undo, name="plan-undo"),
    re_path(r"^plans/(?P<year>[0-9]{4})\.(?P<suffix>csv|xlsx)$", plan_views.download, name="plan-download"),
    path("staff/", staff_views.staff, name="staff"),
    path("staff/<int:pk>/", staff_views.staff_person, name="staff-person"),
    path("staff/rows/<str:column>/", staff_views.staff_rows, name="staff-rows"),
    re_path(r"^staff/activity\.(?P<suffix>csv|xlsx)$", staff_views.staff_file, name="staff-file"),
    path("digest/", digest_views.choice, name="digest"),
    path("digest/preview/", digest_views.preview, name="digest-preview"),
    path("digest/preview/mail/", digest_views.mail, name="digest-mail"),
    path("digest/stop/<str:token>/", digest_views.stop, name="digest-stop"),
]
