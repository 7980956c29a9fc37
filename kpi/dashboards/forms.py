"""What a dashboard may be asked for beside the report: the metric of its trend, the cut and order of its table."""

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from funnel.periods import Period
from kpi.forms import ReportForm

from .sections import BY_METRICS

ORDERS = ("name", *BY_METRICS)


class DashboardForm(ReportForm):
    """The report's parameters, `trend` (a metric), `sort` (a column, "-" before it for the largest first), and a range.

    `first` and `last`, two days, are a period too: the fields of the page's own range.
    """

    trend = forms.ChoiceField(required=False, label=_("Trend"))
    sort = forms.ChoiceField(
        required=False,
        label=_("Order"),
        choices=[(f"{sign}{key}", key) for key in ORDERS for sign in ("", "-")],
    )
    first = forms.DateField(required=False, label=_("First day"))
    last = forms.DateField(required=False, label=_("Last day"))

    def __init__(self, *args: Any, trends: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["trend"].choices = [(key, key) for key in trends]  # type: ignore[attr-defined]

    def clean_last(self) -> Any:
        first, last = self.cleaned_data.get("first"), self.cleaned_data["last"]
        if first and last and last < first:
            raise ValidationError(gettext("The last day lies before the first."))
        return last

    def clean_period(self) -> Period | None:
        """A range of two days stands for a period that is not given."""
        found = super().clean_period()
        first, last = (self.data.get(name, "") for name in ("first", "last"))
        if found is None and first and last:
            try:
                self.cleaned_data["period"] = f"{first}..{last}"
                return super().clean_period()
            except ValidationError:
                return None  # the two fields say what is wrong with them
        return found

    @property
    def query(self) -> QueryDict:
        """The parameters as they came."""
        return cast(QueryDict, self.data)
