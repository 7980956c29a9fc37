"""Sources, campaigns, services and reasons: made, renamed, put out of use. Nothing that history names is deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.db import transaction
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from funnel.access import Permission
from funnel.models import Campaign, Reason, Service, Source
from funnel.settings_forms import CampaignForm, ReasonForm, ServiceForm, SourceForm
from funnel.stages import Label
from funnel.subjects import CATALOGUES
from funnel.toasts import toast

from .base import go, permitted
from .editing import edit


@dataclass(frozen=True, slots=True)
class Kind:
    """One catalogue: its address, model, form and names."""

    slug: str
    model: type[Model]
    form: type[forms.ModelForm[Any]]
    label: Label
    new: Label
    icon: str
    why: Label
    group: str


KINDS: Final = {
    kind.slug: kind
    for kind in (
        Kind(
            "sources",
            Source,
            SourceForm,
            gettext_lazy("Sources"),
            gettext_lazy("New source"),
            "radio-tower",
            gettext_lazy("Where applications come from."),
            "marketing",
        ),
        Kind(
            "campaigns",
            Campaign,
            CampaignForm,
            gettext_lazy("Campaigns"),
            gettext_lazy("New campaign"),
            "megaphone",
            gettext_lazy("What applications are credited to."),
            "marketing",
        ),
        Kind(
            "services",
            Service,
            ServiceForm,
            gettext_lazy("Services"),
            gettext_lazy("New service"),
            "package",
            gettext_lazy("What the company sells; each may have a brief of its own."),
            "funnel",
        ),
        Kind(
            "reasons",
            Reason,
            ReasonForm,
            gettext_lazy("Reasons"),
            gettext_lazy("New reason"),
            "message-circle-question-mark",
            gettext_lazy("Why journeys are lost, rejected, objected to or referred."),
            "funnel",
        ),
    )
}


def _kind(slug: str) -> Kind:
    if slug not in KINDS:
        raise Http404("no such catalogue")
    return KINDS[slug]


def _crumbs(kind: Kind | None = None) -> list[dict[str, Any]]:
    crumbs = [{"url": reverse("funnel:settings"), "label": _("Settings")}]
    if kind:
        crumbs.append({"url": reverse("funnel:catalogue", args=[kind.slug]), "label": kind.label})
    return crumbs


@permitted(Permission.MANAGE_CATALOGUE)
@require_GET
def catalogue(request: HttpRequest, slug: str) -> HttpResponse:
    """List a catalogue, what is out of use last."""
    kind = _kind(slug)
    rows: Any = kind.model._default_manager.order_by(
        "-active", *(["kind"] if kind.model is Reason else []), "key"
    )
    if kind.model is Campaign:
        rows = rows.select_related("source")
    context = {"kind": kind, "rows": rows, "crumbs": _crumbs()}
    return render(request, "funnel/settings_catalogue.html", context)


@permitted(Permission.MANAGE_CATALOGUE)
@require_http_methods(["GET", "POST"])
def entry(request: HttpRequest, slug: str, pk: int | None = None) -> HttpResponse:
    """Make an entry, or change its label and whether it is offered."""
    kind = _kind(slug)
    with transaction.atomic():
        editing = edit(request, CATALOGUES[slug], pk, lambda data, found: kind.form(data, instance=found))
    if editing.saved:
        toast(request, _("%(what)s: saved.") % {"what": editing.saved}, undo=editing.undo)
        return go(request, reverse("funnel:catalogue", args=[slug]))
    found: Any = kind.model._default_manager.filter(pk=pk).first() if pk is not None else None
    context = {
        **(editing.context or {}),
        "title": str(found) if found else kind.new,
        "lede": found.key if found else "",
        "crumbs": _crumbs(kind),
        "back": reverse("funnel:catalogue", args=[slug]),
    }
    return render(request, "funnel/settings_form.html", context, status=editing.status)
