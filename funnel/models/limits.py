"""How long a journey may stand at a stage, how many may stand there at once, and how many of them are won."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from funnel.stages import OPEN_STAGES, Stage

STAGES = [(stage.value, stage.label) for stage in Stage if stage in OPEN_STAGES]


class StageLimit(models.Model):
    """What is agreed for an open stage. A stage without a row has the usual limits: see `funnel.limits`."""

    stage = models.CharField(_("stage"), max_length=20, choices=STAGES, unique=True)
    days = models.PositiveSmallIntegerField(
        _("stale after, days"), validators=[MinValueValidator(1), MaxValueValidator(365)]
    )
    at_once = models.PositiveSmallIntegerField(
        _("at most at once"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    chance = models.PositiveSmallIntegerField(_("chance of winning, %"), validators=[MaxValueValidator(100)])

    class Meta:
        verbose_name = _("stage limit")
        verbose_name_plural = _("stage limits")
        constraints = [
            models.CheckConstraint(
                condition=Q(stage__in=[stage for stage, _label in STAGES]), name="stage_limit_open_stage"
            ),
            models.CheckConstraint(condition=Q(days__gte=1), name="stage_limit_days"),
            models.CheckConstraint(condition=Q(chance__lte=100), name="stage_limit_chance"),
            models.CheckConstraint(condition=Q(at_once=None) | Q(at_once__gte=1), name="stage_limit_at_once"),
        ]

    def __str__(self) -> str:
        return self.get_stage_display()
