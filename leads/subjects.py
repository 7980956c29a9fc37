"""Web forms as settings whose changes are watched: see `funnel.settings_log`."""

from django.utils.translation import gettext_lazy

from funnel.access import Permission
from funnel.settings_log import Subject, register

from .models import WebForm

WEB_FORM = register(
    Subject(
        "web-form",
        gettext_lazy("Web form"),
        "panels-top-left",
        WebForm,
        (
            "title",
            "slug",
            "intro",
            "source",
            "campaign",
            "service",
            "fields",
            "consent_text",
            "double_opt_in",
            "thanks",
            "redirect_url",
            "embed_origins",
            "phone_region",
            "assignment",
            "team",
            "active",
        ),
        Permission.MANAGE_CATALOGUE,
        "leads:form-edit",
    )
)
