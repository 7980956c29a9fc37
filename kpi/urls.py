from django.urls import path

from . import views

app_name = "kpi"
urlpatterns = [path("dashboard/", views.dashboard, name="dashboard")]
