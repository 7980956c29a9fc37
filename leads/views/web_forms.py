"""The web forms as colleagues set them up, with what to paste into a site."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from funnel.access import Permission
from funnel.toasts import toast
from funnel.views.base import go, permitted
from funnel.views.editing import edit
from leads.models import WebForm
from leads.public_forms import PublicForm
from leads.subjects import WEB_FORM
from leads.web_form_forms import WebFormForm


@permitted(Permission.MANAGE_CATALOGUE)
@require_GET
def form_list(request: HttpRequest) -> HttpResponse:
    """List the web forms."""
    forms = WebForm.objects.select_related("source", "campaign")
    return render(request, "leads/form_list.html", {"forms": forms})


@permitted(Permission.MANAGE_CATALOGUE)
@require_http_methods(["GET", "POST"])
def form_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Make or change a web form; a made one shows what to paste into a site."""
    with transaction.atomic():
        editing = edit(request, WEB_FORM, pk, lambda data, found: WebFormForm(data, instance=found))
    if (saved := editing.saved) is not None:
        words = _("The web form “%(title)s” is saved.") % {"title": saved}
        toast(request, words, undo=editing.undo)
        return go(request, reverse("leads:form-edit", args=[saved.pk]))
    context = {
        **(editing.context or {}),
        "web_form": WebForm.objects.filter(pk=pk).first(),  # as stored: the form may have spoilt the other
        "crumbs": [{"url": reverse("leads:form-list"), "label": _("Web forms")}],
        "back": reverse("leads:form-list"),
    }
    if stored := context["web_form"]:
        context["address"] = settings.PUBLIC_URL + reverse("leads:form", args=[stored.slug])
        context["frame"] = render_to_string("leads/snippet_frame.html", context)
        context["html"] = render_to_string(
            "leads/snippet_form.html", {**context, "fields": PublicForm(web_form=stored).shown_fields()}
        )
    return render(request, "leads/form_edit.html", context, status=editing.status)
