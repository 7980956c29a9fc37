"""What briefs ask: the default questions, and those of each service that has its own."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from briefs.models import BriefTemplate
from briefs.page_forms import QuestionForm, drawn, new_key, question_forms, rows_of, typed
from briefs.templates import drop_template, save_template
from funnel.access import Permission
from funnel.models import Service
from funnel.toasts import toast
from funnel.views.base import go, permitted


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
    match request.POST.get("act", "save").partition("-"):
        case "add", _dash, _index:
            return _page(
                request, whose, current, drawn([*rows, {"kind": "text", "active": True}]), moved=True
            )
        case ("up" | "down" | "remove") as what, _dash, place if place.isdigit() and int(place) < len(rows):
            return _page(request, whose, current, drawn(_rearranged(rows, what, int(place))), moved=True)
    return _save(request, whose, current, [form for form in sent if not form.blank])


def _rearranged(rows: list[dict[str, Any]], what: str, place: int) -> list[dict[str, Any]]:
    row = rows.pop(place)
    if what != "remove":
        rows.insert(max(0, place - 1) if what == "up" else place + 1, row)
    return rows


def _save(
    request: HttpRequest, service: Service | None, current: BriefTemplate | None, sent: list[QuestionForm]
) -> HttpResponse:
    if not all(form.is_valid() for form in sent):
        return _page(request, service, current, sent, status=422)
    questions = [form.cleaned_data for form in sent]
    taken = {question["key"] for question in questions}
    for question in questions:
        question["key"] = question["key"] or new_key(question["label"], taken)
        taken.add(question["key"])
    try:
        saved = save_template(service=service, questions=questions)
    except ValidationError as fault:
        return _page(request, service, current, sent, status=422, faults=_placed(fault, sent))
    words = _("The questions are saved.")
    if current and saved.version != current.version:
        words = _("Saved as version %(n)s: briefs already filled keep their questions.") % {
            "n": saved.version
        }
    toast(request, words)
    return go(request, reverse("briefs:template-list"))


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
) -> HttpResponse:
    context = {
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
    drop_template(service=found)
    toast(request, _("%(service)s is asked the default questions now.") % {"service": found})
    return go(request, reverse("briefs:template-list"))
