"""What the pages of staff activity may be asked for."""

import datetime as dt
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from funnel.models import Organisation, Team, User
from kpi.forms import YEARS
from kpi.staff.queries import Stretch, stretch, visible_staff

PERIODS = (
    ("today", gettext_lazy("Day")),
    ("week", gettext_lazy("Week")),
    ("month", gettext_lazy("Month")),
)


class StaffForm(forms.Form):
    """`period` (today, week or month) round a `date` (by default today), of a `team` by its id (by default all)."""

    period = forms.ChoiceField(choices=PERIODS, required=False, label=gettext_lazy("Period"))
    date = forms.DateField(required=False, label=gettext_lazy("Date"))
    team = forms.IntegerField(required=False, min_value=1, max_value=2**62, label=gettext_lazy("Team"))

    def __init__(self, data: QueryDict, *, user: User, organisation: Organisation) -> None:
        super().__init__(data)
        self.query = data
        self.user, self.organisation = user, organisation
        self.today = timezone.localdate(timezone=organisation.zone)
        teams = visible_staff(user).exclude(team=None).order_by().values("team")
        self.teams = list(Team.objects.filter(pk__in=teams))

    def clean_period(self) -> str:
        return self.cleaned_data["period"] or "today"

    def clean_date(self) -> dt.date:
        found: dt.date = self.cleaned_data["date"] or self.today
        if not YEARS[0] < found.year < YEARS[1]:
            raise forms.ValidationError(_("There are no figures of that year."))
        return found

    def clean_team(self) -> Team | None:
        wanted = self.cleaned_data["team"]
        found = next((team for team in self.teams if team.pk == wanted), None)
        if wanted and found is None:
            raise forms.ValidationError(_("There is no such team among those whose work you may see."))
        return found

    @property
    def when(self) -> Stretch:
        """The days that a valid form asks for."""
        return stretch(self.cleaned_data["period"], self.cleaned_data["date"], self.organisation.clock)

    @property
    def faults(self) -> list[Any]:
        return [fault for faults in self.errors.values() for fault in faults]
