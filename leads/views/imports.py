"""The import pages: upload, what a dry run found, progress, report, undo."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from funnel.access import Permission
from funnel.toasts import toast
from funnel.views.base import go, is_fragment, permitted, person
from leads.api.imports import rejected_file
from leads.history import encodings, jobs
from leads.models import ImportJob

PAGE = 50


class UploadForm(forms.Form):
    journeys = forms.FileField(
        label=gettext_lazy("Journeys"),
        help_text=gettext_lazy("CSV: journey_id, client_id, source, campaign, owner_at_start, service, note"),
        max_length=255,
        allow_empty_file=True,
    )
    events = forms.FileField(
        label=gettext_lazy("Events"),
        help_text=gettext_lazy("CSV: event_id, journey_id, event, occurred_at_utc, recorded_at_utc, value"),
        max_length=255,
        allow_empty_file=True,
    )
    encoding = forms.ChoiceField(
        label=gettext_lazy("Encoding"),
        help_text=gettext_lazy("How the letters were saved. Leave it to us unless you know."),
        choices=[("", gettext_lazy("Find out")), *encodings.NAMES.items()],
        required=False,
    )
    strict = forms.BooleanField(label=gettext_lazy("Import nothing if any row is rejected"), required=False)

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if not self.errors:
            files = {name: given[name] for name in ("journeys", "events", "encoding")}
            for field, why in jobs.check_upload(**files).items():
                self.add_error(field, why)
        return given


@permitted(Permission.IMPORT)
@require_http_methods(["GET", "POST"])
def import_list(request: HttpRequest) -> HttpResponse:
    """List the imports, with the form that begins one: it is checked first, and lands when told to."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST":
        form = UploadForm(request.POST, request.FILES)
        if form.is_valid():
            job = jobs.submit(actor=person(request), at=timezone.now(), dry_run=True, **form.cleaned_data)
            return go(request, reverse("leads:import", args=[job.pk]))
    before = request.GET.get("before", "")
    found = ImportJob.objects.select_related("created_by")
    if before.isdecimal() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    listed = list(found[: PAGE + 1])
    more = f"?before={listed[PAGE - 1].pk}" if len(listed) > PAGE else ""
    return render(
        request,
        "leads/import_list.html",
        {"jobs": listed[:PAGE], "next_url": more, "form": form},
        status=422 if form.errors else 200,
    )


@permitted(Permission.IMPORT)
@require_GET
def import_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one import; the part that changes while it runs is asked for again every two seconds."""
    job = get_object_or_404(ImportJob.objects.select_related("created_by", "undone_by"), pk=pk)
    context = {
        "job": job,
        "progress": jobs.progress_of(job),
        "readings": _readings(job),
        "crumbs": [{"url": reverse("leads:import-list"), "label": _("Imports")}],
    }
    template = "leads/_import_state.html" if is_fragment(request) else "leads/import_detail.html"
    return render(request, template, context)


@permitted(Permission.IMPORT)
@require_POST
def import_land(request: HttpRequest, pk: int) -> HttpResponse:
    """Import what was checked."""
    job = get_object_or_404(ImportJob, pk=pk)
    return _asked(
        request, job, lambda: jobs.land(job=job, at=timezone.now(), encoding=request.POST.get("encoding", ""))
    )


@permitted(Permission.IMPORT)
@require_POST
def import_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an import back."""
    job = get_object_or_404(ImportJob, pk=pk)
    return _asked(request, job, lambda: jobs.take_back(job=job, actor=person(request), at=timezone.now()))


@permitted(Permission.IMPORT)
@require_GET
def import_rejected(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Download the rejected rows."""
    return rejected_file(get_object_or_404(ImportJob, pk=pk))


def _readings(job: ImportJob) -> list[dict[str, Any]]:
    """How each encoding that may be meant reads the file: nothing where one is certain or named."""
    if not job.waits_for_encoding:
        return []
    return [
        {**one, "name": encodings.NAMES.get(one["encoding"], one["encoding"])} for one in job.guess["samples"]
    ]


def _asked(request: HttpRequest, job: ImportJob, ask: Any) -> HttpResponse:
    try:
        ask()
    except jobs.NotNow as refusal:
        toast(request, str(refusal), level=messages.ERROR)
    return go(request, reverse("leads:import", args=[job.pk]))
