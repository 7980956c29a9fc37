"""Working on briefs, filling them, and taking that back."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.utils.translation import gettext as _

from funnel import machine
from funnel.machine import Locked, Refusal, Refused
from funnel.models import Event, User
from funnel.stages import Happening

from . import queries
from .models import Brief, BriefVersion, new_link_key
from .queries import Sheet

LINK_DAYS: Final = 14


class Stale(Exception):
    """Somebody saved the brief since it was looked at; `sheet` is what stands now, and nothing was written."""

    def __init__(self, sheet: Sheet) -> None:
        super().__init__(f"brief of journey {sheet.journey.pk} is at revision {sheet.revision}")
        self.sheet = sheet


def fill(
    *,
    journeys: Locked,
    actor: User | None,
    at: datetime,
    answers: Mapping[str, Any],
    verdict: str = "",
    comment: str = "",
) -> list[Event]:
    """Fill the brief of one journey: the draft, completed by what is given, becomes a frozen version.

    Raises Refused where required answers or the verdict are in neither.
    """
    (journey,) = journeys
    sheet = queries.sheet_of(journey)
    merged = sheet.merged(answers)
    verdict, comment = verdict or sheet.verdict, comment or sheet.comment
    version = _next_version_id()
    events = machine.move(
        journeys=journeys,
        name="fill_brief",
        actor=actor,
        at=at,
        value=verdict,
        inputs={"brief": version, "version": sheet.filled + 1},
        comment=comment,
        given={"answers": answers, "verdict": verdict},
    )
    brief = _store(sheet, {**_untouched(sheet), **merged}, verdict, comment, actor, at)
    BriefVersion.objects.create(
        pk=version,
        brief=brief,
        event=events[0],
        template=sheet.template,
        version=sheet.filled + 1,
        rows=[
            {"key": key, "label": str(question), "kind": question.kind, "answer": merged.get(key)}
            for key, question in sheet.questions.items()
        ],
        verdict=verdict,
        comment=comment,
        filled_at=at,
        filled_by=actor,
    )
    return events


def _next_version_id() -> int:
    """Reserve the key of a version, which its event carries before the version can be written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('briefs_briefversion', 'id'))")
        return int(cursor.fetchone()[0])


@transaction.atomic
def save_draft(
    *,
    journey: int,
    actor: User | None,
    at: datetime,
    answers: Mapping[str, Any],
    verdict: str | None = None,
    comment: str | None = None,
    revision: int | None = None,
) -> Sheet:
    """Save some answers of a draft, clean ones by key, where None takes an answer back; return the sheet.

    What is not named stays as it is, verdict and comment too. `revision` is the one that the writer looked at.
    Raises Stale where it is no longer the last, unless nothing would change, and Refused where the journey stands at
    a stage whose brief is not worked on.
    """
    locked = machine.lock([journey])[0]
    sheet = queries.sheet_of(locked)
    if not sheet.editable:
        words = _("The brief is closed in the stage “%(stage)s”.") % {"stage": locked.get_stage_display()}
        raise Refused({journey: Refusal("stage", (), words)})
    before = sheet.brief.answers if sheet.brief else {}
    after = {key: value for key, value in {**before, **answers}.items() if value is not None}
    verdict = sheet.verdict if verdict is None else verdict
    comment = sheet.comment if comment is None else comment
    if (after, verdict, comment) == (before, sheet.verdict, sheet.comment):
        return sheet
    if revision is not None and revision != sheet.revision:
        raise Stale(sheet)
    _store(sheet, after, verdict, comment, actor, at)
    return queries.sheets([locked])[journey]


def _untouched(sheet: Sheet) -> dict[str, Any]:
    """Return the answers to questions that are not asked any more; they are kept, should they be asked again."""
    kept = sheet.brief.answers if sheet.brief else {}
    return {key: value for key, value in kept.items() if key not in sheet.questions}


def _store(
    sheet: Sheet, answers: dict[str, Any], verdict: str, comment: str, actor: User | None, at: datetime
) -> Brief:
    brief = sheet.brief or Brief(journey=sheet.journey)
    brief.answers, brief.verdict, brief.comment = answers, verdict, comment
    brief.revision, brief.updated_at, brief.updated_by = sheet.revision + 1, at, actor
    if brief.pk:
        brief.save(update_fields=["answers", "verdict", "comment", "revision", "updated_at", "updated_by"])
    else:
        brief.save(force_insert=True)
    return brief


# the client's own link -----------------------------------------------------------------------------------------------


@transaction.atomic
def open_link(*, journey: int, actor: User, at: datetime, days: int = LINK_DAYS) -> Brief:
    """Open the brief to the client by a new secret link, for some days; an older link stops working."""
    locked = machine.lock([journey])[0]
    sheet = queries.sheet_of(locked)
    if not sheet.editable:
        words = _("The brief is closed in the stage “%(stage)s”.") % {"stage": locked.get_stage_display()}
        raise Refused({journey: Refusal("stage", (), words)})
    brief = sheet.brief or _store(sheet, {}, "", "", actor, at)
    brief.link_key, brief.link_expires_at = new_link_key(), at + timedelta(days=days)
    brief.save(update_fields=["link_key", "link_expires_at"])
    return brief


def close_link(*, journey: int) -> None:
    """Close the client's link at once."""
    Brief.objects.filter(journey=journey).update(link_key=None, link_expires_at=None)


class LinkClosed(Exception):
    """The link was closed, renewed or has run out since it was looked up; nothing was written."""


@transaction.atomic
def answer_by_link(
    *, journey: int, key: str, at: datetime, answers: Mapping[str, Any], revision: int
) -> Sheet:
    """Save what the client answered by the link, and note on the journey that they did.

    Raises LinkClosed, and what `save_draft` raises.
    """
    locked = machine.lock([journey])
    before = queries.sheet_of(locked[0])
    if before.brief is None or before.brief.link_key != key or not queries.link_is_open(before.brief, at=at):
        raise LinkClosed
    saved = save_draft(journey=journey, actor=None, at=at, answers=answers, revision=revision)
    if saved.revision != before.revision:
        words = _("The client answered in the brief: %(n)s of %(all)s required questions now have an answer.")
        machine.record(
            journeys=locked,
            event=Happening.NOTE_LOGGED,
            actor=None,
            at=at,
            comment=words % {"n": saved.answered, "all": saved.required},
        )
    return saved


# when things are undone or forgotten ---------------------------------------------------------------------------------


def withdraw(events: Sequence[Event], at: datetime) -> None:
    """Take back the versions that annulled events made; the drafts stay."""
    BriefVersion.objects.filter(event__in=events, withdrawn_at=None).update(withdrawn_at=at)


def erase(journeys: Iterable[int]) -> None:
    """Erase what was answered on journeys, in drafts and frozen versions, and close the links."""
    ids = list(journeys)
    Brief.objects.filter(journey__in=ids).update(answers={}, comment="", link_key=None, link_expires_at=None)
    versions = list(BriefVersion.objects.filter(brief__journey__in=ids).only("rows"))
    for version in versions:
        version.rows = [{**row, "answer": None} for row in version.rows]
        version.comment = ""
    BriefVersion.objects.bulk_update(versions, ["rows", "comment"], batch_size=500)
