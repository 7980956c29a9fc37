"""Addresses of the REST door to figures and plans."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from .records import RecordsView
from .views import PlanViewSet, ReportView

router = SimpleRouter()
router.register("plans", PlanViewSet, "plan")

urlpatterns = [
    path("kpi/report/", ReportView.as_view(), name="kpi-report"),
    path("kpi/records/", RecordsView.as_view(), name="kpi-records"),
    path("", include(router.urls)),
]
