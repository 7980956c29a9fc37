"""What briefs ask: the default questions, and those of each service that has its own."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from briefs.models import BriefTemplate
from briefs.page_forms import QuestionForm, drawn, new_key, question_forms, rows_of, typed
from briefs.subjects import TEMPLATE, Asked
from briefs.templates import drop_template, save_template, whole
from funnel.access import Permission
from funnel.models import Service, SettingChange
from funnel.settings_log import Values, history, mark_of, note
from funnel.toasts import toast
from funnel.views.base import go, permitted, person
from funnel.views.editing import Version, undo_url


@permitted(Permission.MANAGE_CATALOGUE)
@require_GET
def template_list(request: HttpRequest) -> HttpResponse:
    """List the services with what their briefs ask."""
    templates = {
        template.service_id: template
        for template in BriefTemplate.objects.filter(active=True).prefetch_related("questions")
    }
    services = list(Service.objects.all())
    rows = [_listed(None, templates[None])]
    rows += [
        _listed(service, templates.get(service.pk))
        for service in services
        if service.active or service.pk in templates
    ]
    context = {"rows": rows, "crumbs": [{"url": reverse("funnel:settings"), "label": _("Settings")}]}
    return render(request, "briefs/template_list.html", context)


def _listed(service: Service | None, template: BriefTemplate | None) -> dict[str, Any]:
    asked = [question for question in template.questions.all() if question.active] if template else []
    return {
        "label": str(service) if service else _("All other services"),
        "url": reverse("briefs:template-edit", args=[service.pk])
        if service
        else reverse("briefs:template-default"),
        "template": template,
        "questions": len(asked),
        "required": sum(question.required for question in asked),
    }


@permitted(Permission.MANAGE_CATALOGUE)
@require_http_methods(["GET", "POST"])
def template_edit(request: HttpRequest, service: int | None = None) -> HttpResponse:
    """Change the questions of a service, or the default ones; a service without its own starts from these."""
    whose = get_object_or_404(Service, pk=service) if service else None
    current = BriefTemplate.objects.filter(service=whose, active=True).first()
    if request.method == "GET":
        base = current or BriefTemplate.objects.get(service=None, active=True)
        return _page(request, whose, current, drawn(rows_of(base.questions.all())))
    sent = question_forms(request.POST)
    rows = typed(sent)
    mark = request.POST.get("mark", "")
    match request.POST.get("act", "save").partition("-"):
        case "add", _dash, _index:
            return _page(
                request,
                whose,
                current,
                drawn([*rows, {"kind": "text", "active": True}]),
                moved=True,
                mark=mark,
            )
        case ("up" | "down" | "remove") as what, _dash, place if place.isdigit() and int(place) < len(rows):
            forms = drawn(_rearranged(rows, what, int(place)))
            return _page(request, whose, current, forms, moved=True, mark=mark)
    return _save(request, whose, current, [form for form in sent if not form.blank])


def _rearranged(rows: list[dict[str, Any]], what: str, place: int) -> list[dict[str, Any]]:
    row = rows.pop(place)
    if what != "remove":
        rows.insert(max(0, place - 1) if what == "up" else place + 1, row)
    return rows


def _save(
    request: HttpRequest, service: Service | None, current: BriefTemplate | None, sent: list[QuestionForm]
) -> HttpResponse:
    mark = request.POST.get("mark", "")
    if not all(form.is_valid() for form in sent):
        return _page(request, service, current, sent, status=422, mark=mark)
    questions = [form.cleaned_data for form in sent]
    taken = {question["key"] for question in questions}
    for question in questions:
        question["key"] = question["key"] or new_key(question["label"], taken)
        taken.add(question["key"])
    asked = Asked(service)
    with transaction.atomic():
        TEMPLATE.locked(asked.pk)
        before = TEMPLATE.values_of(asked)
        yours = [whole(question) for question in questions]
        if mark and mark != mark_of(before) and before["questions"] != yours:
            return _page(request, service, current, sent, status=409, versions=_versions(before, yours))
        try:
            saved = save_template(service=service, questions=questions)
        except ValidationError as fault:
            return _page(request, service, current, sent, status=422, faults=_placed(fault, sent), mark=mark)
        change = _note(request, asked, before)
    words = _("The questions are saved.")
    if current and saved.version != current.version:
        words = _("Saved as version %(n)s: briefs already filled keep their questions.") % {
            "n": saved.version
        }
    toast(request, words, undo=undo_url(change))
    return go(request, reverse("briefs:template-list"))


def _note(request: HttpRequest, asked: Asked, before: Values) -> SettingChange | None:
    """Keep what a save changed."""
    after, actor, at = TEMPLATE.values_of(asked), person(request), timezone.now()
    return note(TEMPLATE, key=asked.pk, name=str(asked), before=before, after=after, actor=actor, at=at)


def _versions(before: Values, yours: list[dict[str, Any]]) -> list[Version]:
    """Return what stands and what a stale form asks, side by side."""
    stands = TEMPLATE.words("questions", before["questions"], {})
    return [Version(TEMPLATE.label_of("questions"), stands, TEMPLATE.words("questions", yours, {}))]


def _placed(fault: ValidationError, sent: list[QuestionForm]) -> list[str]:
    """Put faults coded "2.key" at their fields; return the rest."""
    rest = []
    for error in fault.error_list:
        row, dot, name = str(error.code or "").partition(".")
        if dot and row.isdigit() and int(row) < len(sent) and name in sent[int(row)].fields:
            sent[int(row)].add_error(name, error)
        else:
            rest += error.messages
    return rest


def _page(
    request: HttpRequest,
    service: Service | None,
    current: BriefTemplate | None,
    asked: list[QuestionForm],
    *,
    status: int = 200,
    moved: bool = False,
    faults: list[str] | None = None,
    versions: list[Version] | None = None,
    mark: str = "",
) -> HttpResponse:
    """Draw the page; without a `mark` of what the form was drawn from, it is drawn from what stands now."""
    asked_of = Asked(service)
    context = {
        "mark": mark or mark_of(TEMPLATE.values_of(asked_of)),
        "versions": versions,
        "history": history(TEMPLATE, asked_of.pk, user=person(request)),
        "service": service,
        "label": str(service) if service else _("All other services"),
        "template": current,
        "used": current.versions.exists() if current else False,
        "forms": asked,
        "moved": moved,
        "faults": faults or [],
        "refused": status == 422,
        "crumbs": [
            {"url": reverse("funnel:settings"), "label": _("Settings")},
            {"url": reverse("briefs:template-list"), "label": _("Brief templates")},
        ],
    }
    return render(request, "briefs/template_edit.html", context, status=status)


@permitted(Permission.MANAGE_CATALOGUE)
@require_POST
def template_drop(request: HttpRequest, service: int) -> HttpResponse:
    """Let a service be asked the default questions again."""
    found = get_object_or_404(Service, pk=service)
    with transaction.atomic():
        asked = TEMPLATE.locked(str(found.pk))
        before = TEMPLATE.values_of(asked)
        drop_template(service=found)
        change = _note(request, asked, before)
    words = _("%(service)s is asked the default questions now.") % {"service": found}
    toast(request, words, undo=undo_url(change))
    return go(request, reverse("briefs:template-list"))
