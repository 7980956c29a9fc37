from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class KpiConfig(AppConfig):
    name = "kpi"
    verbose_name = _("Figures")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from funnel import registry

        from . import clients, navigation

        registry.navigation.append(navigation.entries)
        registry.settings_pages.append(navigation.settings_pages)
        registry.on_client_changed.append(clients.follow)
