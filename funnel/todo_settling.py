"""What becomes of tasks when their journey ends or is merged, and when that is taken back: a consumer of the outbox.

Events reach it at least once and in any order, so each handler looks at how the journey stands now.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from .models import Event, Journey, Notification, Task, TaskChange, User
from .stages import Happening, Stage

H = Happening

ENDS: Final = (H.LEAD_LOST, H.DEAL_LOST, H.PARTNER_HANDOFF, H.MARKED_SPAM)
ENDED: Final = frozenset({Stage.LOST, Stage.REFERRED, Stage.SPAM})
CONCERNS: Final = (*ENDS, H.MERGED_INTO, H.UNMERGED, H.ANNULLED)


def concerns(event: Event) -> bool:
    """Tell whether an event may concern tasks: of annulments, those of what ended or merged a journey."""
    return event.event != H.ANNULLED or (event.annuls is not None and event.annuls.event in CONCERNS)


def settle(event: Event) -> None:
    """Cancel, carry over or bring back the tasks of the journey, as the event asks."""
    journey = Journey.objects.select_for_update(no_key=True).get(pk=event.journey_id)
    match event.event:
        case H.MERGED_INTO:
            _carry(journey, event)
        case H.UNMERGED:
            _bring_home(journey, _mergers(journey), event.actor)
        case H.ANNULLED:
            _take_back(journey, event)
        case _:
            _cancel(journey, event)


def _is_live(event: Event) -> bool:
    return Event.objects.live().filter(pk=event.pk).exists()


def _cancel(journey: Journey, event: Event) -> None:
    """Cancel what was open when the journey ended; what was planned since, such as winning it back, stays."""
    if journey.stage not in ENDED or not _is_live(event):
        return
    tasks = list(
        Task.objects.open().filter(journey=journey, created_at__lte=event.recorded_at).select_for_update()
    )
    for task in tasks:
        task.state, task.closed_at = Task.State.CANCELLED, event.recorded_at
        task.closed_by, task.cancelled_by_event = event.actor, event
    Notification.objects.filter(task__in=tasks, read_at=None).update(read_at=event.recorded_at)
    _save(tasks, TaskChange.Act.CANCELLED, event.actor)


def _take_back(journey: Journey, annulment: Event) -> None:
    """Do what the annulled event undoes: tasks it cancelled are open again, those it carried come home."""
    annulled = annulment.annuls
    if annulled is None:
        return
    if annulled.event == H.UNMERGED:
        if last := Event.objects.live().filter(journey=journey, event=H.MERGED_INTO).order_by("-seq").first():
            _carry(journey, last)
        return
    if annulled.event == H.MERGED_INTO:
        _bring_home(journey, [annulled.pk], annulment.actor)
        return
    tasks = list(
        Task.objects.filter(cancelled_by_event=annulled, state=Task.State.CANCELLED).select_for_update()
    )
    for task in tasks:
        task.state, task.closed_at, task.closed_by, task.cancelled_by_event = (
            Task.State.OPEN,
            None,
            None,
            None,
        )
    _save(tasks, TaskChange.Act.REOPENED, annulment.actor)


# mergers -------------------------------------------------------------------------------------------------------------


def _mergers(journey: Journey) -> list[int]:
    merged = Event.objects.filter(journey=journey, event=H.MERGED_INTO)
    return list(merged.values_list("pk", flat=True))


def _carry(journey: Journey, event: Event) -> None:
    """Move the open tasks of a merged journey to the one that it lives on in."""
    if journey.stage != Stage.MERGED or not _is_live(event):
        return
    home: Journey | None = journey
    seen: set[int] = set()
    while home is not None and home.stage == Stage.MERGED and home.pk not in seen:
        seen.add(home.pk)
        home = home.merged_into
    if home is None or home.pk in seen:
        return
    tasks = list(Task.objects.open().filter(journey=journey).select_for_update())
    for task in tasks:
        task.journey = home
        task.carried_by = [*task.carried_by, event.pk]
    _save(tasks, TaskChange.Act.CARRIED, event.actor)


def _bring_home(journey: Journey, mergers: Iterable[int], actor: User | None) -> None:
    """Move back the tasks that one of these mergers (ids of events) took from the journey, done ones too."""
    wanted = set(mergers)
    tasks = list(Task.objects.filter(carried_by__overlap=list(wanted)).select_for_update()) if wanted else []
    for task in tasks:
        task.journey = journey
        first = next(place for place, event in enumerate(task.carried_by) if event in wanted)
        task.carried_by = task.carried_by[:first]
    _save(tasks, TaskChange.Act.CARRIED, actor)


def _save(tasks: list[Task], act: str, actor: User | None) -> None:
    """Store the tasks, each with a line in its history: two statements."""
    for task in tasks:
        task.version += 1
    Task.objects.bulk_update(
        tasks,
        ["journey", "carried_by", "state", "closed_at", "closed_by", "cancelled_by_event", "version"],
        batch_size=500,
    )
    TaskChange.objects.bulk_create(
        TaskChange(task=task, act=act, actor=actor, version=task.version) for task in tasks
    )
