from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config.celery import app  # noqa: F401 - makes @shared_task find its broker in every process
