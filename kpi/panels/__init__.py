"""The panels of the dashboard, each declared once: what it is called, what it means and who builds it.

A panel is built from what is `Asked` (period, filters, moment, who looks) into a `PanelView`: charts and the table that
is downloaded. `panel_views.panel` serves each as a page, as a fragment for htmx, as CSV and as XLSX.
"""

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext_lazy as _

from kpi.panels import stages
from kpi.panels.frame import Asked, Cell, Panel, PanelView, Picture, Table, asked_of

ALL: Final[tuple[Panel, ...]] = (
    Panel(
        "stage-flow", _("Stage flow"),
        _("Visits to each open stage that began in the period, by what became of them: entered = advanced + lost +"
          " returned + referred + voided + still here. Forward or back, whoever left for another open stage or won has"
          " advanced. Days are counted from entering to leaving or to now."),
        stages.stage_flow,
    ),
)  # fmt: skip
PANELS: Final[Mapping[str, Panel]] = {panel.key: panel for panel in ALL}

__all__ = ["PANELS", "Asked", "Cell", "Panel", "PanelView", "Picture", "Table", "asked_of"]
