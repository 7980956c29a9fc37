"""The steps of the first run, and which of them are done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config import demo
from config.models import Milestone
from funnel.access import Permission, may
from funnel.models import Journey, User
from funnel.stages import Label, Role

PREFIX: Final = "setup."
FINISHED: Final = "setup.finished"
LEFT: Final = "setup.left"
SKIPPED: Final = ".skipped"


@dataclass(frozen=True, slots=True)
class Step:
    key: str
    label: Label
    why: Label
    icon: str


STEPS: Final[tuple[Step, ...]] = (
    Step(
        "organisation",
        gettext_lazy("Organisation"),
        gettext_lazy("Zone, currency and working hours, by which everything is counted."),
        "building-2",
    ),
    Step(
        "people",
        gettext_lazy("People"),
        gettext_lazy("Who answers applications, and who sells."),
        "users",
    ),
    Step(
        "form",
        gettext_lazy("First form"),
        gettext_lazy("Where applications come in from your site."),
        "panels-top-left",
    ),
    Step(
        "data",
        gettext_lazy("Data"),
        gettext_lazy("Your past from a file, or a demo to look round in."),
        "database",
    ),
)


@dataclass(frozen=True, slots=True)
class Progress:
    """Which steps are done and which were skipped; whether the way is through, and whether it was left."""

    done: frozenset[str]
    skipped: frozenset[str]
    finished: bool
    left: bool

    @property
    def count(self) -> int:
        return len(self.done | self.skipped)

    @property
    def next(self) -> str:
        """The first step that is neither done nor skipped; "" where there is none."""
        return next((step.key for step in STEPS if step.key not in self.done | self.skipped), "")

    def rows(self, current: str = "") -> list[tuple[Step, str]]:
        """Return each step with how it stands: done, skipped, now or open."""
        return [
            (
                step,
                "now"
                if step.key == current
                else "done"
                if step.key in self.done
                else "skipped"
                if step.key in self.skipped
                else "open",
            )
            for step in STEPS
        ]


def progress() -> Progress:
    """Return how far the first run is: three queries. What was set up elsewhere counts too."""
    marks = set(Milestone.objects.filter(name__startswith=PREFIX).values_list("name", flat=True))
    done = {step.key for step in STEPS if PREFIX + step.key in marks}
    if "people" not in done and User.objects.exclude(role=Role.SERVICE)[:2].count() > 1:
        done.add("people")
    if "data" not in done and Journey.objects.exists():
        done.add("data")
    skipped = {step.key for step in STEPS if PREFIX + step.key + SKIPPED in marks} - done
    return Progress(frozenset(done), frozenset(skipped), FINISHED in marks, LEFT in marks)


def mark(key: str, *, skipped: bool = False) -> None:
    """Remember that a step is done, or that it was skipped; a skipped one may still be done."""
    Milestone.objects.get_or_create(name=f"{PREFIX}{key}{SKIPPED if skipped else ''}")


def finish(*, left: bool = False) -> None:
    """Remember that the way is through or, `left`, that it is not to come up by itself any more."""
    Milestone.objects.get_or_create(name=LEFT if left else FINISHED)


def begin_with(user: User) -> str:
    """Return where the first page leads an administrator of an empty installation; "" for everybody else."""
    if not may(user, Permission.MANAGE_ORGANISATION):
        return ""
    if Milestone.objects.filter(name__in=(FINISHED, LEFT)).exists() or Journey.objects.exists():
        return ""
    return reverse("welcome:welcome")


def settings_pages(user: User) -> Iterator[dict[str, Any]]:
    """Yield the first run, as long as it is not through, to who may set the installation up."""
    if not may(user, Permission.MANAGE_ORGANISATION):
        return
    found = progress()
    if not found.finished:
        words = _("%(done)s of %(all)s steps done.") % {"done": found.count, "all": len(STEPS)}
        yield {
            "group": "organisation",
            "url_name": "welcome:welcome",
            "icon": "list-checks",
            "label": _("First steps"),
            "text": words,
        }
    if demo.is_in():
        yield {
            "group": "organisation",
            "url_name": "welcome:demo",
            "icon": "flask-conical",
            "label": _("Demo data"),
            "text": _("A fictional company to look round in, and the way to be rid of it."),
        }
