"""The brief as the client sees it: questions and answers, by a secret link, and nothing else of ours."""

from __future__ import annotations

from typing import Final

from django.core.cache import cache
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods

from briefs import domain, queries
from briefs.models import Brief
from briefs.page_forms import ClientForm
from briefs.queries import Sheet
from funnel.machine import Refused
from funnel.models import Organisation

SAVES_AN_HOUR: Final = 60


@require_http_methods(["GET", "POST"])
def client_brief(request: HttpRequest, key: str) -> HttpResponse:
    """Let the client fill in the brief's questions. A link that is unknown, closed or over is not there: 404."""
    brief = (
        Brief.objects.select_related("journey__service", "journey__contact")
        .filter(link_key=key, link_expires_at__gt=timezone.now(), journey__annulled_at=None)
        .first()
    )
    if brief is None:
        return _answer(request, "briefs/client_gone.html", {}, status=404)
    sheet = queries.sheet_of(brief.journey)
    if not sheet.editable:
        return _answer(request, "briefs/client_done.html", {"closed": True})
    if request.method == "GET":
        return _ask(request, sheet, ClientForm(sheet), brief)
    if not _admitted(brief):
        return _answer(request, "briefs/client_busy.html", {}, status=429)
    return _save(request, sheet, brief)


def _save(request: HttpRequest, sheet: Sheet, brief: Brief) -> HttpResponse:
    form = ClientForm(sheet, request.POST)
    valid = form.is_valid()
    if "revision" in form.errors:
        raise BadRequest("revision is not a number")
    try:
        saved = domain.answer_by_link(
            journey=sheet.journey.pk,
            key=brief.link_key or "",
            at=timezone.now(),
            answers=form.good_answers(),
            revision=form.cleaned_data["revision"],
        )
    except domain.Stale as stale:
        data = request.POST.copy()
        data["revision"] = str(stale.sheet.revision)
        again = ClientForm(stale.sheet, data)
        again.is_valid()
        theirs = [row for row in stale.sheet.rows if again.good_answers().get(row.question.key) != row.answer]
        return _ask(request, stale.sheet, again, brief, status=409, theirs=theirs)
    except (Refused, domain.LinkClosed):
        return _answer(request, "briefs/client_gone.html", {}, status=404)
    if not valid:
        data = request.POST.copy()
        data["revision"] = str(saved.revision)
        again = ClientForm(saved, data)
        again.is_valid()
        return _ask(request, saved, again, brief, status=422)
    return _answer(request, "briefs/client_done.html", {"sheet": saved, "until": brief.link_expires_at})


def _ask(
    request: HttpRequest,
    sheet: Sheet,
    form: ClientForm,
    brief: Brief,
    *,
    status: int = 200,
    theirs: list[queries.Row] | None = None,
) -> HttpResponse:
    context = {
        "form": form,
        "sheet": sheet,
        "until": brief.link_expires_at,
        "theirs": theirs,
        "faults": [error for errors in form.errors.values() for error in errors] if form.is_bound else [],
    }
    return _answer(request, "briefs/client_brief.html", context, status=status)


def _answer(
    request: HttpRequest, template: str, context: dict[str, object], *, status: int = 200
) -> HttpResponse:
    context["organisation"] = Organisation.current()
    response = render(request, template, context, status=status)
    add_never_cache_headers(response)
    response["X-Robots-Tag"] = "noindex"
    return response


def _admitted(brief: Brief) -> bool:
    """Tell whether the link has saves left this hour; where the cache is away, it has."""
    name = f"brief-link:{brief.pk}:{timezone.now():%Y%m%d%H}"
    if not cache.add(name, 1, timeout=3600):
        try:
            return cache.incr(name) <= SAVES_AN_HOUR
        except ValueError:  # the counter is gone, or so is the cache
            return True
    return True
