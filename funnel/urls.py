from django.urls import URLPattern, path

from .views import gallery, shell

app_name = "funnel"

urlpatterns: list[URLPattern] = [
    path("theme/", shell.set_theme, name="theme"),
    path("components/", gallery.gallery, name="gallery"),
]
