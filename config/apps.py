from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config import demo
        from config.celery import app  # noqa: F401 - makes @shared_task find its broker in every process
        from config.welcome import steps
        from funnel import registry

        registry.invented.append(demo.journeys)
        registry.first_run.append(steps.begin_with)
        registry.settings_pages.append(steps.settings_pages)
