"""Files on a journey: taken, handed out to those who see the journey, removed and brought back."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from funnel import files
from funnel.composer import FilesForm, may_write
from funnel.models import Attachment, Journey
from funnel.toasts import toast

from .base import go, is_outsider, journey_of, person, signed_in
from .journey import show


def _attachment(request: HttpRequest, pk: int, file: int) -> Attachment:
    """Return a file of a journey that the person sees; partners see none of ours. Raises Http404."""
    journey = journey_of(request, pk)
    found = Attachment.objects.filter(journey=journey, pk=file).first()
    if found is None or is_outsider(person(request)):
        raise Http404("no such file")
    return found


@signed_in
@require_POST
def upload(request: HttpRequest, pk: int) -> HttpResponse:
    """Attach files to the journey."""
    journey = journey_of(request, pk)
    if not may_write(journey, person(request)):
        raise PermissionDenied
    form = FilesForm(request.POST, request.FILES)
    if not form.is_valid():
        return _refused(request, journey, [str(fault) for faults in form.errors.values() for fault in faults])
    try:
        with transaction.atomic():
            kept = files.attach(
                journey=journey, files=form.cleaned_data["files"], actor=person(request), at=timezone.now()
            )
    except ValidationError as fault:
        return _refused(request, journey, fault.messages)
    words = ngettext("%(n)s file is attached.", "%(n)s files are attached.", len(kept)) % {"n": len(kept)}
    toast(request, words)
    return go(request, f"{reverse('funnel:journey', args=[pk])}#timeline")


def _refused(request: HttpRequest, journey: Journey, faults: list[str]) -> HttpResponse:
    return show(request, journey, status=422, refused=" ".join(faults))


@signed_in
@require_GET
def download(request: HttpRequest, pk: int, file: int) -> HttpResponseBase:
    """Hand out a file: always as a download, never to be sniffed, run, framed or kept by others."""
    return handed_out(_attachment(request, pk, file))


def handed_out(found: Attachment) -> FileResponse:
    """Answer with the contents of a file, headers that keep it a download among them. Raises Http404 without them."""
    if found.removed_at is not None:
        raise Http404("removed")
    try:
        contents = found.file.open("rb")
    except FileNotFoundError as gone:
        raise Http404("the contents are gone") from gone
    response = FileResponse(contents, content_type="application/octet-stream")
    response["Content-Disposition"] = content_disposition_header(True, found.name) or "attachment"
    response["Content-Length"] = str(found.size)
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    return response


@signed_in
@require_POST
def remove(request: HttpRequest, pk: int, file: int) -> HttpResponse:
    """Take a file out of sight; the toast brings it back."""
    found = _attachment(request, pk, file)
    if not files.may_remove(person(request), found):
        raise PermissionDenied
    if files.remove(attachment=found, actor=person(request), at=timezone.now()):
        undo = reverse("funnel:file-restore", args=[pk, file])
        toast(request, _("“%(name)s” is removed.") % {"name": found.name}, undo=undo)
    else:
        toast(request, _("It is removed already."))
    return go(request, f"{reverse('funnel:journey', args=[pk])}#timeline")


@signed_in
@require_POST
def restore(request: HttpRequest, pk: int, file: int) -> HttpResponse:
    """Bring a removed file back."""
    found = _attachment(request, pk, file)
    if not files.may_remove(person(request), found):
        raise PermissionDenied
    files.restore(attachment=found)
    toast(request, _("“%(name)s” is back.") % {"name": found.name})
    return go(request, f"{reverse('funnel:journey', args=[pk])}#timeline")
