"""Doing with tasks: make, change, put off, complete, cancel, undo. Each is one transaction with its history and notices.

Tasks lie beside the ledger, which names none; `TaskChange` keeps who changed what, and the latest change can be undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from . import access, formats
from .access import Permission
from .models import Journey, Notification, Organisation, Task, TaskChange, User
from .notify import tell
from .recurrence import following, reminder, zone_of
from .stages import VOID_STAGES, Role

Act = TaskChange.Act
About, Kind = Notification.About, Notification.Kind

EDITED: Final = ("title", "details", "kind", "due_at", "all_day", "repeat", "assignee_id")
_KEPT: Final = (
    "journey_id", "title", "details", "kind", "assignee_id", "due_at", "all_day", "planned_at", "repeat",
    "repeat_day", "remind_at", "state", "closed_at", "closed_by_id", "cancelled_by_event_id", "put_off",
)  # fmt: skip
"""What a change may replace, and so what undoing it restores."""
_MOMENTS: Final = frozenset({"due_at", "planned_at", "remind_at", "closed_at"})


class TaskRefused(Exception):
    """Nothing was written: somebody changed the task meanwhile ("stale"), its state, the role or the data forbid it.

    `task` is as it stands now, None where there is none yet; `field` names the input that is wrong.
    """

    def __init__(
        self,
        reason: Literal["stale", "state", "role", "data"],
        words: str,
        task: Task | None = None,
        field: str = "",
    ) -> None:
        super().__init__(words)
        self.reason, self.task, self.field = reason, task, field


def may_work(user: User, task: Task) -> bool:
    """Tell whether a person may change a task that they see: its own two people, and who may edit its journey."""
    if not access.may(user, Permission.SEE_WORKSPACE):
        return False
    if user.leads_everyone or user.pk in (task.assignee_id, task.created_by_id):
        return True
    return task.journey_id is not None and access.may(user, Permission.EDIT_JOURNEYS)


# making --------------------------------------------------------------------------------------------------------------


@transaction.atomic
def create(
    *,
    actor: User | None,
    at: datetime,
    title: str,
    due_at: datetime,
    assignee: User,
    journey: Journey | None = None,
    all_day: bool = True,
    kind: str = Task.Kind.TODO,
    details: str = "",
    repeat: str = Task.Repeat.NEVER,
) -> Task:
    """Give somebody a task, and word of it where it is somebody else. Raises TaskRefused."""
    organisation = Organisation.current()
    zone = zone_of(assignee, organisation)
    _check_journey(journey)
    _check_assignee(assignee, journey, actor)
    task = Task.objects.create(
        journey=journey,
        title=title.strip(),
        details=details.strip(),
        kind=kind,
        assignee=assignee,
        due_at=due_at,
        all_day=all_day,
        planned_at=due_at,
        repeat=repeat,
        repeat_day=due_at.astimezone(zone).day,
        remind_at=reminder(due_at, all_day=all_day, zone=zone, organisation=organisation, now=at),
        created_at=at,
        created_by=actor,
    )
    TaskChange.objects.create(task=task, act=Act.CREATED, at=at, actor=actor, version=task.version)
    _tell(task, actor)
    return task


def _check_journey(journey: Journey | None) -> None:
    if journey is not None and journey.stage in VOID_STAGES:
        words = _("The journey is spam or merged into another; nothing is to be done on it.")
        raise TaskRefused("data", words, field="journey")


def _check_assignee(assignee: User, journey: Journey | None, actor: User | None) -> None:
    if not assignee.is_active or assignee.role in (Role.PARTNER, Role.SERVICE):
        words = _("%(who)s does not work here, and can be given no tasks.") % {"who": assignee}
        raise TaskRefused("data", words, field="assignee")
    if journey is None or (actor is not None and assignee.pk == actor.pk):
        return
    if not Journey.objects.visible_to(assignee).filter(pk=journey.pk).exists():
        words = _("%(who)s does not see this journey. Make them its owner, or ask a manager.")
        raise TaskRefused("data", words % {"who": assignee}, field="assignee")


def _tell(task: Task, actor: User | None) -> None:
    """Tell the assignee that the task is theirs, unless they gave it to themselves."""
    if actor is not None and actor.pk != task.assignee_id:
        tell([task.assignee_id], Kind.TASK, task=task, about=About.ASSIGNED, key=f"v{task.version}")


# changing ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def change(*, task: int, actor: User, at: datetime, version: int | None = None, **wanted: Any) -> Task:
    """Change what `wanted` names of a task (see EDITED, `assignee` as a user). Raises TaskRefused."""
    held = _hold(task, actor, version)
    _must_be_open(held)
    if (assignee := wanted.pop("assignee", None)) is not None and assignee.pk != held.assignee_id:
        _check_assignee(assignee, held.journey, actor)
        wanted["assignee_id"] = assignee.pk
    before = _kept(held)
    moved = False
    for name, value in wanted.items():
        if name not in EDITED:
            raise ValueError(f"{name} of a task is not edited")
        if getattr(held, name) != value:
            setattr(held, name, value.strip() if name in ("title", "details") else value)
            moved = moved or name in {"due_at", "all_day", "repeat"}
    given = held.assignee_id != before["assignee_id"]
    if given:
        held.assignee = assignee  # type: ignore[assignment]  # set above where the id differs
    if moved or given:
        _replan(held, at)
    if all(getattr(held, name) == before[name] for name in EDITED):
        return held
    if given:
        Notification.objects.filter(task=held, read_at=None).delete()
        Notification.objects.filter(task=held, user=held.assignee_id).delete()
    _write(held, Act.ASSIGNED if given else Act.CHANGED, actor=actor, at=at, before=before)
    if given:
        _tell(held, actor)
    return held


@transaction.atomic
def put_off(
    *, task: int, actor: User, at: datetime, until: datetime, all_day: bool, version: int | None = None
) -> Task:
    """Make a task due later; a repeated one is still counted on from when it was planned. Raises TaskRefused."""
    held = _hold(task, actor, version)
    _must_be_open(held)
    if until <= at:
        raise TaskRefused("data", _("Choose a time that is still to come."), held, field="until")
    before = _kept(held)
    held.due_at, held.all_day = until, all_day
    held.put_off += 1
    _remind(held, at)
    _write(held, Act.PUT_OFF, actor=actor, at=at, before=before)
    Notification.objects.filter(task=held, about=About.DUE).delete()
    return held


@transaction.atomic
def complete(*, task: int, actor: User, at: datetime, version: int | None = None) -> Task:
    """Get a task done; a repeated one makes its next occurrence (`followed_by`). Raises TaskRefused."""
    held = _hold(task, actor, version)
    _must_be_open(held)
    before = _kept(held)
    _close(held, Task.State.DONE, actor=actor, at=at)
    _write(held, Act.COMPLETED, actor=actor, at=at, before=before)
    if held.repeat and (held.journey is None or held.journey.is_open):
        _go_on(held, actor, at)
    return held


def _go_on(task: Task, actor: User, at: datetime) -> Task:
    organisation = Organisation.current()
    zone = zone_of(task.assignee, organisation)
    due_at = following(task.planned_at, repeat=task.repeat, repeat_day=task.repeat_day, zone=zone, after=at)
    coming = Task.objects.create(
        journey=task.journey,
        title=task.title,
        details=task.details,
        kind=task.kind,
        assignee=task.assignee,
        due_at=due_at,
        all_day=task.all_day,
        planned_at=due_at,
        repeat=task.repeat,
        repeat_day=task.repeat_day,
        follows=task,
        remind_at=reminder(due_at, all_day=task.all_day, zone=zone, organisation=organisation, now=at),
        created_at=at,
        created_by=task.created_by,
    )
    TaskChange.objects.create(task=coming, act=Act.CREATED, at=at, actor=actor, version=coming.version)
    return coming


@transaction.atomic
def cancel(*, task: int, actor: User, at: datetime, version: int | None = None) -> Task:
    """Let a task be: it is not done, and a repeated one does not come again. Raises TaskRefused."""
    held = _hold(task, actor, version)
    _must_be_open(held)
    before = _kept(held)
    _close(held, Task.State.CANCELLED, actor=actor, at=at)
    _write(held, Act.CANCELLED, actor=actor, at=at, before=before)
    return held


@transaction.atomic
def reopen(*, task: int, actor: User, at: datetime, version: int | None = None) -> Task:
    """Open a closed task again, as it was. Raises TaskRefused, also where its next occurrence is done already."""
    held = _hold(task, actor, version)
    if held.is_open:
        raise TaskRefused("state", _("The task is open."), held)
    _check_journey(held.journey)
    before = _kept(held)
    _withdraw_next(held)
    held.state, held.closed_at, held.closed_by, held.cancelled_by_event = Task.State.OPEN, None, None, None
    _remind(held, at)
    _write(held, Act.REOPENED, actor=actor, at=at, before=before)
    return held


@transaction.atomic
def undo(*, task: int, actor: User, at: datetime, version: int) -> Task:
    """Take back the latest change of a task, the one that led to `version`. Raises TaskRefused.

    A task that was just made is cancelled.
    """
    held = _hold(task, actor, version)
    last = held.changes.order_by("-pk").first()
    if last is None or last.version != version:
        raise TaskRefused("state", _("There is nothing to undo."), held)
    if last.act == Act.CREATED:
        return cancel(task=task, actor=actor, at=at)
    if not last.before:
        raise TaskRefused("state", _("This cannot be undone any more."), held)
    before = _kept(held)
    if last.act == Act.COMPLETED:
        _withdraw_next(held)
    for name, value in last.before.items():
        setattr(held, name, parse_datetime(value) if name in _MOMENTS and value else value)
    if held.remind_at is not None and held.remind_at <= at:
        held.remind_at = None
    _write(held, Act.UNDONE, actor=actor, at=at, before=before)
    return held


def _withdraw_next(task: Task) -> None:
    """Remove the next occurrence, which its completion made, as long as nobody has touched it."""
    coming = Task.objects.select_for_update().filter(follows=task).first()
    if coming is None:
        return
    if coming.version > 1:
        words = _("Its next occurrence has been changed or done; reopen that one.")
        raise TaskRefused("state", words, task)
    coming.delete()


# what they share -----------------------------------------------------------------------------------------------------


def _hold(pk: int, actor: User, version: int | None) -> Task:
    """Lock a task and load it with its people. Raises Task.DoesNotExist, TaskRefused."""
    task = (
        Task.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related("assignee", "created_by", "journey__contact", "journey__company")
        .get(pk=pk)
    )
    if not may_work(actor, task):
        raise TaskRefused("role", _("This task is for others to change."), task)
    if version is not None and task.version != version:
        raise TaskRefused("stale", _("Somebody changed the task meanwhile."), task)
    return task


def _must_be_open(task: Task) -> None:
    if task.is_open:
        return
    done = task.state == Task.State.DONE
    words = _("It was done already, %(when)s.") if done else _("It was cancelled already, %(when)s.")
    raise TaskRefused("state", words % {"when": formats.day_time(task.closed_at)}, task)


def _kept(task: Task) -> dict[str, Any]:
    return {name: getattr(task, name) for name in _KEPT}


def _write(task: Task, act: str, *, actor: User | None, at: datetime, before: Mapping[str, Any]) -> None:
    """Store a changed task with what the change replaced."""
    changed = [name for name in _KEPT if getattr(task, name) != before[name]]
    task.version += 1
    task.save(update_fields=[*changed, "version"])
    TaskChange.objects.create(
        task=task,
        act=act,
        at=at,
        actor=actor,
        version=task.version,
        before={
            name: before[name].isoformat() if isinstance(before[name], datetime) else before[name]
            for name in changed
        },
    )


def _close(task: Task, state: str, *, actor: User, at: datetime) -> None:
    task.state, task.closed_at, task.closed_by = state, at, actor
    Notification.objects.filter(task=task, read_at=None).update(read_at=at)


def _replan(task: Task, at: datetime) -> None:
    """A task whose time was set anew is counted on from there."""
    zone = zone_of(task.assignee, Organisation.current())
    task.planned_at, task.repeat_day = task.due_at, task.due_at.astimezone(zone).day
    _remind(task, at)


def _remind(task: Task, at: datetime) -> None:
    organisation = Organisation.current()
    zone = zone_of(task.assignee, organisation)
    task.remind_at = reminder(task.due_at, all_day=task.all_day, zone=zone, organisation=organisation, now=at)


# by the clock, and when people ask to be forgotten -------------------------------------------------------------------


def remind_due(*, at: datetime, limit: int = 100) -> int:
    """Tell people of the tasks whose time has come; return of how many. Safe to run twice, and beside itself."""
    with transaction.atomic():
        due = list(
            Task.objects.open()
            .filter(remind_at__lte=at)
            .select_for_update(skip_locked=True)
            .order_by("remind_at", "pk")[:limit]
        )
        keys = [task.pk for task in due]
        Notification.objects.filter(task__in=keys, about=About.DUE).delete()
        for task in due:
            when = f"{task.due_at:%Y%m%d%H%M}"
            tell([task.assignee_id], Kind.TASK, task=task, about=About.DUE, key=when)
        Task.objects.filter(pk__in=keys).update(remind_at=None)
    return len(due)


def erase_words(journeys: Any) -> None:
    """Erase what tasks say of the people of journeys (ids), and what of it their history keeps."""
    tasks = Task.objects.filter(journey__in=journeys)
    TaskChange.objects.filter(task__in=tasks).update(before={})
    tasks.update(title="", details="")
