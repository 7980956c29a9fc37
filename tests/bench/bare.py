"""Bare Django: the least that a signed-in write can cost on this stack, as the yardstick.

One file: session authentication, one view to create and one to move, hand-written SQL over the product's own tables.
No roles, no gates, no outbox, no validation.
"""

import json
import os

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from config.embedded import parse_database_url

settings.configure(
    SECRET_KEY="for measuring only",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "funnel",
    ],
    AUTH_USER_MODEL="funnel.User",
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={"default": {**parse_database_url(os.environ["DATABASE_URL"]), "CONN_MAX_AGE": 60}},
    USE_TZ=True,
)
django.setup()

EVENT = """
INSERT INTO funnel_event (journey_id, seq, event, stage_from, stage_to, occurred_at, recorded_at, actor_id, act,
                          value, currency, reason, inputs, source_id, owner_id)
SELECT id, seq, %s, %s, stage, now(), now(), %s, gen_random_uuid(), '', '', '', '{}', source_id, owner_id
  FROM funnel_journey WHERE id = %s RETURNING id
"""


def create(request: HttpRequest) -> HttpResponse:
    """Insert a contact, a journey and its first event."""
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    body = json.loads(request.body)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO funnel_contact (name, email, phone, language, region, created_at)"
            " VALUES (%s, %s, '', '', '', now()) RETURNING id",
            [body["name"], body["email"]],
        )
        contact = cursor.fetchone()[0]
        cursor.execute(
            "INSERT INTO funnel_journey (contact_id, kind, source_id, stage, stage_since, seq, created_at)"
            " SELECT %s, 'new', id, 'new', now(), 1, now() FROM funnel_source WHERE key = %s RETURNING id",
            [contact, body["source"]],
        )
        journey = cursor.fetchone()[0]
        cursor.execute(EVENT, ["lead_created", "", request.user.pk, journey])
    return JsonResponse({"journey": {"id": journey, "stage": "new", "seq": 1}}, status=201)


def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Lock the journey, change its stage, append the event."""
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    json.loads(request.body)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT stage, seq FROM funnel_journey WHERE id = %s FOR UPDATE", [pk])
        stage, seq = cursor.fetchone()
        if stage != "new":
            return JsonResponse({"reason": "stage"}, status=409)
        cursor.execute(
            "UPDATE funnel_journey SET stage = 'lost', stage_since = now(), seq = seq + 1 WHERE id = %s", [pk]
        )
        cursor.execute(EVENT, ["lead_lost", stage, request.user.pk, pk])
        event = cursor.fetchone()[0]
    return JsonResponse({"journey": {"id": pk, "stage": "lost", "seq": seq + 1}, "event": {"id": event}})


urlpatterns = [path("create/", create), path("move/<int:pk>/", move)]
application = WSGIHandler()
