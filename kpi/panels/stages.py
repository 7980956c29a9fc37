"""Where journeys went from each stage: what entered is held against what became of it."""

from typing import Final

from django.utils.translation import gettext as _

from funnel.stages import Stage
from kpi import charts
from kpi.metrics import BY_KEY
from kpi.panels.frame import Asked, Cell, PanelView, Picture, Table, count, decimal, name
from kpi.queries import answer
from kpi.values import Flow, Visits

PARTS: Final = ("entered", "advanced", "lost", "returned", "referred", "voided", "still_here")


def stage_flow(asked: Asked) -> PanelView:
    """The metric `stage_flow` of the period, as columns and as a table that adds up."""
    found = answer(asked.question([asked.span]), [BY_KEY["stage_flow"]]).of(asked.period.name, "stage_flow")
    stages = found.stages if isinstance(found, Flow) else {}
    labels = {stage: str(Stage(stage).label) for stage in stages}
    some = any(visits.entered for visits in stages.values())
    series = [_("Advanced"), _("Lost"), _("Left otherwise"), _("Still here")]
    columns = [
        charts.Column(
            labels[stage],
            labels[stage],
            [
                visits.advanced,
                visits.lost,
                visits.returned + visits.referred + visits.voided,
                visits.still_here,
            ],
            asked.records("stage_flow", stage=stage) if visits.entered else "",
        )
        for stage, visits in stages.items()
    ]
    drawn = charts.columns(
        charts.Columns(
            columns if some else [], series, label=_("Stage flow"), is_stacked=True, head=_("Stage")
        ),
        width=1080,
    )
    head = [
        _("Stage"), _("Entered"), _("Advanced"), _("Lost"), _("Returned"), _("Referred"), _("Voided"),
        _("Still here"), _("Adds up to"), _("Median, days"), _("90th percentile, days"),
    ]  # fmt: skip
    rows = [_row(asked, stage, labels[stage], visits) for stage, visits in stages.items() if visits.entered]
    return PanelView(
        [Picture("stage-flow", _("Stage flow"), drawn, "wide")],
        Table(head, rows),
        _(
            "Visits that began in the period. Those still there are measured to now, so their days still grow."
        ),
        shows_table=some,
    )


def _row(asked: Asked, stage: str, label: str, visits: Visits) -> list[Cell]:
    parts = (
        visits.advanced, visits.lost, visits.returned, visits.referred, visits.voided, visits.still_here,
    )  # fmt: skip
    total = sum(parts)
    mark = "=" if total == visits.entered else "≠"
    href = asked.records("stage_flow", stage=stage)
    adds_up = Cell(total, f"{mark} {count(total).text}", href)
    return [
        name(label, href),
        *(
            count(number, asked.records("stage_flow", stage=stage, part=part))
            for part, number in zip(PARTS, (visits.entered, *parts), strict=True)
        ),
        adds_up,
        decimal(visits.median_days, href),
        decimal(visits.p90_days, href),
    ]
