"""The whole dashboard as a file: the cards, then every panel that the reader may see, a sheet each."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from funnel.sheets import Sheet
from kpi.measures import Metric
from kpi.panels import PANELS, Asked
from kpi.report import Line
from kpi.values import plain

from .figures import Plans, count, plans_of
from .pages import View
from .panels import scope_of


def sheets(asked: Asked, view: View, shown: Sequence[Metric]) -> list[Sheet]:
    """Return the sheets of a dashboard in its order: so many queries as its panels take together."""
    figures = count(scope_of(asked), shown, with_months=False)
    plans = plans_of(figures.scope, shown, [])
    head = [
        _("Figure"),
        _("Value"),
        _("The period before"),
        _("Year before"),
        _("Plan"),
        _("Numerator"),
        _("Denominator"),
    ]
    cards = [_line(figures.line(metric), plans, asked) for metric in shown]
    found = [Sheet(_("Figures"), [*head, _("Definition")], cards)]
    for key in ("trend", "funnel", "results", *view.panels):
        panel = PANELS[key]
        if asked.money or not panel.money:
            table = panel.build(asked).table
            found.append(Sheet(str(panel.title), list(map(str, table.head)), table.plain_rows()))
    return found


def _line(line: Line, plans: Plans, asked: Asked) -> list[object]:
    value = line.current
    numerator, denominator = getattr(value, "numerator", None), getattr(value, "denominator", None)
    if hasattr(value, "n"):
        denominator = value.n
    return [
        str(line.metric.name),
        plain(value.figure),
        plain(line.previous_month.figure),
        plain(line.previous_year.figure),
        plain(plans.of(line.metric, asked.period)),
        plain(numerator),
        plain(denominator),
        str(line.metric.definition),
    ]


def file_name(asked: Asked, view: View) -> str:
    """Return the name of the file, without its suffix."""
    return f"dashboard_{view.key}_{asked.period.name}"
