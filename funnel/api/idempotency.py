"""Retries without doubles: the first answer to a request that names itself is replayed for a day.

The name, the act and its answer are one transaction, so a process that dies between them leaves neither.
"""

import hashlib
import json
from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, status
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from funnel.models import IdempotencyKey

from .errors import CONTENT_TYPE

KEPT = timedelta(hours=24)
HEADER = "Idempotency-Key"
MAX_LENGTH = 255
PASSING = {status.HTTP_401_UNAUTHORIZED, status.HTTP_429_TOO_MANY_REQUESTS}
"""Answers about the moment rather than the request: the next try under the key is a first one."""

CLAIM = """
INSERT INTO funnel_idempotencykey AS k (user_id, key, fingerprint, created_at)
VALUES (%s, %s, %s, %s)
ON CONFLICT (user_id, key) DO UPDATE
   SET fingerprint = excluded.fingerprint, status = NULL, body = NULL, created_at = excluded.created_at
 WHERE k.created_at < %s
RETURNING id
"""


class KeyReused(exceptions.APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency-key-reused"
    default_detail = _("This Idempotency-Key was used for another request.")


class KeyInUse(exceptions.APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "idempotency-key-in-use"
    default_detail = _("A request with this Idempotency-Key is still running.")


class _Replay(Exception):
    def __init__(self, record: IdempotencyKey) -> None:
        super().__init__(record.key)
        self.record = record


class IdempotentMixin:
    """Give every unsafe method of a view the header `Idempotency-Key`."""

    _claimed: int | None = None

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        if request.method in SAFE_METHODS or HEADER not in request.headers:
            return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        with transaction.atomic():
            response = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
            if self._claimed is not None:
                if response.status_code >= 500 or response.status_code in PASSING:
                    transaction.set_rollback(True)
                else:
                    body = (
                        json.loads(JSONRenderer().render(response.data))
                        if response.data is not None
                        else None
                    )
                    IdempotencyKey.objects.filter(pk=self._claimed).update(
                        status=response.status_code, body=body
                    )
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        if request.method not in SAFE_METHODS and HEADER in request.headers:
            self._claimed = _claim(request)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, _Replay):
            record = exc.record
            kind = CONTENT_TYPE if (record.status or 0) >= status.HTTP_400_BAD_REQUEST else None
            headers = {"Idempotent-Replayed": "true"}
            return Response(record.body, status=record.status, headers=headers, content_type=kind)
        response: Response = super().handle_exception(exc)  # type: ignore[misc]
        return response


def _claim(request: Request) -> int:
    """Take the key for this request; raise what the caller is to be told where it is taken.

    Only its hash is kept: a program may have made it of somebody's address.
    """
    given, user = request.headers[HEADER], request.user
    if not given or len(given) > MAX_LENGTH or not given.isprintable():
        raise exceptions.ValidationError({HEADER: [_("Give 1 to 255 printable characters.")]})
    key = hashlib.sha256(given.encode()).hexdigest()
    fingerprint = _fingerprint(request)
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, %s))", [key, user.pk])
        if not cursor.fetchone()[0]:
            raise KeyInUse
        cursor.execute(CLAIM, [user.pk, key, fingerprint, now, now - KEPT])
        row = cursor.fetchone()
    if row:
        return int(row[0])
    record = IdempotencyKey.objects.get(user_id=user.pk, key=key)
    if record.fingerprint != fingerprint:
        raise KeyReused
    raise _Replay(record)


def _fingerprint(request: Request) -> str:
    """Return the hash of method, address and body; uploads are read piece by piece, whatever their size."""
    whole = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    if not (request.content_type or "").startswith("multipart/"):
        whole.update(request.body)
        return whole.hexdigest()
    for name, values in sorted(request.data.lists()):
        for value in values:
            whole.update(f"\n{name}=".encode(errors="replace"))
            if isinstance(value, UploadedFile):
                for chunk in value.chunks():
                    whole.update(chunk)
                value.seek(0)
            else:
                whole.update(str(value).encode(errors="replace"))
    return whole.hexdigest()


def forget_old() -> int:
    """Remove the keys whose day is over; return how many."""
    return IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0]
