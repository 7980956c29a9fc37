"""What rows may be asked for: the words of a report, a metric and which of its numbers is meant."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from funnel.models import User
from funnel.stages import OPEN_STAGES
from kpi.measures import Metric, Velocity
from kpi.metrics import BY_KEY, seen_by
from kpi.records.narrowing import TAKEN, NarrowForm
from kpi.records.parts import LISTED, Rows, default_part, parts_of
from kpi.records.queries import Place, Sought

MOST: Final = 200
USUAL: Final = 50
NEXT, PREVIOUS = "n", "p"


class RecordsForm(NarrowForm):
    """`metric`, `part` (by default the first that has rows), `stage` of a stage flow, `client` of a client's worth.

    `cursor` is a place in the list as `cursor_of` writes it, `page_size` at most 200. Raises PermissionDenied for a
    metric that the user may not see.
    """

    metric = forms.CharField(required=False, max_length=60, label=_("Figure"))
    part = forms.CharField(required=False, max_length=20, label=_("Part"))
    stage = forms.CharField(required=False, max_length=20, label=_("Stage"))
    client = forms.CharField(required=False, max_length=200, label=_("Client"))
    cursor = forms.CharField(required=False, max_length=120, label=_("Place in the list"))
    page_size = forms.IntegerField(required=False, min_value=1, max_value=MOST, label=_("Rows at once"))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_metric(self) -> Metric:
        key = self.cleaned_data["metric"]
        metric = LISTED.get(key)
        if metric is None:
            words = gettext("Give the key of a figure, such as leads_valid: there is no “%(key)s”.")
            raise ValidationError(words % {"key": key})
        if not seen_by(self.user, [metric]):
            raise PermissionDenied
        if isinstance(metric.query, Velocity):
            words = gettext(
                "This is a product of other figures. Ask for the rows behind one of them: %(keys)s."
            )
            raise ValidationError(words % {"keys": ", ".join(factors_of(metric))})
        return metric

    def clean_stage(self) -> str:
        stage: str = self.cleaned_data["stage"]
        if stage and stage not in OPEN_STAGES:
            words = gettext("“%(text)s” is no open stage: %(stages)s.")
            raise ValidationError(words % {"text": stage, "stages": ", ".join(sorted(OPEN_STAGES))})
        return stage

    def clean_cursor(self) -> tuple[Place, bool] | None:
        text = self.cleaned_data["cursor"]
        try:
            return place_of(text) if text else None
        except (ValueError, binascii.Error):
            raise ValidationError(
                gettext("This is no place in a list: take it from “next” or “previous”.")
            ) from None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if isinstance(metric := cleaned.get("metric"), Metric):
            self._check_part(metric, cleaned)
            for name, needed in (("stage", "stage_flow"), ("client", "ltv_by_client")):
                if cleaned.get(name) and metric.key != needed:
                    words = gettext("Only %(metric)s can be asked for by this.") % {"metric": needed}
                    self.add_error(name, words)
            taken = TAKEN[getattr(cleaned.get("rows"), "relation", "fact")]
            for name in self.narrowed_by():
                if name not in taken:
                    self.add_error(name, gettext("The rows of this figure cannot be narrowed down so."))
        return cleaned

    def _check_part(self, metric: Metric, cleaned: dict[str, Any]) -> None:
        parts = parts_of(metric)
        part = cleaned.get("part") or default_part(metric)
        rows = parts.get(part)
        cleaned["part"] = part
        if rows is None:
            possible = [name for name, one in parts.items() if name and isinstance(one, Rows)]
            words = (
                gettext("“%(text)s” is no part of this figure: %(parts)s.")
                if possible
                else gettext("This figure has one number only: leave out the part.")
            )
            self.add_error("part", words % {"text": part, "parts": ", ".join(possible)})
        elif not isinstance(rows, Rows):
            self.add_error("part", str(rows))
        cleaned["rows"] = rows

    @property
    def sought(self) -> Sought:
        """What a valid form asks to list."""
        found, asked = self.cleaned_data, self.asked
        return Sought(
            organisation=self.organisation,
            rows=found["rows"],
            period=asked["period"],
            as_of=asked["as_of"],
            filters=asked["filters"],
            lag=asked["lag"],
            stage=found["stage"],
            client=found["client"],
            narrow=self.narrow,
        )

    @property
    def page(self) -> dict[str, Any]:
        """Which page of it, as `queries.find` takes it."""
        place, backwards = self.cleaned_data["cursor"] or (None, False)
        return {"size": self.cleaned_data["page_size"] or USUAL, "place": place, "backwards": backwards}


def factors_of(metric: Metric) -> Mapping[str, Metric]:
    """Return the metrics that a metric is the product of, by key; nothing for any but a product."""
    query = metric.query
    if not isinstance(query, Velocity):
        return {}
    return {key: BY_KEY[key] for key in (query.count, query.rate, query.size, query.cycle)}


def cursor_of(place: Place, *, backwards: bool = False) -> str:
    """Write the place of a row, from which a list goes on, or `backwards` to the rows before it."""
    text = f"{PREVIOUS if backwards else NEXT}{place.at.isoformat()}~{place.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(text: str) -> tuple[Place, bool]:
    """Read what `cursor_of` wrote. Raises ValueError."""
    padded = text.encode() + b"=" * (-len(text) % 4)
    told = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    moment, _separator, key = told[1:].partition("~")
    at = datetime.fromisoformat(moment)
    if told[:1] not in {NEXT, PREVIOUS} or at.tzinfo is None or not 0 <= int(key) < 2**63:
        raise ValueError(text)
    return Place(at, int(key)), told[0] == PREVIOUS
