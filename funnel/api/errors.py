"""Errors as RFC 9457 problem documents, with a field and a reason for each fault. No input gives a 5xx."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import (
    NON_FIELD_ERRORS,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from django.utils.translation import gettext as _
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from funnel.acts import BadInput, NotInBulk
from funnel.annulment import CannotAnnul
from funnel.faults import RETRY_AWAY, RETRY_BUSY, is_busy, is_unavailable
from funnel.machine import Refusal, Refused
from funnel.models import Journey, Task
from funnel.todo_acts import TaskRefused
from funnel.views.faults import unavailable_title

CONTENT_TYPE = "application/problem+json"


def problem(
    code: int, kind: str, title: str, *, headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """Return a problem document: `type` is a relative reference that names the kind."""
    body = {"type": f"/problems/{kind}", "title": title, "status": code, **members}
    return Response(body, status=code, content_type=CONTENT_TYPE, headers=dict(headers or {}))


def form_faults(form: forms.Form) -> list[dict[str, str]]:
    """Return a field and a reason for each fault of a form; faults inside a field carry their path as code.

    "2.price" is the third row's price, ".budget" the record's budget.
    """
    faults = []
    for field, errors in form.errors.as_data().items():
        for error in errors:
            code = str(error.code or "")
            inside = code[:1].isdigit() or code.startswith(".")
            path = f"{field}.{code.lstrip('.')}" if inside else field
            if field == NON_FIELD_ERRORS and code == "unknown" and error.params:
                path = str(error.params.get("name", ""))  # what was given, though nobody asks for it
            faults.append(
                {"field": "" if path == NON_FIELD_ERRORS else path, "reason": " ".join(error.messages)}
            )
    return faults


def refusal_body(refusal: Refusal) -> dict[str, Any]:
    """Return what a door says of a refused act."""
    return {"reason": refusal.reason, "missing": list(refusal.missing), "detail": refusal.detail}


def refused(error: Refused) -> Response:
    """Answer 409 with the reason, what is missing, and where the journey stands now."""
    bodies = {pk: refusal_body(refusal) for pk, refusal in error.refusals.items()}
    current = {
        journey.pk: {
            "id": journey.pk,
            "stage": journey.stage,
            "seq": journey.seq,
            "since": journey.stage_since,
        }
        for journey in Journey.objects.filter(pk__in=bodies)
    }
    pk, body = next(iter(bodies.items()))
    members: dict[str, Any] = {**body, "current": current.get(pk)}
    if len(bodies) > 1:
        members["refusals"] = [{"id": pk, **body, "current": current.get(pk)} for pk, body in bodies.items()]
    return problem(status.HTTP_409_CONFLICT, "refused", _("The act is not open."), **members)


def _task_refused(error: TaskRefused) -> Response:
    """Answer 400 where an input does not fit, else 409 with the reason and the task's version as it stands."""
    if error.field:
        return invalid([{"field": error.field, "reason": str(error)}])
    task = error.task
    current = {"id": task.pk, "state": task.state, "version": task.version} if task else None
    return problem(
        status.HTTP_409_CONFLICT,
        "refused",
        _("The act is not open."),
        reason=error.reason,
        missing=[],
        detail=str(error),
        current=current,
    )


def invalid(faults: Sequence[Mapping[str, str]]) -> Response:
    """Answer 400 with a field and a reason for each fault."""
    return problem(status.HTTP_400_BAD_REQUEST, "invalid", _("The input is not valid."), errors=list(faults))


def problem_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what views raise into problem documents; what is unforeseen goes on to be logged as a 500."""
    response = _translate(exc)
    if response is not None:
        set_rollback()
    return response


def _translate(exc: Exception) -> Response | None:
    match exc:
        case Refused():
            return refused(exc)
        case BadInput():
            return invalid(form_faults(exc.form))
        case NotInBulk():
            return invalid([{"field": "journeys", "reason": _("This act takes one journey at a time.")}])
        case CannotAnnul():
            return problem(
                status.HTTP_409_CONFLICT, "refused", str(exc), reason="data", missing=[], detail=str(exc)
            )
        case ValidationError():
            return invalid([{"field": "", "reason": message} for message in exc.messages])
        case TaskRefused():
            return _task_refused(exc)
        case Http404() | Journey.DoesNotExist() | Task.DoesNotExist():
            return problem(
                status.HTTP_404_NOT_FOUND, "not-found", _("There is no such thing, or not for you.")
            )
        case PermissionDenied():
            return problem(status.HTTP_403_FORBIDDEN, "forbidden", _("You may not do this."))
        case DataError() | OverflowError():
            return invalid([{"field": "", "reason": _("A value is out of the range that can be kept.")}])
        case OperationalError() if is_busy(exc):
            return problem(
                status.HTTP_409_CONFLICT,
                "busy",
                _("Somebody else is changing this; nothing was written, try again."),
                reason="busy",
                missing=[],
                current=None,
                headers={"Retry-After": str(RETRY_BUSY)},
            )
        case OperationalError() | InterfaceError() | OSError() if is_unavailable(exc):
            return problem(
                status.HTTP_503_SERVICE_UNAVAILABLE,
                "unavailable",
                unavailable_title(),
                headers={"Retry-After": str(RETRY_AWAY)},
            )
        case RequestDataTooBig():
            return problem(
                status.HTTP_413_REQUEST_ENTITY_TOO_LARGE, "too-large", _("The request is too large.")
            )
        case SuspiciousOperation() | UnreadablePostError():
            return invalid([{"field": "", "reason": _("The request cannot be read.")}])
        case exceptions.ValidationError():
            return invalid(list(_drf_faults(exc.detail)))
        case exceptions.APIException():
            return _api_exception(exc)
    return None


def _api_exception(exc: exceptions.APIException) -> Response:
    headers = {}
    if auth := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = auth
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    kind = str(exc.default_code).replace("_", "-")
    if isinstance(exc, exceptions.ParseError):
        return invalid([{"field": "", "reason": str(exc.detail)}])
    return problem(exc.status_code, kind, str(exc.detail), headers=headers)


def _drf_faults(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            name = "" if name == "non_field_errors" else str(name)
            yield from _drf_faults(inner, ".".join(part for part in (path, name) if part))
    elif isinstance(detail, list | tuple):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from _drf_faults(inner, f"{path}.{index}" if nested else path)
    else:
        yield {"field": path, "reason": str(detail)}
