"""What the plan page may be asked for, and what its helpers take."""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from funnel.forms import NumberField
from funnel.models import Team, User
from kpi import plan_numbers
from kpi.forms import YEARS
from kpi.measures import Metric
from kpi.models import MONTH
from kpi.plan_files import LARGEST
from kpi.plan_fill import CannotFill
from kpi.plan_grid import ALL, metric_of, people_to_plan

LONGEST_CELL = 60
LONGEST_PASTE = 100_000
CELL = re.compile(rf"{MONTH.pattern}\|[a-z0-9_]+\|.")


class PlanPageForm(forms.Form):
    """Which plans: of a `year`, either of a `scope` by metric, or of one `metric` by scope (of a `team`'s people).

    `add` are keys of metrics to show though nothing is planned of them. `teams` and `people` are whom plans are for.
    """

    year = forms.IntegerField(
        required=False, min_value=YEARS[0] + 1, max_value=YEARS[1] - 1, label=gettext_lazy("Year")
    )
    scope = forms.CharField(required=False, max_length=200, label=gettext_lazy("Whose plan"))
    metric = forms.CharField(required=False, max_length=60, label=gettext_lazy("Figure"))
    team = forms.CharField(required=False, max_length=150, label=gettext_lazy("Team"))

    def __init__(self, data: QueryDict, *, this_year: int, money: bool) -> None:
        super().__init__(data)
        self.this_year, self.money = this_year, money
        self.teams: Sequence[Team] = list(Team.objects.all())
        self.people: Sequence[User] = people_to_plan()
        self.added = [key for key in data.getlist("add") if metric_of(key, money=money)]

    def clean_year(self) -> int:
        return self.cleaned_data["year"] or self.this_year

    def clean_scope(self) -> str:
        scope: str = self.cleaned_data["scope"] or ALL
        if scope not in {value for _title, choices in self.scopes for value, _name in choices}:
            raise forms.ValidationError(_("There is no plan of “%(text)s”.") % {"text": scope[:60]})
        return scope

    def clean_metric(self) -> Metric | None:
        key = self.cleaned_data["metric"]
        metric = metric_of(key, money=self.money) if key else None
        if key and metric is None:
            raise forms.ValidationError(
                _("There is no metric “%(text)s” that a plan can be made for.") % {"text": key[:60]}
            )
        return metric

    def clean_team(self) -> str:
        team: str = self.cleaned_data["team"]
        if team and team not in {one.name for one in self.teams}:
            raise forms.ValidationError(_("There is no team “%(text)s”.") % {"text": team[:60]})
        return team

    @property
    def scopes(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Whose plan can be chosen, in groups."""
        return [
            ("", [(ALL, _("Everybody"))]),
            (_("Teams"), [(f"team:{team.name}", team.name) for team in self.teams]),
            (_("People"), [(f"owner:{person.username}", str(person)) for person in self.people]),
        ]

    def people_of(self, team: str) -> list[User]:
        return [one for one in self.people if not team or (one.team is not None and one.team.name == team)]


def texts_of(posted: QueryDict) -> dict[str, str]:
    """The texts of the cells that a form carries, by name."""
    return {name: str(posted[name])[:LONGEST_CELL] for name in posted if CELL.match(name)}


def seen_of(posted: QueryDict) -> Mapping[str, str]:
    """The values that the form was drawn with, by name of the cell; {} where it carries none that can be read."""
    try:
        found = json.loads(posted.get("seen", "{}"))
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str)}


class PasteForm(forms.Form):
    use_required_attribute = False

    table = forms.CharField(
        max_length=LONGEST_PASTE,
        strip=False,
        label=gettext_lazy("Cells"),
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "A line for each row: its name, then the months. A first line with months says which ones."
        ),
    )


class CopyForm(forms.Form):
    use_required_attribute = False

    percent = NumberField(
        percent=True,
        label=gettext_lazy("Per cent more"),
        required=False,
        min_value=-100,
        max_value=1000,
        max_digits=7,
        decimal_places=2,
        initial=10,
        help_text=gettext_lazy("A minus makes it less."),
    )

    def clean_percent(self) -> Decimal:
        return self.cleaned_data["percent"] or Decimal()


class SpreadForm(forms.Form):
    """`row` is the name of one of the lines, `number` is read in its metric's way by `number_for`."""

    use_required_attribute = False

    row = forms.ChoiceField(label=gettext_lazy("Row"))
    number = forms.CharField(label=gettext_lazy("For the whole year"), max_length=LONGEST_CELL)
    how = forms.ChoiceField(
        label=gettext_lazy("Shared out"),
        choices=[("evenly", gettext_lazy("Evenly")), ("seasons", gettext_lazy("As last year went"))],
    )

    def __init__(self, *args: Any, rows: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["row"].choices = rows  # type: ignore[attr-defined]

    def number_for(self, metric: Metric) -> Decimal:
        """The yearly number. Raises CannotFill where it is none."""
        try:
            found = plan_numbers.parse(self.cleaned_data["number"], metric)
        except plan_numbers.NoNumber as fault:
            raise CannotFill(str(fault)) from None
        if found is None:
            raise CannotFill(_("Say what is wanted for the whole year."))
        return found


class PlanFileForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("CSV with the columns month, metric, scope, value"),
        max_length=255,
        allow_empty_file=True,
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise forms.ValidationError(_("The file is larger than 5 MB."))
        return file


def this_year(zone: Any) -> int:
    return timezone.localdate(timezone=zone).year
