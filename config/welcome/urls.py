from django.urls import URLPattern, path

from . import views

app_name = "welcome"

urlpatterns: list[URLPattern] = [
    path("", views.welcome, name="welcome"),
    path("leave/", views.leave, name="leave"),
    path("demo/", views.demo_page, name="demo"),
    path("demo/load/", views.demo_load, name="demo-load"),
    path("demo/remove/", views.demo_remove, name="demo-remove"),
    path("<slug:key>/", views.step, name="step"),
]
